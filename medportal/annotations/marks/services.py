"""What is done to marks: save changes, each for itself, and go back to an earlier state. Nothing is overwritten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from medportal.accounts.models import Role, User
from medportal.annotations.marks import access
from medportal.annotations.marks.content import FIELDS, Content, checked_content, content_of, mark_row
from medportal.annotations.models import Act, Mark, MarkRevision
from medportal.archive.access import get_study
from medportal.archive.models import Series, Study
from medportal.archive.rows import study_topic
from medportal.audit.services import record
from medportal.errors import ConflictError, InvalidError, MedportalError
from medportal.messaging.services import publish

Result = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What somebody makes of a mark whose `revision` they saw (0: of none); no content deletes it."""

    uuid: UUID
    revision: int
    content: Content | None


@dataclass
class _Batch:
    """Changes of one study, with what deciding on them needs."""

    study: Study
    user: User
    known: dict[UUID, Mark]
    series: Mapping[str, Series]
    places: Mapping[tuple[str, str], int]
    # Marks that are there, and all that ever were.
    live: int
    ever: int
    done: Counter[str] = field(default_factory=Counter)


def save_changes(user: User, team_slug: str, study_uid: str, changes: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Make each change that is based on the mark as it is; returns what became of each: `marks.serializers.Result`.

    The same change again is `unchanged`; one that is based on another state is a `conflict`, which changes nothing and
    shows the mark as it is; one that makes no sense is `refused`. Raises ConflictError `busy` where the same marks come
    by two ways at once.
    """
    study = get_study(user, team_slug, study_uid, Role.READER)
    checked = [_checked(change) for change in changes]
    try:
        return _save(user, study, checked)
    except IntegrityError as error:
        raise ConflictError("busy", "The same marks are being saved in another study; send them again.") from error


def _checked(change: Mapping[str, Any]) -> Change | Result:
    """Return a change that makes sense by itself, or its refusal."""
    try:
        content = None if change["mark"] is None else checked_content(change["mark"])
        return Change(change["id"], change["revision"], content)
    except MedportalError as error:
        return _result(change["id"], "refused", None, error)


@transaction.atomic
def _save(user: User, study: Study, changes: Sequence[Change | Result]) -> list[Result]:
    # One at a time changes a study's marks: what is read here holds until it is committed.
    Study.objects.select_for_update(of=("self",)).get(pk=study.pk)
    real = [change for change in changes if isinstance(change, Change)]
    rows = Mark.objects.filter(team=study.team_id, uuid__in=[change.uuid for change in real])
    instances = [change.content["sop_instance_uid"] for change in real if change.content]
    batch = _Batch(
        study,
        user,
        {mark.uuid: mark for mark in access.with_rows(rows)},
        access.series_in(study),
        access.places_in(study, filter(None, instances)),
        Mark.objects.filter(study=study, is_deleted=False).count(),
        Mark.objects.filter(study=study).count(),
    )
    results = [_apply(batch, change) if isinstance(change, Change) else change for change in changes]
    if batch.done:
        _record(user, study, dict(batch.done), [r["id"] for r in results if r["outcome"] == "saved"])
    return results


def _apply(batch: _Batch, change: Change) -> Result:
    """Make one change, or say why not."""
    mark = batch.known.get(change.uuid)
    try:
        if mark is not None and mark.study_id != batch.study.pk:
            raise InvalidError("mark_of_other_study", "A mark of this id is of another study.")
        if change.content is not None:
            _require_place(batch, change.content)
        if mark is None:
            return _begin(batch, change)
        if _is_as(mark, change.content):
            return _result(change.uuid, "unchanged", mark)
        if mark.revision != change.revision:
            outcome = "unchanged" if _was_made(batch, mark, change) else "conflict"
            return _result(change.uuid, outcome, mark)
        if mark.is_deleted:
            _require_room(batch)
    except MedportalError as error:
        return _result(change.uuid, "refused", None, error)
    _write(mark, change.content, batch)
    return _result(change.uuid, "saved", mark)


def _begin(batch: _Batch, change: Change) -> Result:
    """Make a mark; to delete one that has never been is to do nothing."""
    if change.revision:
        raise InvalidError("mark_not_found", "There is no such mark in this study.")
    if change.content is None:
        return _result(change.uuid, "unchanged", None)
    _require_room(batch)
    mark = Mark(team_id=batch.study.team_id, study=batch.study, uuid=change.uuid, revision=0, author=batch.user)
    batch.known[change.uuid] = mark
    batch.ever += 1
    _write(mark, change.content, batch)
    return _result(change.uuid, "saved", mark)


def _require_room(batch: _Batch) -> None:
    if batch.live >= access.MOST_MARKS or batch.ever >= access.MOST_EVER:
        raise InvalidError("too_many_marks", f"A study has at most {access.MOST_MARKS} marks.")


def _require_place(batch: _Batch, content: Content) -> None:
    """Refuse a mark of a series, an instance or a frame that the study has not."""
    series, instance = content["series_instance_uid"], content["sop_instance_uid"]
    if series not in batch.series:
        raise InvalidError("series_not_in_study", "The mark's series is not of this study.")
    if instance:
        frames = batch.places.get((series, instance))
        if frames is None:
            raise InvalidError("instance_not_in_series", "The mark's instance is not of its series.")
        if (content["frame_number"] or 1) > max(frames, 1):
            raise InvalidError("frame_not_found", f"The mark's instance has {frames} frames.")


def _is_as(mark: Mark, content: Content | None) -> bool:
    return mark.is_deleted if content is None else not mark.is_deleted and content_of(mark) == content


def _was_made(batch: _Batch, mark: Mark, change: Change) -> bool:
    """Say whether this change was made already, by the same person, and the mark has gone on from there."""
    made = MarkRevision.objects.filter(mark=mark, revision=change.revision + 1, author=batch.user).first()
    if made is None or (change.content is None) != (made.act == Act.DELETED):
        return False
    return change.content is None or bool(made.content == change.content)


def _write(mark: Mark, content: Content | None, batch: _Batch, *, act: Act | None = None) -> None:
    """Make the mark's next revision, and tell of it."""
    was_deleted, is_new = mark.is_deleted, mark.revision == 0
    mark.is_deleted = content is None
    if content is not None:
        mark.series = batch.series[content["series_instance_uid"]]
        for name in FIELDS:
            setattr(mark, name, content[name])
    mark.revision += 1
    mark.updated_by = batch.user
    mark.save()
    act = act or _act_of(is_new=is_new, was_deleted=was_deleted, is_deleted=mark.is_deleted)
    batch.live += (not mark.is_deleted) - (not (was_deleted or is_new))
    batch.done[act] += 1
    MarkRevision.objects.create(mark=mark, revision=mark.revision, act=act, author=batch.user, content=content_of(mark))
    publish(study_topic(batch.study), "mark.changed", mark_row(mark), team_id=batch.study.team_id)


def _act_of(*, is_new: bool, was_deleted: bool, is_deleted: bool) -> Act:
    if is_new:
        return Act.CREATED
    if is_deleted:
        return Act.DELETED
    return Act.RESTORED if was_deleted else Act.CHANGED


def _result(uuid: UUID, outcome: str, mark: Mark | None, error: MedportalError | None = None) -> Result:
    code, detail = (error.code, error.detail) if error else ("", "")
    return {
        "id": str(uuid),
        "outcome": outcome,
        "mark": mark_row(mark) if mark else None,
        "code": code,
        "detail": detail,
    }


def _record(user: User, study: Study, done: dict[str, int], ids: Sequence[str]) -> None:
    record(
        actor=user,
        action="marks.changed",
        team=study.team.slug,
        object_type="study",
        object_id=study.study_instance_uid,
        detail={**{str(act): number for act, number in done.items()}, "marks": list(ids)},
    )


@transaction.atomic
def restore_mark(
    user: User, team_slug: str, study_uid: str, uuid: UUID, *, revision: int, based_on: int
) -> dict[str, Any]:
    """Make a mark what it was at a revision, as a new revision; returns its row.

    Of a deletion that is what was deleted. Raises InvalidError `no_such_revision`; ConflictError `conflict` with the
    row as `current` where it is not at `based_on`.
    """
    study = get_study(user, team_slug, study_uid, Role.READER)
    Study.objects.select_for_update(of=("self",)).get(pk=study.pk)
    mark = access.get_mark(user, team_slug, study_uid, uuid, Role.READER)
    if mark.revision != based_on:
        raise ConflictError("conflict", "Somebody has changed the mark meanwhile.", current=mark_row(mark))
    wanted = MarkRevision.objects.filter(mark=mark, revision=revision).first()
    if wanted is None:
        raise InvalidError("no_such_revision", f"The mark has no revision {revision}.")
    live = Mark.objects.filter(study=study, is_deleted=False).count()
    batch = _Batch(study, user, {}, access.series_in(study), {}, live, 0)
    if wanted.content["series_instance_uid"] not in batch.series:
        raise InvalidError("series_not_in_study", "The series that the mark was of is gone.")
    if mark.is_deleted:
        _require_room(batch)
    _write(mark, wanted.content, batch, act=Act.RESTORED)
    _record(user, study, dict(batch.done), [str(uuid)])
    return mark_row(mark)
