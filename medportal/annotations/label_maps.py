"""Label maps as they are kept: packed for the database, read back as arrays, checked against their series' stack."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.annotations.models import LabelMap
from medportal.archive.models import Instance, Series
from medportal.errors import InvalidError, TooLargeError, UnavailableError

# Voxels of one map: 600 slices of 512 × 512.
MAX_VOXELS = 160 * 1024 * 1024
Segment = Mapping[str, Any]


@dataclass(frozen=True)
class Mask:
    """An integer array (slice, row, column) with what its numbers mean: 0 is background, `segments` names the others.

    Of instances each number is one object, and the one segment names what they all are.
    """

    array: NDArray[np.integer[Any]]
    segments: Sequence[Segment]
    is_instances: bool = False


def columns_of(mask: Mask) -> dict[str, Any]:
    """Return the columns of the row that keeps a mask.

    Raises InvalidError `mask_shape`, `mask_values` or `segments`; TooLargeError `mask_size`.
    """
    array = np.asarray(mask.array)
    if array.ndim != 3 or array.dtype.kind not in "biu":
        raise InvalidError("mask_shape", "A mask is an array of whole numbers (slice, row, column).")
    require_room(array.shape)
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0 or high > 65_535:
        raise InvalidError("mask_values", f"A mask's numbers are 0 to 65535; these are {low} to {high}.")
    dtype = "uint8" if high < 256 else "uint16"
    raw = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<")).tobytes()
    return {
        "shape": list(array.shape),
        "dtype": dtype,
        "payload": zlib.compress(raw, 6),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "segments": _checked_segments(mask),
        "is_instances": mask.is_instances,
    }


def _checked_segments(mask: Mask) -> list[dict[str, Any]]:
    """Return the segments; every number that occurs has to be named, unless the numbers are instances."""
    named = {int(segment["value"]): str(segment["label"]) for segment in mask.segments}
    values, counts = np.unique(mask.array, return_counts=True)
    voxels = dict(zip(values.tolist(), counts.tolist(), strict=True))
    if len(named) < len(mask.segments) or not all(0 < value < 65_536 and label for value, label in named.items()):
        raise InvalidError("segments", "Segments are numbered from 1, each number once, and each has a name.")
    if mask.is_instances:
        if len(named) != 1:
            raise InvalidError("segments", "A map of instances has one class.")
        voxels = {value: int(np.size(mask.array)) - voxels.get(0, 0) for value in named}
    elif unnamed := set(voxels) - {0} - set(named):
        raise InvalidError("segments", f"The mask holds {min(unnamed)}, which is none of its segments.")
    return [{"value": value, "label": label, "voxels": voxels.get(value, 0)} for value, label in sorted(named.items())]


def require_room(shape: Sequence[int]) -> None:
    """Refuse a mask of more voxels than are kept: TooLargeError `mask_size`."""
    if math.prod(shape) > MAX_VOXELS:
        raise TooLargeError("mask_size", f"A mask may have at most {MAX_VOXELS} voxels.")


def array_of(label_map: LabelMap) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return a kept map as an array (slice, row, column); UnavailableError `mask_damaged` where it is not whole."""
    dtype = np.dtype(label_map.dtype).newbyteorder("<")
    size = int(np.prod(label_map.shape)) * dtype.itemsize
    try:
        raw = zlib.decompressobj().decompress(bytes(label_map.payload), size + 1)
    except zlib.error as error:
        raise UnavailableError("mask_damaged", "The mask as it is kept cannot be read.") from error
    if len(raw) != size:
        raise UnavailableError("mask_damaged", "The mask as it is kept is not whole.")
    array: NDArray[np.uint8] | NDArray[np.uint16] = np.frombuffer(raw, dtype).reshape(label_map.shape)
    return array


def stack_shape(series: Series) -> tuple[int, int, int]:
    """Return (slices, rows, columns) of a series' stack: the frames of the size that most of them have.

    Of frames in several directions (a scout among them) this counts those of one size all the same; reading the
    series tells. InvalidError `not_a_volume` where there are no frames.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    rows = Instance.objects.filter(series=series, number_of_frames__gt=0).order_by()
    for height, width, frames in rows.values_list("rows", "columns", "number_of_frames"):
        sizes[height or 0, width or 0] += frames
    if not sizes:
        raise InvalidError("not_a_volume", f"Series {series} holds no images.")
    (height, width), slices = sizes.most_common(1)[0]
    return slices, height, width


def require_stack(series: Series, shape: Sequence[int], what: str) -> None:
    """Refuse what does not lie on the series' stack: InvalidError `mask_shape` that names `what`."""
    expected = stack_shape(series)
    if tuple(shape) != expected:
        sizes = [" × ".join(map(str, size)) for size in (shape, expected)]
        raise InvalidError(
            "mask_shape", f"{what} is {sizes[0]} (slices × rows × columns), but its images are {sizes[1]}."
        )
