"""A series becomes samples: the one implementation, for training's data and for the worker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.inference.manifest import InputSpec

Floats = NDArray[np.float32]
Region = tuple[float, float, float, float]


def check_fit(spec: InputSpec, *, modality: str, slices: int) -> None:
    """Raise InvalidError `package_does_not_fit`, with the reason, where a series is not what the model takes."""
    if modality not in spec.modalities:
        wanted = ", ".join(spec.modalities)
        raise InvalidError("package_does_not_fit", f"The model reads {wanted}; this series is {modality or 'unnamed'}.")
    if slices < spec.minimum_slices:
        raise InvalidError(
            "package_does_not_fit", f"The model needs at least {spec.minimum_slices} slices; this series has {slices}."
        )


def covered_region(spec: InputSpec, shape: tuple[int, int], spacing_mm: tuple[float, float]) -> Region:
    """Return the box (first row, first column, end row, end column) of a frame that a sample covers, in its pixels.

    It may reach beyond the frame, where the frame is padded.
    """
    half = [spec.size[i] * spec.pixel_mm / spacing_mm[i] / 2 for i in (0, 1)]
    middle = [shape[i] / 2 for i in (0, 1)]
    return (middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1])


def prepare_slice(spec: InputSpec, frame: NDArray[np.generic], spacing_mm: tuple[float, float]) -> Floats:
    """Return one slice of shape `spec.size`, scaled to 0…1.

    `frame` is in modality units, (row, column); `spacing_mm` its (row, column) spacing. What lies outside the frame
    is 0. Averaging before shrinking keeps small things from falling between samples.
    """
    low, high = spec.window
    scaled = np.clip((frame.astype(np.float32) - low) / (high - low), 0, 1)
    ratio = [spec.pixel_mm / spacing for spacing in spacing_mm]
    if max(ratio) > 1:
        scaled = ndimage.gaussian_filter(scaled, [max(r - 1, 0) * 0.4 for r in ratio], mode="nearest")
    first_row, first_column, _, _ = covered_region(spec, (frame.shape[0], frame.shape[1]), spacing_mm)
    # Sample centres of the output, in pixel coordinates of the frame (a pixel's centre is at its index).
    offset = [first_row + ratio[0] / 2 - 0.5, first_column + ratio[1] / 2 - 0.5]
    out: Floats = ndimage.affine_transform(
        scaled, np.asarray(ratio), offset=offset, output_shape=spec.size, order=1, mode="constant", cval=0.0
    )
    return out.astype(np.float32, copy=False)


def prepare_volume(spec: InputSpec, volume: Volume) -> Floats:
    """Return all slices of a volume, shape (slice, *spec.size)."""
    spacing = (volume.spacing_mm_zyx[1], volume.spacing_mm_zyx[2])
    return np.stack([prepare_slice(spec, frame, spacing) for frame in volume.array])


def with_context(slices: NDArray[np.generic], index: int, context: int) -> Floats:
    """Return a sample of shape (2·context+1, rows, columns): the slice between its neighbours, ends repeated."""
    numbers = np.clip(np.arange(index - context, index + context + 1), 0, len(slices) - 1)
    return slices[numbers].astype(np.float32)
