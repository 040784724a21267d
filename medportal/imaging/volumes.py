"""A stack of slices with its geometry, in the units of its modality."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Volume:
    """A 3-D array of shape (slice, row, column) in modality units (HU for CT), slices in order along their normal."""

    array: NDArray[np.int16] | NDArray[np.float32]
    spacing_mm_zyx: tuple[float, float, float]
    # Position (LPS, mm) of the centre of the first slice's first pixel, and row and column direction cosines.
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orientation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    # For each slice, the instance and the frame (from 1) that it is.
    sop_instance_uids: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()
    modality: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def number_of_slices(self) -> int:
        """How many slices the stack has."""
        return int(self.array.shape[0])


def to_modality_units(
    frame: NDArray[np.generic], slope: float | None, intercept: float | None
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Apply the modality LUT's line (PS3.3 C.11.1): int16 where that loses nothing, else float32."""
    slope, intercept = 1.0 if slope is None else slope, 0.0 if intercept is None else intercept
    if slope == 1 and float(intercept).is_integer() and frame.dtype.kind in "iu" and frame.dtype.itemsize <= 2:
        wide = frame.astype(np.int32) + int(intercept)
        if wide.size == 0 or (wide.min() >= -32768 and wide.max() <= 32767):
            return wide.astype(np.int16)
    return (frame.astype(np.float32) * np.float32(slope) + np.float32(intercept)).astype(np.float32)
