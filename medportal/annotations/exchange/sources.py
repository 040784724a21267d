"""A study's series as writers of DICOM objects need them: frames with their geometry, classes, the header of one image."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

import numpy as np
from django.utils import timezone

from medportal.accounts.models import User
from medportal.archive.models import Instance, Series, Study
from medportal.archive.reading import attributes_of, frame_sources, load_series_stack
from medportal.errors import NotFoundError
from medportal.imaging.attributes import Attributes
from medportal.imaging.derived_object import Made, Reference
from medportal.imaging.geometry import Plane, slice_spacing_mm
from medportal.imaging.seg_write import Source
from medportal.imaging.stacks import FrameSource
from medportal.imaging.volumes import Volume

# Series that the site makes stand behind those of scanners.
FIRST_NUMBER = 9000


def header_of(study: Study) -> Attributes:
    """Return the header of one object of a study; NotFoundError `study_empty` where it has none."""
    first = Instance.objects.filter(series__study=study).order_by("pk").first()
    if first is None:
        raise NotFoundError("study_empty", "The study holds no objects.")
    return attributes_of(first)


def source_of(series: Series) -> Source:
    """Return a series' stack; InvalidError `not_a_volume` where it has none."""
    frames = load_series_stack(series)
    classes = dict(series.instances.values_list("sop_instance_uid", "sop_class_uid"))
    first = Instance.objects.get(series=series, sop_instance_uid=frames[0].sop_instance_uid)
    return Source(attributes_of(first), series.series_instance_uid, series.frame_of_reference_uid, frames, classes)


def grid_of(series: Series, frames: Sequence[FrameSource]) -> Volume:
    """Return where a stack's voxels lie, as a volume without values: nothing is decoded, and no memory taken."""
    first = frames[0]
    pixel, plane = first.pixel, first.plane
    positions = [p for frame in frames if (p := frame.plane.slice_position_mm) is not None]
    row_mm, column_mm = plane.spacing_mm or (1.0, 1.0)
    origin = plane.position_mm or (0.0, 0.0, 0.0)
    return Volume(
        array=np.broadcast_to(np.zeros(1, np.int16), (len(frames), pixel.rows, pixel.columns)),
        spacing_mm_zyx=(slice_spacing_mm(positions, plane.thickness_mm), row_mm, column_mm),
        origin_mm=(origin[0], origin[1], origin[2]),
        orientation=plane.orientation or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        sop_instance_uids=tuple(frame.sop_instance_uid for frame in frames),
        frames=tuple(frame.number for frame in frames),
        modality=series.modality,
    )


def made_by(author: User | None, at: datetime, description: str, place: int) -> Made:
    """Return who made what an object holds, and when: the same content is the same object, whoever asks for it."""
    name = ""
    if author is not None:
        name = f"{author.last_name}^{author.first_name}" if author.last_name else author.username
    at = timezone.localtime(at)
    return Made(description, name, at.strftime("%Y%m%d"), at.strftime("%H%M%S"), FIRST_NUMBER + place)


class Planes:
    """Where frames of a study lie, each read once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._planes: dict[str, list[Plane]] = {}

    @cached_property
    def classes(self) -> dict[str, str]:
        """SOP Instance UID → SOP Class UID."""
        rows = Instance.objects.filter(series__study=self.study)
        return dict(rows.values_list("sop_instance_uid", "sop_class_uid"))

    @cached_property
    def counts(self) -> dict[str, int]:
        """SOP Instance UID → number of its frames."""
        rows = Instance.objects.filter(series__study=self.study)
        return dict(rows.values_list("sop_instance_uid", "number_of_frames"))

    def plane(self, sop_instance_uid: str, frame_number: int) -> Plane | None:
        """Return where a frame lies; None for one that is not of the study."""
        if sop_instance_uid not in self._planes:
            row = Instance.objects.filter(series__study=self.study, sop_instance_uid=sop_instance_uid).first()
            self._planes[sop_instance_uid] = [one.plane for one in frame_sources(row)] if row else []
        planes = self._planes[sop_instance_uid]
        return planes[frame_number - 1] if 1 <= frame_number <= len(planes) else None

    def reference(self, sop_instance_uid: str, frame_number: int | None) -> Reference:
        """Return a reference to a frame; its number only where its instance has several."""
        number = (frame_number or 1) if self.counts.get(sop_instance_uid, 1) > 1 else None
        return Reference(self.classes.get(sop_instance_uid, ""), sop_instance_uid, number)


def to_pixels(points: Sequence[Sequence[float]], plane: Plane) -> list[list[float]] | None:
    """Return points of the patient (LPS, mm) as (column, row) of a frame, the first pixel's outer corner at (0, 0).

    None where the frame does not say where it lies (PS3.3 C.7.6.2.1.1).
    """
    if plane.position_mm is None or plane.orientation is None or plane.spacing_mm is None:
        return None
    row, column = np.asarray(plane.orientation[:3]), np.asarray(plane.orientation[3:])
    from_origin = np.asarray(points, float) - np.asarray(plane.position_mm)
    return [
        [float(p @ row) / plane.spacing_mm[1] + 0.5, float(p @ column) / plane.spacing_mm[0] + 0.5] for p in from_origin
    ]


def to_patient(points: Sequence[Sequence[float]], plane: Plane) -> list[list[float]] | None:
    """Return (column, row) of a frame as points of the patient; the inverse of `to_pixels`."""
    if plane.position_mm is None or plane.orientation is None or plane.spacing_mm is None:
        return None
    row, column = np.asarray(plane.orientation[:3]), np.asarray(plane.orientation[3:])
    row_mm, column_mm = plane.spacing_mm
    origin = np.asarray(plane.position_mm)
    found = [origin + row * (p[0] - 0.5) * column_mm + column * (p[1] - 0.5) * row_mm for p in points]
    return [[float(v) for v in point] for point in found]
