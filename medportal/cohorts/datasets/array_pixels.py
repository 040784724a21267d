"""Arrays of pictures of any usual shape and type of number, as 8- or 16-bit pictures: all of a data set alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.cohorts.datasets.items import DataSet
from medportal.errors import InvalidError

# By how much a number may miss a whole one and be it: float32 of n/255, times 255.
_NEARLY = 1e-3


def pictures_of(data: DataSet, file: str, name: str, images: NDArray[Any]) -> NDArray[Any]:
    """Return pictures (n, row, column), (n, row, column, 3), or volumes (n, slice, row, column[, 3]).

    A last axis of 1 goes, and a channel axis of 1 before three others. Channels that come first are put last: a stack
    of exactly three slices of 8 bits, or of fractions, is colour. Raises InvalidError `npz` for another shape.
    """
    if images.ndim >= 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim == 5 and images.shape[1] == 1:
        images = images[:, 0]
    is_stack = images.ndim == 4 and images.shape[-1] != 3
    if is_stack and images.shape[1] == 3 and images.dtype != np.uint16:
        data.notes.append(f"“{name}” is of shape {images.shape}: its axis of 3 is taken for the channels of colour.")
        images = np.moveaxis(images, 1, -1)
        is_stack = False
    is_known = images.ndim in (3, 4) or (images.ndim == 5 and images.shape[-1] == 3)
    if not is_known or 0 in images.shape or images.dtype.kind not in "buif" or (is_stack and images.shape[-1] <= 4):
        detail = f"“{file}”: “{name}” is {images.dtype} of shape {images.shape}, which are no pictures that are read."
        raise InvalidError("npz", detail)
    return images


@dataclass(frozen=True)
class Scale:
    """How numbers become those of a picture: times a factor, rounded."""

    dtype: type[np.uint8 | np.uint16]
    factor: int = 1

    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return an image, in 8 or 16 bits."""
        if image.dtype.kind in "ui" and self.factor == 1:
            return image.astype(self.dtype, copy=False)
        return np.rint(image.astype(np.float64) * self.factor).astype(self.dtype)


@dataclass(frozen=True)
class _Numbers:
    """What the numbers of an array are like."""

    low: float = 0
    high: float = 0
    is_whole: bool = True
    # In steps of 1/255.
    is_of_8_bits: bool = True

    def and_of(self, image: NDArray[Any]) -> _Numbers:
        if image.dtype.kind != "f":
            return _Numbers(
                min(self.low, int(image.min())), max(self.high, int(image.max())), self.is_whole, self.is_of_8_bits
            )
        if not np.isfinite(image).all():
            return _Numbers(-np.inf, np.inf, is_whole=False)
        wide = image.astype(np.float64)
        return _Numbers(
            min(self.low, float(wide.min())),
            max(self.high, float(wide.max())),
            self.is_whole and bool((wide == np.rint(wide)).all()),
            self.is_of_8_bits and bool((np.abs(wide * 255 - np.rint(wide * 255)) < _NEARLY).all()),
        )


def scale_of(data: DataSet, file: str, arrays: Mapping[str, NDArray[Any]]) -> Scale:
    """Return how the numbers of all arrays become pictures, with a note where they are not kept as they are.

    Raises InvalidError `npz` for what is not 0…65535 in whole numbers, nor 0…1; and for colour of more than 8 bits.
    """
    is_colour = any(array.ndim > 3 and array.shape[-1] == 3 for array in arrays.values())
    kinds = {array.dtype for array in arrays.values()}
    if kinds == {np.dtype(np.uint8)}:
        return Scale(np.uint8)
    if kinds == {np.dtype(bool)}:
        data.notes.append("The images are true or false: true becomes 255.")
        return Scale(np.uint8, 255)
    numbers = _Numbers()
    for array in arrays.values():
        for image in array:
            numbers = numbers.and_of(image)
    has_fractions = any(kind.kind == "f" for kind in kinds) and numbers.high <= 1
    if numbers.low < 0 or numbers.high > 65_535 or not (numbers.is_whole or has_fractions):
        detail = f"its numbers go from {numbers.low:g} to {numbers.high:g}; 8- or 16-bit pictures, or 0 to 1, are read."
        raise InvalidError("npz", f"“{file}”: “{next(iter(arrays))}”: {detail}")
    if has_fractions:
        factor = 255 if is_colour or numbers.is_of_8_bits else 65_535
        data.notes.append(f"The images' numbers are from 0 to 1: they are multiplied by {factor}.")
        return Scale(np.uint8 if factor == 255 else np.uint16, factor)
    is_wide = np.dtype(np.uint16) in kinds or numbers.high > 255
    if is_wide and is_colour:
        raise InvalidError("npz", f"“{file}”: “{next(iter(arrays))}” is in colour of 16 bits; 8 bits are read.")
    return Scale(np.uint16 if is_wide else np.uint8)
