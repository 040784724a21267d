"""Where a slice lies in the patient (PS3.3 C.7.6.2): LPS, millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.imaging.attributes import Attributes


@dataclass(frozen=True)
class Plane:
    """Geometry of one frame, and the line from stored to modality values; None where the object does not say."""

    position_mm: tuple[float, ...] | None = None
    # Direction cosines of a row, then of a column.
    orientation: tuple[float, ...] | None = None
    # Between rows, between columns.
    spacing_mm: tuple[float, float] | None = None
    thickness_mm: float | None = None
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def slice_position_mm(self) -> float | None:
        """How far along its own normal the plane lies."""
        return slice_position_mm(self.position_mm, self.orientation)


def normal_of(orientation: Sequence[float]) -> NDArray[np.float64]:
    """Return the unit normal of a plane: row cosines × column cosines (PS3.3 C.7.6.2.1.1)."""
    normal = np.cross(np.asarray(orientation[:3], float), np.asarray(orientation[3:], float))
    length = float(np.linalg.norm(normal))
    return normal / length if length > 0 else normal


def slice_position_mm(position: Sequence[float] | None, orientation: Sequence[float] | None) -> float | None:
    """Return how far along its own normal a plane lies; None without position or orientation."""
    if position is None or orientation is None:
        return None
    value = float(np.dot(np.asarray(position, float), normal_of(orientation)))
    return value if np.isfinite(value) else None


def slice_spacing_mm(positions: Sequence[float], thickness: float | None) -> float:
    """Return the median distance between neighbouring slices, else their thickness, else 1."""
    if len(positions) > 1:
        gaps = np.abs(np.diff(np.sort(np.asarray(positions, float))))
        gaps = gaps[gaps > 1e-3]
        if gaps.size:
            return float(np.median(gaps))
    return float(thickness) if thickness and thickness > 0 else 1.0


def planes_of(attributes: Attributes, number_of_frames: int) -> list[Plane]:
    """Return the plane of each frame: by functional groups (PS3.3 C.7.6.16) where there are any, else by the header."""
    whole = _plane(attributes, Plane())
    shared = next(attributes.items("SharedFunctionalGroupsSequence"), None)
    base = _grouped(shared, whole) if shared else whole
    groups = list(attributes.items("PerFrameFunctionalGroupsSequence"))
    return [_grouped(groups[i], base) if i < len(groups) else base for i in range(number_of_frames)]


def _grouped(group: Attributes, base: Plane) -> Plane:
    """Return `base` with what the macros of a functional group say."""
    plane = base
    for macro in (
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
    ):
        for item in group.items(macro):
            plane = _plane(item, plane)
    return plane


def _plane(attributes: Attributes, base: Plane) -> Plane:
    """Return `base` with what a data set says of it."""
    position = attributes.numbers("ImagePositionPatient", 3)
    orientation = attributes.numbers("ImageOrientationPatient", 6)
    spacing = attributes.numbers("PixelSpacing", 2) or attributes.numbers("ImagerPixelSpacing", 2)
    slope, intercept = attributes.number("RescaleSlope"), attributes.number("RescaleIntercept")
    return Plane(
        position_mm=tuple(position) if position else base.position_mm,
        orientation=tuple(orientation) if orientation else base.orientation,
        spacing_mm=(spacing[0], spacing[1]) if spacing and min(spacing) > 0 else base.spacing_mm,
        thickness_mm=attributes.number("SliceThickness") or base.thickness_mm,
        # A slope of 0 is no line (PS3.3 C.11.1.1.2).
        slope=slope or base.slope,
        intercept=base.intercept if intercept is None else intercept,
    )
