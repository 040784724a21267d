"""Volumes of research formats: an array and the affine map from its voxels to the patient, turned into DICOM's stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.limits import MIB
from medportal.imaging.volumes import Volume

# One volume, unpacked.
VOLUME_BYTES = 1024 * MIB
# By how much, in voxels, two grids may miss one another and still be the same.
_TOLERANCE = 0.1
_TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class VoxelGrid:
    """An array (i, j, k) whose voxel (i, j, k) lies at `affine` · (i, j, k, 1), in RAS, mm (as NIfTI has it)."""

    array: NDArray[Any]
    affine: NDArray[np.float64]
    # How many the file has, of which this is the first.
    channels: int = 1


def checked(array: NDArray[Any], affine: NDArray[np.float64], *, has_channels: bool = False) -> VoxelGrid:
    """Return a grid of three dimensions, of four with `has_channels` the first along the last axis.

    Raises InvalidError `volume` where it is none, or the affine makes no sense.
    """
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    channels = array.shape[-1] if has_channels and array.ndim == 4 else 1
    if channels > 1:
        array = array[..., 0]
    if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "iuf":
        raise InvalidError(
            "volume", f"It is no volume of numbers in three dimensions, but {array.dtype} {array.shape}."
        )
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise InvalidError("volume", "Its affine, which says where its voxels lie, makes no sense.")
    return VoxelGrid(array, affine, channels)


def to_volume(grid: VoxelGrid, *, modality: str = "") -> Volume:
    """Return the grid as a stack (slice, row, column) = (k, j, i), slices in order along their normal, in LPS.

    Without a modality, values far below zero are taken for CT numbers, others for MR. Voxels that are no numbers get
    the lowest value. Raises InvalidError `sheared` where rows and columns are not at right angles.
    """
    array, affine = _along_normal(grid)
    directions = _TO_LPS @ affine[:3, :3]
    spacing = np.linalg.norm(directions, axis=0)
    row, column, through = (directions / spacing).T
    if abs(float(row @ column)) > 1e-3:
        raise InvalidError("sheared", "Its rows and columns are not at right angles.")
    step = abs(float(np.cross(row, column) @ through)) * float(spacing[2])
    if step < 0.5 * float(spacing[2]):
        raise InvalidError("sheared", "Its slices are not stacked along their normal.")
    origin = _TO_LPS @ affine[:3, 3]
    values = _numbers(np.ascontiguousarray(array.transpose(2, 1, 0)))
    return Volume(
        array=values,
        spacing_mm_zyx=(step, float(spacing[1]), float(spacing[0])),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        orientation=tuple(float(value) for value in (*row, *column)),
        modality=modality or ("CT" if float(values.min()) <= -200 else "MR"),
    )


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "f":
        return array
    is_number = np.isfinite(array)
    if not is_number.any():
        raise InvalidError("volume", "It holds no numbers.")
    return np.where(is_number, array, array[is_number].min()).astype(np.float32)


def _along_normal(grid: VoxelGrid) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return array and affine with k running along rows × columns (in LPS), as a DICOM stack does."""
    i, j, k = (_TO_LPS @ grid.affine[:3, :3]).T
    if float(np.cross(i, j) @ k) > 0:
        return grid.array, grid.affine
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (grid.array.shape[2] - 1)
    affine[:3, 2] *= -1
    return grid.array[:, :, ::-1], affine


def mask_on(image: VoxelGrid, label: VoxelGrid) -> NDArray[np.integer[Any]]:
    """Return a label map as (slice, row, column) on the stack that `to_volume` makes of the image.

    The axes may run otherwise in the label's file, and it may cover a part of the image alone. Raises InvalidError
    `other_grid` where voxels do not lie upon voxels, `mask_values` for what are no whole numbers.
    """
    whole = _whole_numbers(label.array)
    to_image = np.linalg.inv(image.affine) @ label.affine
    turn = np.round(to_image[:3, :3])
    is_permutation = (np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all()
    # What a step along a whole axis adds up to.
    drift = np.abs((to_image[:3, :3] - turn) * np.asarray(whole.shape)).max()
    if not is_permutation or drift > 5 * _TOLERANCE:
        raise _other_grid()
    axes = np.abs(turn).argmax(axis=1)
    turned, corner = whole.transpose(axes), to_image[:3, 3].copy()
    for axis, source in enumerate(axes):
        if turn[axis, source] < 0:
            turned = np.flip(turned, axis)
            corner[axis] -= whole.shape[source] - 1
    start = np.round(corner).astype(int)
    end = start + np.asarray(turned.shape)
    if np.abs(corner - start).max() > _TOLERANCE or start.min() < 0 or (end > np.asarray(image.array.shape)).any():
        raise _other_grid()
    full = np.zeros(image.array.shape, whole.dtype)
    full[tuple(slice(a, b) for a, b in zip(start, end, strict=True))] = turned
    return np.ascontiguousarray(_along_normal(VoxelGrid(full, image.affine))[0].transpose(2, 1, 0))


def _other_grid() -> InvalidError:
    return InvalidError(
        "other_grid", "its label map lies on another grid than the image (its spacing, direction or origin differ)."
    )


def _whole_numbers(array: NDArray[Any]) -> NDArray[np.uint16]:
    """Return a label map's numbers; InvalidError `mask_values`."""
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        raise InvalidError("mask_values", "its label map holds numbers that are not whole.")
    if float(array.min()) < 0 or float(array.max()) > 65_535:
        raise InvalidError("mask_values", "its label map holds numbers below 0 or above 65535.")
    return array.astype(np.uint16)
