"""A series becomes samples: the one implementation, for training's data and for the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, gcd, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.marks import Box, Corner
from medportal.imaging.volumes import Volume
from medportal.inference.manifest import InputSpec, Scaling

Floats = NDArray[np.float32]
Region = tuple[float, float, float, float]
# Values of a sample (a slice, or a volume), and of a whole prepared series: beyond, nobody has the memory.
MAX_SAMPLE = {2: 2**26, 3: 2**29}
MAX_PREPARED = 2**31
# Percentiles are taken of about so many values: more changes nothing.
_PERCENTILE_VALUES = 1_000_000


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a prepared series lie in the series' stack, in the order (slice, row, column).

    An edge at `e` of the prepared series lies at `origin + step * e` of the stack, in voxel edges of either.
    """

    step: Corner
    origin: Corner
    shape: tuple[int, int, int]

    def to_stack(self, corner: Corner) -> Corner:
        """Return where a corner of the prepared series lies in the stack."""
        z, y, x = (o + s * c for o, s, c in zip(self.origin, self.step, corner, strict=True))
        return (z, y, x)

    def from_stack(self, corner: Corner) -> Corner:
        """Return where a corner of the stack lies in the prepared series."""
        z, y, x = ((c - o) / s for o, s, c in zip(self.origin, self.step, corner, strict=True))
        return (z, y, x)

    def box_to_stack(self, box: Box) -> Box:
        """Return a box of the prepared series in the stack."""
        return Box(box.label, self.to_stack(box.low), self.to_stack(box.high), box.score)

    def box_from_stack(self, box: Box) -> Box:
        """Return a box of the stack in the prepared series."""
        return Box(box.label, self.from_stack(box.low), self.from_stack(box.high), box.score)

    @property
    def region(self) -> Region:
        """The box (first row, first column, end row, end column) of a frame that is covered, in its pixels.

        It may reach beyond the frame, where the frame is padded.
        """
        end = self.to_stack((0, self.shape[1], self.shape[2]))
        return (self.origin[1], self.origin[2], end[1], end[2])

    @property
    def is_identity(self) -> bool:
        """Whether nothing is moved, so that only padding can be needed."""
        return self.step == (1.0, 1.0, 1.0) and self.origin == (0.0, 0.0, 0.0)


def check_fit(spec: InputSpec, *, modality: str, slices: int, colour: bool = False) -> None:
    """Raise InvalidError `package_does_not_fit`, with the reason, where a series is not what the model takes."""
    if modality not in spec.modalities:
        wanted = ", ".join(spec.modalities)
        raise InvalidError("package_does_not_fit", f"The model reads {wanted}; this series is {modality or 'unnamed'}.")
    if slices < spec.minimum_slices:
        raise InvalidError(
            "package_does_not_fit", f"The model needs at least {spec.minimum_slices} slices; this series has {slices}."
        )
    if colour and not spec.colour:
        raise InvalidError("package_does_not_fit", "The model reads grey values; this series holds colour images.")


def grid_of(spec: InputSpec, shape: tuple[int, ...], spacing_mm_zyx: tuple[float, float, float]) -> Grid:
    """Return where the samples of a series lie; raises TooLargeError `too_many_voxels`.

    `shape` is that of the stack, (slice, row, column, …). In two dimensions the slices stay as they are. Where the
    objects give no usable spacing, it is taken for 1 mm.
    """
    axes = range(3 - spec.dimensions, 3)
    step, count = [1.0, 1.0, 1.0], list(shape[:3])
    sizes = dict(zip(axes, spec.size, strict=True)) if spec.size else {}
    if spec.fit == "millimetres" and spec.spacing_mm:
        for axis, wanted in zip(axes, spec.spacing_mm, strict=True):
            given = spacing_mm_zyx[axis]
            step[axis] = wanted / (given if isfinite(given) and given > 0 else 1.0)
            count[axis] = max(1, round(shape[axis] / step[axis]))
    elif spec.fit == "frame":
        # One scale for rows and columns, so that nothing is stretched.
        plane = max(shape[1] / sizes[1], shape[2] / sizes[2])
        step[1] = step[2] = plane
        if 0 in sizes:
            step[0] = shape[0] / sizes[0]
    origin = [0.0, 0.0, 0.0]
    for axis in axes:
        if axis in sizes:
            # About the middle, which stays the middle; voxels that are not resampled stay what they are.
            count[axis] = sizes[axis]
            origin[axis] = (shape[axis] - sizes[axis] * step[axis]) / 2
            origin[axis] = float(floor(origin[axis])) if step[axis] == 1.0 else origin[axis]
        else:
            count[axis] = -(-count[axis] // spec.multiple) * spec.multiple
    _require_memory([count[axis] for axis in axes], MAX_SAMPLE[spec.dimensions])
    return Grid((step[0], step[1], step[2]), (origin[0], origin[1], origin[2]), (count[0], count[1], count[2]))


def _require_memory(shape: Sequence[int], limit: int) -> None:
    if float(np.prod(shape, dtype=np.float64)) > limit:
        sides = " × ".join(map(str, shape))
        raise TooLargeError("too_many_voxels", f"Prepared for the model, the series has {sides} voxels: too many.")


def levels_of(scaling: Scaling, array: NDArray[Any]) -> tuple[float, float]:
    """Return the values of a series that become 0 and 1."""
    if scaling.kind == "window":
        return scaling.low, scaling.high
    values = array.reshape(-1)
    values = values[:: _stride_over(values.size)]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = _percentiles(values, (scaling.low, scaling.high))
    # Images of one value become 0.
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))


