"""What is done to segmentations: make one, change frames of segments, go back to an earlier state. Nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from medportal.accounts.models import Role, User
from medportal.annotations.bodies import require_storable
from medportal.annotations.label_maps import stack_shape
from medportal.annotations.models import Segment, Segmentation, SegmentationRevision, SegmentFrame
from medportal.annotations.segmentations import access, document
from medportal.annotations.segmentations.access import Frame, Key, Origin
from medportal.annotations.segmentations.arrays import state_of_label_map
from medportal.annotations.segmentations.serializers import ACTS, SegmentContentSerializer
from medportal.archive.access import get_series
from medportal.archive.models import Series
from medportal.archive.rows import study_topic
from medportal.audit.services import record
from medportal.errors import ConflictError, InvalidError
from medportal.messaging.services import publish

MOST_TOUCHED = 200
MOST_ENTRIES = 200_000
HERE = Origin()


@dataclass
class Change:
    """What is to be made of a segmentation: of segments (None: deleted) and of frames of them, each with its base."""

    uuid: UUID
    act: str
    segments: dict[int, tuple[dict[str, Any] | None, int]] = field(default_factory=dict)
    frames: dict[Key, tuple[bytes, int]] = field(default_factory=dict)


# --- what a client says ---------------------------------------------------------------------------------------------


def checked_change(body: bytes, segmentation: Segmentation) -> Change:
    """Return what a document says of a segmentation.

    Raises InvalidError `document`, `segments`, `runs` or `frame_not_found`; TooLargeError `too_large`.
    """
    header, runs = document.read(body)
    change = Change(_uuid(header.get("change")), _act(header.get("act")), _segments(header.get("segments", [])))
    frames, entries = _frames(header.get("frames", []), segmentation), header.get("slices", [])
    if not isinstance(entries, list) or len(entries) > MOST_ENTRIES or not all(_is_entry(e, frames) for e in entries):
        raise InvalidError("document", "Each of `slices` is [segment, place in `frames`, revision, number of runs].")
    counts = [entry[3] for entry in entries]
    document.require_sound(runs, counts, segmentation.rows * segmentation.columns)
    at = 0
    for number, place, revision, count in entries:
        change.frames[number, frames[place]] = (runs[at : at + count].tobytes(), revision)
        at += count
    if len(change.frames) < len(entries):
        raise InvalidError("document", "A frame of a segment is named twice.")
    return change


def _uuid(said: Any) -> UUID:
    try:
        return UUID(str(said))
    except ValueError as error:
        raise InvalidError("document", "change: a UUID is wanted.") from error


def _act(said: Any) -> str:
    if said not in ACTS:
        raise InvalidError("document", f"act: one of {', '.join(ACTS)} is wanted.")
    return str(said)


def _is_entry(entry: Any, frames: Sequence[Frame]) -> bool:
    is_numbers = isinstance(entry, list) and len(entry) == 4 and all(type(one) is int and one >= 0 for one in entry)
    return is_numbers and 1 <= entry[0] <= 65_535 and entry[1] < len(frames) and entry[2] < 2**31


def _segments(said: Any) -> dict[int, tuple[dict[str, Any] | None, int]]:
    if not isinstance(said, list) or len(said) > access.MOST_SEGMENTS:
        raise InvalidError("segments", f"A list of at most {access.MOST_SEGMENTS} segments is wanted.")
    found: dict[int, tuple[dict[str, Any] | None, int]] = {}
    for one in said:
        if not isinstance(one, dict):
            raise InvalidError("segments", "A segment is an object.")
        number, base = one.get("number"), one.get("base_revision", 0)
        if type(number) is not int or type(base) is not int or not (1 <= number <= 65_535 and 0 <= base < 2**31):
            raise InvalidError("segments", "A segment has a number from 1, and the revision that it was made from.")
        found[number] = (None if one.get("deleted") else checked_segment(one), base)
    return found


def checked_segment(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a segment says of itself; InvalidError `segments` that names what is wrong."""
    serializer = SegmentContentSerializer(data=dict(said))
    if not serializer.is_valid():
        name, problem = next(iter(serializer.errors.items()))
        raise InvalidError("segments", f"Segment {said.get('number', '')}: {name}: {problem}")
    content: dict[str, Any] = dict(serializer.validated_data)
    for name in ("category", "type", "region"):
        content[name] = content[name] and dict(content[name])
    require_storable(content, "The segment", 8 * 1024)
    return content


