"""The segmentations that a user may see: those of the studies of its teams; and how each is, or was, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.annotations.models import Segment, SegmentationRevision, SegmentFrame, Source
from medportal.annotations.models import Segmentation as Row
from medportal.annotations.segmentations.document import write
from medportal.archive.access import get_study
from medportal.archive.models import Instance, Series
from medportal.errors import NotFoundError

MOST_SEGMENTATIONS = 200
MOST_SEGMENTS = 1000
MOST_REVISIONS = 1000
# (SOP Instance UID, frame number).
Frame = tuple[str, int]
# (segment number, frame).
Key = tuple[int, Frame]


@dataclass
class State:
    """A segmentation at a revision: what each segment says, and its runs on each frame, with the revision of both."""

    segments: dict[int, tuple[dict[str, Any], int]] = field(default_factory=dict)
    frames: dict[Key, tuple[bytes, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """Where a segmentation comes from."""

    source: str = Source.PERSON
    model: str = ""
    version: int | None = None
    sop_instance_uid: str = ""


def visible_segmentations(user: User, team_slug: str, study_uid: str, *, deleted: bool = False) -> QuerySet[Row]:
    """Return a study's segmentations in the order in which they were made, with the deleted ones if asked for."""
    rows = Row.objects.filter(study=get_study(user, team_slug, study_uid))
    return _with_rows(rows if deleted else rows.filter(is_deleted=False))


def _with_rows(rows: QuerySet[Row]) -> QuerySet[Row]:
    count = Count("segments", filter=Q(segments__is_current=True, segments__is_deleted=False))
    return rows.select_related("study__team", "series", "author", "updated_by").annotate(number=count).order_by("pk")


def get_segmentation(user: User, team_slug: str, study_uid: str, uuid: UUID, role: Role = Role.VIEWER) -> Row:
    """Return a segmentation of a study, deleted or not; NotFoundError `segmentation_not_found`."""
    get_team(user, team_slug, role)
    row = visible_segmentations(user, team_slug, study_uid, deleted=True).filter(uuid=uuid).first()
    if row is None:
        raise NotFoundError("segmentation_not_found", "There is no such segmentation in this study.")
    return row


def row_of(segmentation: Row) -> dict[str, Any]:
    """Return a segmentation's row as answers and events carry it."""
    shown = _with_rows(Row.objects.filter(pk=segmentation.pk)).get()
    return _row(shown)


def rows_of(segmentations: QuerySet[Row]) -> list[dict[str, Any]]:
    """Return the rows of a study's segmentations."""
    return [_row(one) for one in segmentations[: 2 * MOST_SEGMENTATIONS]]


def _row(shown: Any) -> dict[str, Any]:
    return {
        "id": str(shown.uuid),
        "study_instance_uid": shown.study.study_instance_uid,
        "series_instance_uid": shown.series.series_instance_uid,
        "title": shown.title,
        "source": shown.source,
        "author": shown.author.username if shown.author else None,
        "model": shown.model,
        "version": shown.version,
        "sop_instance_uid": shown.sop_instance_uid,
        "revision": shown.revision,
        "number_of_segments": shown.number,
        "is_deleted": shown.is_deleted,
        "created_at": shown.created_at.isoformat(),
        "updated_at": shown.updated_at.isoformat(),
        "updated_by": shown.updated_by.username if shown.updated_by else None,
    }


def state_of(segmentation: Row, revision: int | None = None) -> State:
    """Return a segmentation as it is, or as it was at a revision; segments in order of their numbers, frames of each."""
    state = State()
    segments = Segment.objects.filter(segmentation=segmentation, **_at(revision)).order_by("number", "revision")
    for number, made, is_deleted, content in segments.values_list("number", "revision", "is_deleted", "content"):
        state.segments.pop(number, None)
        if not is_deleted:
            state.segments[number] = (content, made)
    frames = SegmentFrame.objects.filter(segmentation=segmentation, **_at(revision)).order_by("number", "revision")
    columns = ("number", "sop_instance_uid", "frame_number", "runs", "revision")
    for number, uid, frame, runs, made in frames.values_list(*columns).iterator(chunk_size=5000):
        key = (number, (uid, frame))
        if runs and number in state.segments:
            state.frames[key] = (bytes(runs), made)
        else:
            state.frames.pop(key, None)
    return state


def document_of(segmentation: Row, revision: int | None = None) -> bytes:
    """Return a segmentation as it travels (`document`), as it is or as it was at a revision."""
    state = state_of(segmentation, revision)
    places: dict[Frame, int] = {}
    slices, runs = list[list[int]](), list[bytes]()
    for (number, frame), (own, made) in state.frames.items():
        slices.append([number, places.setdefault(frame, len(places)), made, len(own) // 8])
        runs.append(own)
    header = {
        "id": str(segmentation.uuid),
        "series_instance_uid": segmentation.series.series_instance_uid,
        "revision": revision or segmentation.revision,
        "rows": segmentation.rows,
        "columns": segmentation.columns,
        "frames": list(places),
        "segments": [{"number": n, "revision": made, **content} for n, (content, made) in state.segments.items()],
        "slices": slices,
    }
    return write(header, runs)


def _at(revision: int | None) -> dict[str, Any]:
    return {"is_current": True} if revision is None else {"revision__lte": revision}


def revisions_of(segmentation: Row) -> QuerySet[SegmentationRevision]:
    """Return a segmentation's history, newest first."""
    return SegmentationRevision.objects.filter(segmentation=segmentation).select_related("author").order_by("-revision")


def newest_of(segmentation: Row, keys: set[Key]) -> dict[Key, tuple[bytes, int]]:
    """Return what is kept now of some frames of segments, whether voxels are left or not."""
    numbers, uids = {number for number, _ in keys}, {uid for _, (uid, _) in keys}
    rows = SegmentFrame.objects.filter(segmentation=segmentation, is_current=True, number__in=numbers)
    # Databases take a limited number of values in one question.
    rows = rows.filter(sop_instance_uid__in=uids) if len(uids) <= 500 else rows
    columns = ("number", "sop_instance_uid", "frame_number", "runs", "revision")
    found = {(n, (uid, f)): (bytes(runs), made) for n, uid, f, runs, made in rows.values_list(*columns)}
    return {key: value for key, value in found.items() if key in keys}


def frames_in(series: Series) -> dict[str, tuple[int, int, int]]:
    """Return of a series' instances (frames, rows, columns), in order along the stack."""
    rows = Instance.objects.filter(series=series, number_of_frames__gt=0)
    rows = rows.order_by("slice_position_mm", "instance_number", "id")
    columns = ("sop_instance_uid", "number_of_frames", "rows", "columns")
    return {uid: (frames, height or 0, width or 0) for uid, frames, height, width in rows.values_list(*columns)}


def newest_revision(segmentation: Row) -> int:
    """Return the highest revision that was ever made."""
    return SegmentationRevision.objects.filter(segmentation=segmentation).aggregate(n=Max("revision"))["n"] or 1
