"""What the numbers of picture masks mean: segments, one foreground however it was written, colours, or objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.cohorts.datasets.files import read_bytes
from medportal.cohorts.datasets.items import DataSet
from medportal.errors import InvalidError
from medportal.imaging.decoder import Decoder
from medportal.imaging.pictures import read_label_picture, read_picture

# A mask that went through JPEG, or was scaled, has no exact numbers: from here on it is foreground.
THRESHOLD = 128
MOST_SEGMENTS = 255
# More numbers than these, up to white, are the edges of a mask that was scaled.
_MANY = 20
_WHITE = 255
_GREY_CODE = 0x010101
# So far the channels of what was grey may lie apart after JPEG.
_TINT = 16


@dataclass
class Found:
    """What the masks of a data set were found to hold."""

    # Of each mask.
    values: list[frozenset[int]] = field(default_factory=list)
    has_lossy: bool = False
    has_palette: bool = False
    # Numbers are colours: red · 65,536 + green · 256 + blue.
    are_colours: bool = False

    @property
    def numbers(self) -> set[int]:
        """All that there are but 0."""
        return set[int]().union(*self.values) - {0}


def read_mask(path: Path, decoder: Decoder, found: Found) -> NDArray[np.int64]:
    """Return a mask's numbers as (row, column), or the numbers of its colours where `found` says so.

    Notes in `found` how it was written. Raises as `read_picture`; InvalidError `mask_colours` for colours in JPEG, or
    too many.
    """
    content = read_bytes(path)
    picture = read_label_picture(content, decoder)
    found.has_lossy |= picture.is_lossy
    found.has_palette |= picture.is_palette
    array = picture.array
    if picture.is_lossy:
        if array.ndim == 3:
            if int(np.ptp(array, axis=-1).max()) > _TINT:
                raise InvalidError("mask_colours", "a mask in JPEG has no exact colours.")
            array = array[..., 1]
        return (array >= THRESHOLD).astype(np.int64) * (_WHITE * _GREY_CODE if found.are_colours else 1)
    if found.are_colours and picture.is_palette:
        array = read_picture(content, decoder)
    if array.ndim == 3:
        red, green, blue = np.moveaxis(array.astype(np.int64), -1, 0)
        codes: NDArray[np.int64] = red << 16 | green << 8 | blue
        if (number := len(np.setdiff1d(codes, [0]))) > MOST_SEGMENTS:
            raise InvalidError(
                "mask_colours", f"it has {number} colours, and a mask has one, or a grey, for each segment."
            )
        found.are_colours = True
        return codes
    return array.astype(np.int64) * (_GREY_CODE if found.are_colours else 1)


def meanings(data: DataSet, found: Found, *, named: int) -> dict[int, int]:
    """Return what each number of the masks becomes, 0 the background; says in the notes what is not as it was.

    `named` is how many classes are named, 0 for none. Raises InvalidError `segments` for too many colours.
    """
    numbers = found.numbers
    if found.has_lossy:
        data.notes.append(f"Masks in JPEG have no exact numbers: from {THRESHOLD} on they count as foreground.")
    if found.are_colours:
        return _of_colours(data, numbers)
    if all(values <= {0, 1} or values <= {0, _WHITE} for values in found.values):
        if numbers == {1, _WHITE}:
            data.notes.append("Some masks hold 0 and 1, others 0 and 255: both mean the same foreground.")
            return {1: 1, _WHITE: 1}
    elif _is_scaled(found):
        data.notes.append(
            f"The masks hold {len(numbers) + 1} numbers up to 255, as where they were scaled: from {THRESHOLD} on "
            "they count as foreground."
        )
        return {number: int(number >= THRESHOLD) for number in numbers}
    elif _has_void(found) and named != len(numbers):
        data.notes.append("The number 255 of the masks means “void”: it counts as background.")
        return {number: number for number in numbers - {_WHITE}} | {_WHITE: 0}
    _hint(data, found)
    return {number: number for number in numbers}


def _is_scaled(found: Found) -> bool:
    marked = [values for values in found.values if values - {0}]
    are_white = sum(max(values) == _WHITE for values in marked)
    return not found.has_palette and len(found.numbers) > _MANY and 2 * are_white > len(marked)


def _has_void(found: Found) -> bool:
    """Say whether 255 stands beside classes that are counted from 1, as in Pascal VOC."""
    others = found.numbers - {_WHITE}
    is_counted = others == set(range(1, len(others) + 1)) and len(others) > 1
    return _WHITE in found.numbers and bool(others) and (found.has_palette or is_counted)


def _of_colours(data: DataSet, colours: set[int]) -> dict[int, int]:
    if len(colours) > MOST_SEGMENTS:
        detail = (
            f"The masks hold {len(colours)} different colours: at most {MOST_SEGMENTS} can be segments. "
            "If each is one object, say --instances."
        )
        raise InvalidError("segments", detail)
    numbered = {colour: number for number, colour in enumerate(sorted(colours), start=1)}
    told = ", ".join(f"#{colour:06x} → {number}" for colour, number in list(numbered.items())[:_MANY])
    data.notes.append(f"The masks are in colour: black is the background, and the others are numbered: {told}.")
    return numbered


def _hint(data: DataSet, found: Found) -> None:
    """Say where numbers look like objects."""
    times = Counter(number for values in found.values for number in values if number)
    lone = sum(number == 1 for number in times.values())
    if len(times) > _MANY or (len(times) > 3 and 2 * lone > len(times)):
        data.notes.append(
            f"The masks hold {len(times)} different numbers, {lone} of them in a single mask: if each is one object "
            "and no class, import them with --instances."
        )


def renumbered(numbers: NDArray[np.int64], meaning: Mapping[int, int]) -> NDArray[np.uint16]:
    """Return a mask in the numbers of its segments."""
    values, places = np.unique(numbers, return_inverse=True)
    table = np.array([meaning.get(int(value), 0) for value in values], np.uint16)
    return table[places].reshape(numbers.shape)


def numbered_anew(numbers: NDArray[np.integer[Any]]) -> NDArray[np.uint16]:
    """Return instances numbered 1, 2, … without gaps; InvalidError `mask_values` where they are too many."""
    values, places = np.unique(numbers, return_inverse=True)
    if len(values) > 65_535:
        raise InvalidError("mask_values", "the mask holds more than 65,534 objects.")
    shift = 0 if values.size and values[0] == 0 else 1
    anew: NDArray[np.uint16] = (places.reshape(numbers.shape) + shift).astype(np.uint16)
    return anew


def joined(masks: Sequence[NDArray[np.integer[Any]]], *, are_instances: bool) -> NDArray[np.integer[Any]]:
    """Return several masks of one image as one: what is marked in a later one counts, or is objects of its own."""
    whole: NDArray[np.integer[Any]] = np.zeros(masks[0].shape, np.int64)
    for mask in masks:
        marked = mask > 0
        whole[marked] = mask[marked] + (whole.max() if are_instances else 0)
    return whole