def _frames(said: Any, segmentation: Segmentation) -> list[Frame]:
    known = access.frames_in(segmentation.series)
    if not isinstance(said, list) or len(said) > MOST_ENTRIES:
        raise InvalidError("document", "frames: a list of [SOP Instance UID, frame number] is wanted.")
    frames = list[Frame]()
    for one in said:
        uid, number = one if isinstance(one, list) and len(one) == 2 else ("", 0)
        count, rows, columns = known.get(uid if isinstance(uid, str) else "", (0, 0, 0))
        if type(number) is not int or not 1 <= number <= count:
            raise InvalidError("frame_not_found", f"The series has no frame {str(uid)[:64]}/{number}.")
        if (rows, columns) != (segmentation.rows, segmentation.columns):
            raise InvalidError("frame_not_found", f"Frame {uid}/{number} is of another size than the segmentation.")
        frames.append((uid, number))
    return frames


# --- making, changing, going back -----------------------------------------------------------------------------------


@transaction.atomic
def create_segmentation(
    user: User,
    series: Series,
    uuid: UUID,
    title: str,
    *,
    state: access.State | None = None,
    origin: Origin = HERE,
) -> Segmentation:
    """Make a segmentation of a series, with what `state` holds; the same one again is the one that is there.

    Raises InvalidError `not_a_volume`, `segmentation_of_other_study` or `too_many_segmentations`.
    """
    series.study.__class__.objects.select_for_update(of=("self",)).get(pk=series.study_id)
    known = Segmentation.objects.filter(team=series.team_id, uuid=uuid).first()
    if known is not None:
        if known.study_id != series.study_id:
            raise InvalidError("segmentation_of_other_study", "A segmentation of this id is of another study.")
        return known
    if Segmentation.objects.filter(study=series.study_id, is_deleted=False).count() >= access.MOST_SEGMENTATIONS:
        raise InvalidError("too_many_segmentations", f"A study has at most {access.MOST_SEGMENTATIONS} segmentations.")
    _, rows, columns = stack_shape(series)
    made = Segmentation.objects.create(
        team_id=series.team_id,
        study=series.study,
        series=series,
        uuid=uuid,
        title=title,
        rows=rows,
        columns=columns,
        author=user,
        updated_by=user,
        source=origin.source,
        model=origin.model,
        version=origin.version,
        sop_instance_uid=origin.sop_instance_uid,
    )
    state = state or access.State()
    _note(made, user, uuid4(), "created", sorted(state.segments), len(state.frames))
    _insert(
        made, {n: content for n, (content, _) in state.segments.items()}, {k: r for k, (r, _) in state.frames.items()}
    )
    _tell(made, user, "segmentation.created", None, None)
    return made


def change_segmentation(user: User, team_slug: str, study_uid: str, uuid: UUID, body: bytes) -> dict[str, Any]:
    """Make a change whole, or not at all: `serializers.ChangedSerializer`.

    One that was made is `unchanged`; one of which a part is based on another state is a `conflict` that names the parts.
    """
    segmentation = access.get_segmentation(user, team_slug, study_uid, uuid, Role.READER)
    change = checked_change(body, segmentation)
    try:
        return _change(user, segmentation, change)
    except IntegrityError as error:
        raise ConflictError("busy", "The same change is being made by two ways at once; send it again.") from error


@transaction.atomic
def _change(user: User, segmentation: Segmentation, change: Change) -> dict[str, Any]:
    now = Segmentation.objects.select_for_update(of=("self",)).get(pk=segmentation.pk)
    if SegmentationRevision.objects.filter(segmentation=now, change=change.uuid).exists():
        return {"outcome": "unchanged", "revision": now.revision, "conflicts": []}
    segments = {one.number: one for one in Segment.objects.filter(segmentation=now, is_current=True)}
    frames = access.newest_of(now, set(change.frames))
    conflicts = [*_segment_conflicts(change, segments), *_frame_conflicts(change, frames, segments)]
    if conflicts:
        return {"outcome": "conflict", "revision": now.revision, "conflicts": conflicts}
    new_segments = {n: said for n, (said, _) in change.segments.items() if not _says(segments.get(n), said)}
    new_frames = {k: runs for k, (runs, _) in change.frames.items() if frames.get(k, (b"", 0))[0] != runs}
    if not new_segments and not new_frames:
        return {"outcome": "unchanged", "revision": now.revision, "conflicts": []}
    if len({*segments, *new_segments}) > access.MOST_SEGMENTS:
        raise InvalidError("segments", f"A segmentation has at most {access.MOST_SEGMENTS} segments.")
    now.revision = access.newest_revision(now) + 1
    now.updated_by = user
    now.save(update_fields=["revision", "updated_by", "updated_at"])
    touched = sorted({*new_segments, *(number for number, _ in new_frames)})
    _note(now, user, change.uuid, change.act, touched, len(new_frames))
    _insert(now, new_segments, new_frames)
    _tell(now, user, "segmentation.changed", change.uuid, [(n, ("", 0)) for n in new_segments] + list(new_frames))
    return {"outcome": "saved", "revision": now.revision, "conflicts": []}


