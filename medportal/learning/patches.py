"""Patches of a prepared series: where one lies about a place, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.inference.tiles import places_of

Place = tuple[slice, ...]


def place_about(centre: Sequence[int], sides: Sequence[int], shape: Sequence[int]) -> Place:
    """Return where a patch about a voxel lies, moved so that it reaches beyond an array of `shape` as little as can be."""
    parts = []
    for middle, side, length in zip(centre, sides, shape, strict=True):
        limit = length - side
        start = min(max(middle - side // 2, min(0, limit // 2)), max(limit, limit // 2))
        parts.append(slice(start, start + side))
    return tuple(parts)


def covering(shape: Sequence[int], sides: Sequence[int]) -> list[tuple[int, ...]]:
    """Return middles of patches that cover an array of `shape` with no more overlap than it takes, see `place_about`."""
    whole = tuple(map(max, shape, sides))
    places = places_of(whole, tuple(sides), 0.0)
    return [tuple(part.start + side // 2 for part, side in zip(place, sides, strict=True)) for place in places]


def cut(array: NDArray[Any], place: Place) -> NDArray[Any]:
    """Return a part of (channels, *space), 0 where it lies beyond."""
    shape = array.shape[1:]
    inner = tuple(slice(max(p.start, 0), min(p.stop, side)) for p, side in zip(place, shape, strict=True))
    out = np.zeros((len(array), *(p.stop - p.start for p in place)), array.dtype)
    target = tuple(slice(i.start - p.start, i.stop - p.start) for i, p in zip(inner, place, strict=True))
    out[(slice(None), *target)] = array[(slice(None), *inner)]
    return out
