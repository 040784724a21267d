"""What leaves: measurements as SR, JSON and CSV, segmentations as DICOM SEG and NIfTI."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from typing import Any

import numpy as np

from medportal.annotations.exchange.sources import Planes, grid_of, header_of, made_by, source_of, to_pixels
from medportal.annotations.label_maps import require_room
from medportal.annotations.marks.content import mark_row
from medportal.annotations.models import Mark, Segmentation
from medportal.annotations.segmentations import access
from medportal.annotations.segmentations.document import mask_of
from medportal.archive.models import Study
from medportal.errors import InvalidError
from medportal.imaging.derived_object import Code
from medportal.imaging.geometry import normal_of
from medportal.imaging.seg_write import Frame, SegmentDescription, write_segmentation
from medportal.imaging.sr_write import Measurement, write_measurements
from medportal.imaging.written import uid_of

DICOM = "application/dicom"


@dataclass(frozen=True)
class File:
    """A file that is handed out."""

    name: str
    content_type: str
    content: bytes


def measurements_of(study: Study, marks: Iterable[Mark]) -> list[Measurement]:
    """Return marks as measurements: in pixels of their frame where there is one, else of the patient."""
    planes, found = Planes(study), []
    for mark in marks:
        if mark.kind == "key":
            continue
        flat: list[list[float]] | None = None
        if mark.sop_instance_uid:
            plane = planes.plane(mark.sop_instance_uid, mark.frame_number or 1)
            if mark.space == "image":
                flat = mark.points
            elif plane is not None:
                flat = to_pixels(mark.points, plane)
        data = mark.data
        finding = data.get("finding") if isinstance(data.get("finding"), dict) else None
        found.append(
            Measurement(
                kind=mark.kind,
                points=flat or mark.points,
                series_instance_uid=mark.series.series_instance_uid,
                reference=planes.reference(mark.sop_instance_uid, mark.frame_number) if flat else None,
                frame_of_reference_uid=mark.frame_of_reference_uid or mark.series.frame_of_reference_uid,
                label=str(data.get("text") or data.get("label") or ""),
                finding=Code(*(str(finding.get(k, "")) for k in ("value", "scheme", "meaning"))) if finding else None,
                stats=data.get("stats") if isinstance(data.get("stats"), dict) else {},
                tracking_uid=uid_of(f"mark {mark.uuid}"),
                model=f"{mark.model}@{mark.version}" if mark.model else "",
            )
        )
    return found


def as_sr(study: Study, marks: Sequence[Mark]) -> File:
    """Return a study's measurements as a structured report; InvalidError `nothing_measured`."""
    if not marks:
        raise InvalidError("nothing_measured", "There is no measurement yet: there is nothing to write.")
    last = max(marks, key=lambda mark: mark.updated_at)
    key = f"measurements {study.pk} " + " ".join(f"{mark.uuid}/{mark.revision}" for mark in marks)
    measured = measurements_of(study, marks)
    content = write_measurements(
        header_of(study), measured, made_by(last.updated_by, last.updated_at, "Measurements", 1), key
    )
    return File("measurements.dcm", DICOM, content)


def as_seg(segmentation: Segmentation) -> File:
    """Return a segmentation as a DICOM object; InvalidError `empty_segmentation` or `no_place`."""
    source = source_of(segmentation.series)
    place = {(frame.sop_instance_uid, frame.number): index for index, frame in enumerate(source.frames)}
    state = access.state_of(segmentation)
    frames: list[Frame] = [
        (number, place[frame], partial(mask_of, runs, segmentation.rows, segmentation.columns))
        for (number, frame), (runs, _) in state.frames.items()
        if frame in place
    ]
    segments = {number: _description(content) for number, (content, _) in state.segments.items()}
    key = f"segmentation {segmentation.team_id} {segmentation.uuid} {segmentation.revision} {segmentation.updated_at.isoformat()}"
    title, at = segmentation.title or "Segmentation", segmentation.updated_at
    made = made_by(segmentation.updated_by, at, title, 100 + segmentation.pk % 800)
    return File(f"segmentation-{segmentation.pk}.dcm", DICOM, write_segmentation(source, segments, frames, made, key))


