"""A series becomes samples: the one implementation, for training's data and for the worker."""

from __future__ import annotations

from dataclasses import dataclass
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
# Voxels of a prepared series, over which nobody has the memory.
MAX_VOXELS = 2**30
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

    `shape` is that of the stack, (slice, row, column, …). In two dimensions the slices stay as they are.
    """
    axes = range(3 - spec.dimensions, 3)
    step, count = [1.0, 1.0, 1.0], list(shape[:3])
    sizes = dict(zip(axes, spec.size, strict=True)) if spec.size else {}
    if spec.fit == "millimetres" and spec.spacing_mm:
        for axis, wanted in zip(axes, spec.spacing_mm, strict=True):
            step[axis] = wanted / spacing_mm_zyx[axis]
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
            # About the middle, which stays the middle.
            count[axis] = sizes[axis]
            origin[axis] = (shape[axis] - sizes[axis] * step[axis]) / 2
        else:
            count[axis] = -(-count[axis] // spec.multiple) * spec.multiple
    if float(count[0]) * count[1] * count[2] > MAX_VOXELS:
        raise TooLargeError("too_many_voxels", f"Prepared for the model, the series has {count} voxels: too many.")
    return Grid((step[0], step[1], step[2]), (origin[0], origin[1], origin[2]), (count[0], count[1], count[2]))


def levels_of(scaling: Scaling, array: NDArray[Any]) -> tuple[float, float]:
    """Return the values of a series that become 0 and 1."""
    if scaling.kind == "window":
        return scaling.low, scaling.high
    values = array.reshape(-1)
    values = values[:: max(1, values.size // _PERCENTILE_VALUES)]
    low, high = np.percentile(values, (scaling.low, scaling.high))
    return float(low), float(max(high, low + 1e-6))


def prepare_slice(spec: InputSpec, grid: Grid, frame: NDArray[Any], levels: tuple[float, float]) -> Floats:
    """Return one slice, shape (channels of the image, rows, columns), scaled to 0…1.

    `frame` is (row, column) in modality units, or (row, column, 3). What lies outside it is 0. Averaging before
    shrinking keeps small things from falling between samples.
    """
    return prepare_block(spec, grid, frame[np.newaxis], levels, in_plane=True)[:, 0]


def prepare_block(
    spec: InputSpec, grid: Grid, array: NDArray[Any], levels: tuple[float, float], *, in_plane: bool = False
) -> Floats:
    """Return slices, shape (channels of the image, slice, row, column), scaled to 0…1; `array` is (slice, row, column[, 3]).

    With `in_plane` the slices are taken as they are, however many there are.
    """
    axis = 3 if array.ndim == 4 else None
    planes = [array[..., k] for k in range(3)] if axis else [array]
    if not spec.colour and axis:
        # Luminance (ITU-R BT.601), as PS3.3 C.7.6.3.1.2 has it for YBR_FULL.
        planes = [array @ np.array([0.299, 0.587, 0.114], np.float32)]
    elif spec.colour and not axis:
        planes = [array] * 3
    low, high = levels
    scaled = [np.clip((plane.astype(np.float32) - low) / (high - low), 0, 1) for plane in planes]
    # Rounded to half precision, in which training keeps its samples: so both see the very same values.
    halves = np.stack([_resampled(one, grid, in_plane=in_plane) for one in scaled]).astype(np.float16)
    return halves.astype(np.float32)


def _resampled(scaled: Floats, grid: Grid, *, in_plane: bool) -> Floats:
    """Return an array on the grid: linear between voxels, averaged before shrinking, 0 outside."""
    first = 1 if in_plane else 0
    shape = (scaled.shape[0], *grid.shape[1:]) if in_plane else grid.shape
    step = (1.0, *grid.step[1:]) if in_plane else grid.step
    origin = (0.0, *grid.origin[1:]) if in_plane else grid.origin
    if grid.is_identity:
        padding = [(0, wanted - there) for wanted, there in zip(shape, scaled.shape, strict=True)]
        return np.pad(scaled, padding)
    sigma = [max(s - 1, 0.0) * 0.4 for s in step]
    if max(sigma) > 0:
        scaled = ndimage.gaussian_filter(scaled, sigma, mode="nearest")
    # A voxel's centre is at its index; edges are half a voxel away.
    offset = [o + s / 2 - 0.5 for o, s in zip(origin, step, strict=True)]
    if first == 0:
        out = ndimage.affine_transform(scaled, np.asarray(step), offset=offset, output_shape=shape, order=1, cval=0.0)
        return np.asarray(out, np.float32)
    flat = [
        ndimage.affine_transform(
            one, np.asarray(step[1:]), offset=offset[1:], output_shape=shape[1:], order=1, cval=0.0
        )
        for one in scaled
    ]
    return np.stack(flat).astype(np.float32, copy=False)


def prepare_volume(spec: InputSpec, volume: Volume) -> tuple[Floats, Grid]:
    """Return all of a series, shape (channels of the image, slice, row, column), and where it lies in the stack."""
    grid = grid_of(spec, volume.array.shape, volume.spacing_mm_zyx)
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
        return array[..., : shape[0], : shape[1], : shape[2]]
    flat = array.reshape(-1, *array.shape[-3:])
    step = [1 / s for s in grid.step]
    offset = [(0.5 - o) / s - 0.5 for o, s in zip(grid.origin, grid.step, strict=True)]
    is_flat = grid.step[0] == 1.0 and grid.origin[0] == 0.0
    out = np.empty((len(flat), *shape[:3]), np.float32)
    for k, one in enumerate(flat):
        if is_flat:
            for z in range(shape[0]):
                out[k, z] = _shifted(one[z], step[1:], offset[1:], shape[1:3])
        else:
            out[k] = _shifted(one, step, offset, shape[:3])
    _clear_outside(out, grid)
    return out.reshape(*array.shape[:-3], *shape[:3])


def _shifted(array: Floats, step: list[float], offset: list[float], shape: tuple[int, ...]) -> Floats:
    moved = ndimage.affine_transform(
        array, np.asarray(step), offset=offset, output_shape=shape, order=1, mode="nearest"
    )
    return np.asarray(moved, np.float32)


def _clear_outside(maps: Floats, grid: Grid) -> None:
    """Set to 0 what the prepared series does not cover; `maps` is (map, slice, row, column)."""
    end = grid.to_stack((float(grid.shape[0]), float(grid.shape[1]), float(grid.shape[2])))
    for axis in range(3):
        centres = np.arange(maps.shape[axis + 1]) + 0.5
        outside = (centres < grid.origin[axis]) | (centres > end[axis])
        if outside.any():
            maps[(slice(None),) * (axis + 1) + (outside,)] = 0


def with_context(slices: NDArray[Any], index: int, context: int) -> Floats:
    """Return a sample of shape ((2·context+1)·channels, rows, columns): a slice between its neighbours, ends repeated.

    `slices` is (channels, slice, row, column).
    """
    if not context:
        return np.ascontiguousarray(slices[:, index], np.float32)
    numbers = np.clip(np.arange(index - context, index + context + 1), 0, slices.shape[1] - 1)
    stack = np.moveaxis(slices[:, numbers], 1, 0)
    return np.ascontiguousarray(stack.reshape(-1, *slices.shape[2:]), np.float32)
