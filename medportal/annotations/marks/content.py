"""What a mark says: checked as it comes in, compared, kept as one value in the history, and shown as a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medportal.annotations.bodies import require_storable
from medportal.annotations.marks.kinds import checked_points
from medportal.annotations.marks.serializers import MarkContentSerializer
from medportal.annotations.models import Mark, MarkRevision, Source, Space
from medportal.errors import InvalidError

DATA_BYTES = 8 * 1024
FIELDS = (
    "sop_instance_uid",
    "frame_number",
    "frame_of_reference_uid",
    "kind",
    "space",
    "points",
    "data",
    "is_hidden",
    "is_locked",
    "source",
    "model",
    "version",
)
Content = dict[str, Any]


def checked_content(said: Any) -> Content:
    """Return what a client says of a mark, with `series_instance_uid` beside FIELDS.

    Raises InvalidError `mark` (shape), `points`, `place` or `source`; TooLargeError `too_large` for its data.
    """
    if not isinstance(said, dict):
        raise InvalidError("mark", "A mark is an object.")
    serializer = MarkContentSerializer(data=said)
    if not serializer.is_valid():
        name, problem = next(iter(serializer.errors.items()))
        raise InvalidError("mark", f"{name}: {_first(problem)}")
    content: Content = dict(serializer.validated_data)
    is_flat = content["space"] == Space.IMAGE
    _require_place(content, is_flat=is_flat)
    content["points"] = checked_points(content["kind"], content["points"] or [], is_flat=is_flat)
    if not isinstance(content["data"], dict):
        raise InvalidError("mark", "data: an object is wanted.")
    require_storable(content["data"], "The mark's data", DATA_BYTES)
    if content["source"] == Source.PHANTOM or (content["source"] == Source.MODEL) != bool(content["model"]):
        raise InvalidError("source", "A mark is of a person, an import, or a model, and then names it.")
    return content


def _require_place(content: Content, *, is_flat: bool) -> None:
    if content["frame_number"] is not None and not content["sop_instance_uid"]:
        raise InvalidError("place", "A frame's number needs its instance.")
    if is_flat and (not content["sop_instance_uid"] or content["frame_number"] is None):
        raise InvalidError("place", "Points in pixels need the instance and the frame that they are counted in.")
    if content["kind"] == "key" and not content["sop_instance_uid"]:
        raise InvalidError("place", "A key image needs its instance.")


def _first(problem: Any) -> str:
    """Return the first sentence of what a serializer finds wrong, however deep."""
    while isinstance(problem, list | dict) and problem:
        problem = problem[0] if isinstance(problem, list) else next(iter(problem.values()))
    return str(problem)


def content_of(mark: Mark) -> Content:
    """Return what a mark says now."""
    content = {name: getattr(mark, name) for name in FIELDS}
    return content | {"series_instance_uid": mark.series.series_instance_uid}


def mark_row(mark: Mark, revision: MarkRevision | None = None) -> dict[str, Any]:
    """Return a mark's row as answers and events carry it: as it is, or as it was at a revision."""
    content: Mapping[str, Any] = revision.content if revision else content_of(mark)
    is_deleted = revision.act == "deleted" if revision else mark.is_deleted
    changed_by = revision.author if revision else mark.updated_by
    return {
        "id": str(mark.uuid),
        "study_instance_uid": mark.study.study_instance_uid,
        "series_instance_uid": content["series_instance_uid"],
        **{name: content[name] for name in FIELDS},
        "author": mark.author.username if mark.author else None,
        "revision": revision.revision if revision else mark.revision,
        "is_deleted": is_deleted,
        "created_at": mark.created_at.isoformat(),
        "updated_at": (revision.at if revision else mark.updated_at).isoformat(),
        "updated_by": changed_by.username if changed_by else None,
    }