def _description(content: dict[str, Any]) -> SegmentDescription:
    def code(name: str) -> Code | None:
        said = content.get(name)
        return Code(said["value"], said["scheme"], said["meaning"]) if said else None

    return SegmentDescription(
        label=content["label"],
        color=content["color"],
        algorithm=content["algorithm"],
        algorithm_name=content["model"],
        category=code("category"),
        type=code("type"),
        region=code("region"),
    )


def as_nifti(segmentation: Segmentation) -> File:
    """Return a segmentation as a label map (NIfTI-1, RAS); of overlapping segments the later ones are seen.

    Raises InvalidError `empty_segmentation`, TooLargeError `mask_size`.
    """
    import nibabel

    source = source_of(segmentation.series)
    grid = grid_of(segmentation.series, source.frames)
    place = {(frame.sop_instance_uid, frame.number): index for index, frame in enumerate(source.frames)}
    state = access.state_of(segmentation)
    if not state.frames:
        raise InvalidError("empty_segmentation", "The segmentation has no voxel yet: there is nothing to write.")
    require_room(grid.array.shape)
    labels = np.zeros(grid.array.shape, np.uint16)
    for (number, frame), (runs, _) in state.frames.items():
        if frame in place:
            labels[place[frame]][mask_of(runs, segmentation.rows, segmentation.columns)] = number
    spacing, turn = grid.spacing_mm_zyx, np.asarray(grid.orientation)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = turn[:3] * spacing[2], turn[3:] * spacing[1]
    affine[:3, 2], affine[:3, 3] = np.asarray(normal_of(grid.orientation)) * spacing[0], grid.origin_mm
    # LPS to RAS.
    affine[:2] *= -1
    image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), affine)  # type: ignore[no-untyped-call]
    content = gzip.compress(image.to_bytes(), 5)
    return File(f"segmentation-{segmentation.pk}.nii.gz", "application/gzip", content)


def as_json(study: Study, marks: Sequence[Mark], segmentations: Sequence[Segmentation]) -> File:
    """Return marks, and what segmentations say of themselves."""
    rows = [
        access.row_of(one) | {"segments": [{"number": n, **c} for n, (c, _) in access.state_of(one).segments.items()]}
        for one in segmentations
    ]
    said = {
        "study_instance_uid": study.study_instance_uid,
        "marks": [mark_row(mark) for mark in marks],
        "segmentations": rows,
    }
    return File("annotations.json", "application/json", json.dumps(said, ensure_ascii=False, indent=1).encode())


COLUMNS = (
    "id", "kind", "label", "finding", "author", "source", "model", "updated_at", "series_instance_uid",
    "sop_instance_uid", "frame_number", "length_mm", "width_mm", "area_mm2", "angle_deg", "mean", "std", "min", "max",
    "value", "unit",
)  # fmt: skip


def as_csv(marks: Sequence[Mark]) -> File:
    """Return a line for each mark."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for mark in marks:
        row = mark_row(mark)
        data = row["data"]
        finding = data.get("finding") or {}
        words = {"label": data.get("text") or data.get("label") or "", "finding": finding.get("meaning", "")}
        cells = {**row, **(data.get("stats") or {}), **words}
        writer.writerow({name: _harmless(value) for name, value in cells.items()})
    return File("marks.csv", "text/csv; charset=utf-8", ("\ufeff" + out.getvalue()).encode())


def _harmless(value: Any) -> Any:
    """Keep a text from being taken for a formula by a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def zipped(files: Sequence[File]) -> File:
    """Return several files as one."""
    from zipfile import ZIP_DEFLATED, ZipFile

    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.content)
    return File("annotations.zip", "application/zip", out.getvalue())


# Each file is made when it is its turn.
Writer = Callable[[Study, Sequence[Mark], Sequence[Segmentation]], Iterable[File]]
FORMS: dict[str, Writer] = {
    "sr": lambda study, marks, _: [as_sr(study, marks)],
    "seg": lambda _, __, segmentations: map(as_seg, segmentations),
    "nifti": lambda _, __, segmentations: map(as_nifti, segmentations),
    "json": lambda study, marks, segmentations: [as_json(study, marks, segmentations)],
    "csv": lambda _, marks, __: [as_csv(marks)],
}