def _says(segment: Segment | None, said: dict[str, Any] | None) -> bool:
    if segment is None or segment.is_deleted:
        return said is None
    return said is not None and segment.content == said


def _segment_conflicts(change: Change, segments: Mapping[int, Segment]) -> Iterable[dict[str, Any]]:
    for number, (said, base) in change.segments.items():
        known = segments.get(number)
        # Whoever knows of none, where there is none any more, knows what is there.
        is_known = known is None or known.revision <= base or (known.is_deleted and base == 0)
        if not is_known and not _says(known, said):
            yield {"segment": number, "sop_instance_uid": "", "frame_number": 0}


def _frame_conflicts(
    change: Change, frames: Mapping[Key, tuple[bytes, int]], segments: Mapping[int, Segment]
) -> Iterable[dict[str, Any]]:
    alive = {number for number, one in segments.items() if not one.is_deleted}
    alive |= {number for number, (said, _) in change.segments.items() if said is not None}
    for (number, (uid, frame)), (runs, base) in change.frames.items():
        kept, revision = frames.get((number, (uid, frame)), (b"", 0))
        is_gone = bool(runs) and number not in alive
        is_known = revision <= base or (not kept and base == 0)
        if is_gone or (not is_known and kept != runs):
            yield {"segment": number, "sop_instance_uid": uid, "frame_number": frame}


def _insert(
    segmentation: Segmentation, segments: Mapping[int, dict[str, Any] | None], frames: Mapping[Key, bytes]
) -> None:
    """Write rows of the segmentation's present revision, in the place of those that were current."""
    revision, old = segmentation.revision, Segment.objects.filter(segmentation=segmentation, is_current=True)
    old.filter(number__in=list(segments)).update(is_current=False)
    Segment.objects.bulk_create(
        Segment(
            segmentation=segmentation, number=number, revision=revision, is_deleted=said is None, content=said or {}
        )
        for number, said in segments.items()
    )
    rows = SegmentFrame.objects.filter(segmentation=segmentation, is_current=True)
    if revision > 1:
        keys = {(r.number, (r.sop_instance_uid, r.frame_number)): r.pk for r in _same_frames(rows, frames)}
        stale = [pk for key, pk in keys.items() if key in frames]
        for start in range(0, len(stale), 500):
            SegmentFrame.objects.filter(pk__in=stale[start : start + 500]).update(is_current=False)
    SegmentFrame.objects.bulk_create(
        (
            SegmentFrame(
                segmentation=segmentation,
                number=number,
                sop_instance_uid=uid,
                frame_number=frame,
                revision=revision,
                runs=runs,
            )
            for (number, (uid, frame)), runs in frames.items()
        ),
        batch_size=1000,
    )


def _same_frames(rows: Any, frames: Mapping[Key, bytes]) -> Any:
    numbers, uids = {number for number, _ in frames}, {uid for _, (uid, _) in frames}
    rows = rows.filter(number__in=numbers)
    rows = rows.filter(sop_instance_uid__in=uids) if len(uids) <= 500 else rows
    return rows.only("pk", "number", "sop_instance_uid", "frame_number")


@transaction.atomic
def edit_segmentation(
    user: User, team_slug: str, study_uid: str, uuid: UUID, *, based_on: int, **words: Any
) -> dict[str, Any]:
    """Give a segmentation another title, delete it or take it back; returns its row.

    Raises ConflictError `conflict` with `current` where somebody has gone on from `based_on` and it is to be deleted.
    """
    row = access.get_segmentation(user, team_slug, study_uid, uuid, Role.READER)
    now = Segmentation.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if words.get("is_deleted") and now.revision != based_on:
        raise ConflictError("conflict", "Somebody has changed the segmentation meanwhile.", current=access.row_of(now))
    for name, value in words.items():
        setattr(now, name, value)
    now.updated_by = user
    now.save(update_fields=[*words, "updated_by", "updated_at"])
    _tell(now, user, "segmentation.deleted" if now.is_deleted else "segmentation.edited", None, [])
    return access.row_of(now)


