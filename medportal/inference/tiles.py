"""Tiles: a network that takes a rectangle at a time is run over a whole slice or volume, and blended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def starts_of(length: int, tile: int, overlap: float) -> list[int]:
    """Return where tiles begin, so that they cover `length` evenly and overlap by at least that part."""
    if length <= tile:
        return [0]
    count = ceil((length - tile) / max(1, round(tile * (1 - overlap)))) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def places_of(shape: tuple[int, ...], tile: tuple[int, ...], overlap: float) -> list[tuple[slice, ...]]:
    """Return the tiles of an array, those of the first axis first."""
    starts = [starts_of(length, side, overlap) for length, side in zip(shape, tile, strict=True)]
    return [
        tuple(slice(begin, begin + side) for begin, side in zip(corner, tile, strict=True))
        for corner in product(*starts)
    ]


@lru_cache(maxsize=8)
def weights_of(tile: tuple[int, ...]) -> Floats:
    """Return a Gaussian over a tile, deviation an eighth of its side: its middle counts more (Isensee et al. 2021)."""
    out = np.ones(tile, np.float64)
    for axis, side in enumerate(tile):
        along = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (side / 8)) ** 2)
        out *= along.reshape([-1 if k == axis else 1 for k in range(len(tile))])
    return np.clip(out / out.max(), 1e-3, None).astype(np.float32)


def blended(
    sample: Floats,
    run: Callable[[Floats], Floats],
    *,
    tile: tuple[int, ...],
    overlap: float,
    batch: int = 4,
) -> Iterator[tuple[int, Floats]]:
    """Yield (first index, maps) of ever more of a sample's first spatial axis, as soon as no later tile can change it.

    `sample` is (channels, *space); `run` maps (batch, channels, *tile) to (batch, classes, *tile). Maps are
    (classes, part of the first axis, *rest).
    """
    space = sample.shape[1:]
    padded = np.pad(sample, [(0, 0), *((0, max(0, t - s)) for s, t in zip(space, tile, strict=True))])
    places = places_of(padded.shape[1:], tile, overlap)
    total: Floats | None = None
    weight = np.zeros(padded.shape[1:], np.float32)
    done, window = 0, weights_of(tile)
    for start in range(0, len(places), batch):
        group = places[start : start + batch]
        answers = run(np.stack([padded[(slice(None), *place)] for place in group]))
        if total is None:
            total = np.zeros((answers.shape[1], *padded.shape[1:]), np.float32)
        for place, answer in zip(group, answers, strict=True):
            total[(slice(None), *place)] += answer * window
            weight[place] += window
        following = places[start + batch :]
        safe = min(following[0][0].start if following else space[0], space[0])
        if safe > done:
            part = (slice(done, safe), *(slice(0, side) for side in space[1:]))
            yield done, total[(slice(None), *part)] / weight[part]
            done = safe