def _percentiles(values: NDArray[Any], wanted: Sequence[float]) -> list[float]:
    """Return what `np.percentile` does; short integers are counted, which is many times quicker than sorting them."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        return [float(value) for value in np.percentile(values, wanted)]
    least = int(values.min())
    # How many values are at most `least`, `least + 1`, …
    reached = np.cumsum(np.bincount(values.astype(np.intp) - least))
    found = []
    for percent in wanted:
        place = percent / 100 * (values.size - 1)
        before, after = (least + int(np.searchsorted(reached, k, "right")) for k in (floor(place), ceil(place)))
        found.append(before + (after - before) * (place - floor(place)))
    return found


def _stride_over(size: int) -> int:
    """Return a step through so many values that meets all rows, columns and channels alike."""
    step = max(1, size // _PERCENTILE_VALUES)
    while gcd(step, size) > 1:
        step += 1
    return step


def prepare_slice(spec: InputSpec, grid: Grid, frame: NDArray[Any], levels: tuple[float, float]) -> Floats:
    """Return one slice, shape (channels of the image, rows, columns), scaled to 0…1.

    `frame` is (row, column) in modality units, or (row, column, 3). What lies outside it is 0. Averaging before
    shrinking keeps small things from falling between samples.
    """
    planes = _planes(spec, frame, is_colour=frame.ndim == 3)
    place = (grid.step[1:], grid.origin[1:], grid.shape[1:])
    return _rounded(np.stack([_resampled(_scaled(plane, levels), *place) for plane in planes]))


def prepare_block(
    spec: InputSpec, grid: Grid, array: NDArray[Any], levels: tuple[float, float], *, in_plane: bool = False
) -> Floats:
    """Return slices, shape (channels of the image, slice, row, column), scaled to 0…1; `array` is (slice, row, column[, 3]).

    With `in_plane` the slices are taken as they are, however many there are.
    """
    if in_plane:
        return np.stack([prepare_slice(spec, grid, frame, levels) for frame in array], axis=1)
    planes = _planes(spec, array, is_colour=array.ndim == 4)
    place = (grid.step, grid.origin, grid.shape)
    return _rounded(np.stack([_resampled(_scaled(plane, levels), *place) for plane in planes]))


def _planes(spec: InputSpec, array: NDArray[Any], *, is_colour: bool) -> list[NDArray[Any]]:
    """Return the channels that the model takes of an image, each without an axis of colours."""
    if not is_colour:
        return [array] * (3 if spec.colour else 1)
    red, green, blue = (array[..., k] for k in range(3))
    if spec.colour:
        return [red, green, blue]
    # Luminance (ITU-R BT.601), as PS3.3 C.7.6.3.1.2 has it for YBR_FULL.
    return [np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue]


def _rounded(sample: Floats) -> Floats:
    """Return values in half precision, in which training keeps its samples: so both see the very same values."""
    return sample.astype(np.float16).astype(np.float32)


def _scaled(plane: NDArray[Any], levels: tuple[float, float]) -> Floats:
    """Return values between two levels as 0…1; what is no number is 0."""
    low, high = levels
    out: Floats = plane.astype(np.float32)
    if plane.dtype.kind == "f":
        np.nan_to_num(out, copy=False, nan=low, posinf=high, neginf=low)
    out -= low
    out /= high - low
    return np.clip(out, 0, 1, out=out)


def _resampled(scaled: Floats, step: Sequence[float], origin: Sequence[float], shape: tuple[int, ...]) -> Floats:
    """Return an array on the grid: linear between voxels, averaged before shrinking, 0 outside. Changes `scaled`."""
    if all(s == 1.0 for s in step) and not any(origin):
        kept = scaled[tuple(slice(0, wanted) for wanted in shape)]
        return np.pad(kept, [(0, wanted - there) for wanted, there in zip(shape, kept.shape, strict=True)])
    sigma = [max(s - 1, 0.0) * 0.4 for s in step]
    if max(sigma) > 0:
        ndimage.gaussian_filter(scaled, sigma, mode="nearest", output=scaled)
    # A voxel's centre is at its index; edges are half a voxel away.
    out = _moved(scaled, step, [o + s / 2 - 0.5 for o, s in zip(origin, step, strict=True)], shape)
    centres = [o + s * (np.arange(n) + 0.5) for o, s, n in zip(origin, step, shape, strict=True)]
    _clear(out, [(at < 0) | (at > n) for at, n in zip(centres, scaled.shape, strict=True)])
    return out


def _moved(array: Floats, step: Sequence[float], offset: Sequence[float], shape: tuple[int, ...]) -> Floats:
    """Return an array sampled at `offset + step * index`, linear between its voxels, the outermost repeated."""
    moved = ndimage.affine_transform(
        array, np.asarray(step), offset=offset, output_shape=shape, order=1, mode="nearest"
    )
    return np.asarray(moved, np.float32)


def _clear(array: Floats, outside: list[NDArray[np.bool_]]) -> None:
    """Set to 0 what lies outside along any of the last axes."""
    first = array.ndim - len(outside)
    for axis, mask in enumerate(outside, start=first):
        if mask.any():
            array[(slice(None),) * axis + (mask,)] = 0


def prepare_volume(spec: InputSpec, volume: Volume) -> tuple[Floats, Grid]:
    """Return all of a series, shape (channels of the image, slice, row, column), and where it lies in the stack."""
    grid = grid_of(spec, volume.array.shape, volume.spacing_mm_zyx)
    _require_memory((3 if spec.colour else 1, *grid.shape), MAX_PREPARED)
    levels = levels_of(spec.scaling, volume.array)
    return prepare_block(spec, grid, volume.array, levels, in_plane=spec.dimensions == 2), grid


def prepare_mask(spec: InputSpec, grid: Grid, mask: NDArray[Any]) -> NDArray[np.uint16]:
    """Return a mask (slice, row, column) on the grid, by the nearest voxel; 0 outside."""
    step, origin, shape = list(grid.step), list(grid.origin), list(grid.shape)
    if spec.dimensions == 2:
        step[0], origin[0], shape[0] = 1.0, 0.0, mask.shape[0]
    numbers = []
    for axis in range(3):
        found = np.floor(origin[axis] + step[axis] * (np.arange(shape[axis]) + 0.5)).astype(np.int64)
        numbers.append(np.where((found >= 0) & (found < mask.shape[axis]), found, -1))
    z, y, x = np.ix_(*numbers)
    out = mask[z, y, x].astype(np.uint16)
    out[(z < 0) | (y < 0) | (x < 0)] = 0
    return out


def restore(grid: Grid, array: Floats, shape: tuple[int, ...]) -> Floats:
    """Return maps (…, slice, row, column) of a prepared series on the stack of `shape`, linear between voxels.

    The reverse of preparing; what the prepared series does not cover is 0.
    """
    if grid.is_identity:
        kept = array[..., : shape[0], : shape[1], : shape[2]]
        short = [wanted - there for wanted, there in zip(shape[:3], kept.shape[-3:], strict=True)]
        return kept if not any(short) else np.pad(kept, [(0, 0)] * (array.ndim - 3) + [(0, n) for n in short])
    flat = array.reshape(-1, *array.shape[-3:])
    step = [1 / s for s in grid.step]
    offset = [(0.5 - o) / s - 0.5 for o, s in zip(grid.origin, grid.step, strict=True)]
    is_flat = grid.step[0] == 1.0 and grid.origin[0] == 0.0
    out = np.empty((len(flat), *shape[:3]), np.float32)
    for k, one in enumerate(flat):
        if is_flat:
            for z in range(shape[0]):
                out[k, z] = _moved(one[z], step[1:], offset[1:], shape[1:3])
        else:
            out[k] = _moved(one, step, offset, shape[:3])
    end = grid.to_stack((float(grid.shape[0]), float(grid.shape[1]), float(grid.shape[2])))
    centres = [np.arange(count) + 0.5 for count in shape[:3]]
    _clear(out, [(at < first) | (at > last) for at, first, last in zip(centres, grid.origin, end, strict=True)])
    return out.reshape(*array.shape[:-3], *shape[:3])


def with_context(slices: NDArray[Any], index: int, context: int) -> Floats:
    """Return a sample of shape ((2·context+1)·channels, rows, columns): a slice between its neighbours, ends repeated.

    `slices` is (channels, slice, row, column).
    """
    if not context:
        return np.ascontiguousarray(slices[:, index], np.float32)
    numbers = np.clip(np.arange(index - context, index + context + 1), 0, slices.shape[1] - 1)
    stack = np.moveaxis(slices[:, numbers], 1, 0)
    return np.ascontiguousarray(stack.reshape(-1, *slices.shape[2:]), np.float32)