@transaction.atomic
def restore_segmentation(
    user: User, team_slug: str, study_uid: str, uuid: UUID, *, revision: int, based_on: int
) -> dict[str, Any]:
    """Make a segmentation what it was at a revision, as a new one; returns its row.

    Raises InvalidError `no_such_revision`; ConflictError `conflict` with `current` where it is not at `based_on`.
    """
    row = access.get_segmentation(user, team_slug, study_uid, uuid, Role.READER)
    now = Segmentation.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if now.revision != based_on:
        raise ConflictError("conflict", "Somebody has changed the segmentation meanwhile.", current=access.row_of(now))
    if not SegmentationRevision.objects.filter(segmentation=now, revision=revision).exists():
        raise InvalidError("no_such_revision", f"The segmentation has no revision {revision}.")
    then, present = access.state_of(now, revision), access.state_of(now)
    segments: dict[int, dict[str, Any] | None] = {
        n: content for n, (content, _) in then.segments.items() if present.segments.get(n, ({}, 0))[0] != content
    }
    segments |= dict.fromkeys(set(present.segments) - set(then.segments))
    frames = {k: runs for k, (runs, _) in then.frames.items() if present.frames.get(k, (b"", 0))[0] != runs}
    frames |= dict.fromkeys(set(present.frames) - set(then.frames), b"")
    now.revision = access.newest_revision(now) + 1
    now.is_deleted, now.updated_by = False, user
    now.save(update_fields=["revision", "is_deleted", "updated_by", "updated_at"])
    _note(now, user, uuid4(), "restored", sorted({*segments, *(n for n, _ in frames)}), len(frames))
    _insert(now, segments, frames)
    _tell(now, user, "segmentation.restored", None, None)
    return access.row_of(now)


def _note(
    segmentation: Segmentation, user: User, change: UUID, act: str, segments: list[int], number_of_frames: int
) -> None:
    SegmentationRevision.objects.create(
        segmentation=segmentation,
        revision=segmentation.revision,
        change=change,
        act=act,
        author=user,
        segments=segments[: access.MOST_SEGMENTS],
        number_of_frames=number_of_frames,
    )


def _tell(segmentation: Segmentation, user: User, action: str, change: UUID | None, touched: list[Key] | None) -> None:
    """Put the act on record, and tell everybody who has the study open."""
    study = segmentation.study
    record(
        actor=user,
        action=action,
        team=study.team.slug,
        object_type="study",
        object_id=study.study_instance_uid,
        detail={"segmentation": str(segmentation.uuid), "revision": segmentation.revision},
    )
    names = [{"segment": n, "sop_instance_uid": uid, "frame_number": f} for n, (uid, f) in touched or []]
    data = {
        "segmentation": access.row_of(segmentation),
        "change": str(change) if change else None,
        "touched": None if touched is None or len(touched) > MOST_TOUCHED else names,
    }
    publish(study_topic(study), "segmentation.changed", data, team_id=study.team_id)


def begin_segmentation(
    user: User,
    team_slug: str,
    study_uid: str,
    *,
    id: UUID,  # noqa: A002
    series_instance_uid: str,
    title: str,
    copy_of: UUID | None,
    from_annotation_set: UUID | None,
) -> dict[str, Any]:
    """Make a segmentation for a page: empty, a copy of another one, or with the mask of a result; returns its row."""
    series = get_series(user, team_slug, series_instance_uid, Role.READER, study_uid)
    state, origin = None, Origin()
    if copy_of is not None:
        other = access.get_segmentation(user, team_slug, study_uid, copy_of)
        if other.series_id != series.pk:
            raise InvalidError("segmentation_of_other_series", "The segmentation to be copied is of another series.")
        state, title = access.state_of(other), title or other.title
    elif from_annotation_set is not None:
        state, origin = state_of_label_map(user, team_slug, from_annotation_set, series)
    try:
        return access.row_of(create_segmentation(user, series, id, title, state=state, origin=origin))
    except IntegrityError as error:
        raise ConflictError("busy", "The same segmentation is being made in another study; send it again.") from error
