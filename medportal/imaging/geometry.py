"""Where a slice lies in the patient (PS3.3 C.7.6.2): LPS, millimetres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def normal_of(orientation: Sequence[float]) -> np.ndarray:
    """Return the unit normal of a plane, from ImageOrientationPatient (row cosines, column cosines)."""
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
