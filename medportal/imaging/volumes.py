"""A stack of slices with its geometry, in the units of its modality."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Volume:
    """A 3-D array of shape (slice, row, column) in modality units (HU for CT), slices in order along their normal.

    Of colour images the shape is (slice, row, column, 3): red, green and blue in 0…255.
    """

    array: NDArray[np.int16] | NDArray[np.float32] | NDArray[np.uint8]
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

    @property
    def is_colour(self) -> bool:
        """Whether the slices are in colour."""
        return self.array.ndim == 4


def to_modality_units(
    frame: NDArray[np.generic], slope: float = 1.0, intercept: float = 0.0
) -> NDArray[np.int16] | NDArray[np.float32]:
    """Apply the modality LUT's line (PS3.3 C.11.1): int16 where that loses nothing, else float32."""
    if slope == 1 and float(intercept).is_integer() and frame.dtype.kind in "iu" and frame.dtype.itemsize <= 2:
        low, high = (int(frame.min()), int(frame.max())) if frame.size else (0, 0)
        offset = int(intercept)
        if low + offset >= -32768 and high + offset <= 32767:
            # Modulo 2¹⁶ the sum is right, whatever the type: the bounds have been checked.
            return frame.astype(np.int16) + np.int16((offset + 32768) % 65536 - 32768)
    return frame.astype(np.float32) * np.float32(slope) + np.float32(intercept)
