"""Tiles: a network that takes a rectangle at a time is run over a whole slice or volume, and blended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby, product
from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Place = tuple[slice, ...]


def starts_of(length: int, tile: int, overlap: float) -> list[int]:
    """Return where tiles begin, so that they cover `length` evenly and overlap by at least that part."""
    if length <= tile:
        return [0]
    count = ceil((length - tile) / max(1, round(tile * (1 - overlap)))) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def places_of(shape: tuple[int, ...], tile: tuple[int, ...], overlap: float) -> list[Place]:
    """Return the tiles of an array, those of the first axis first."""
    starts = [starts_of(length, side, overlap) for length, side in zip(shape, tile, strict=True)]
    return [
        tuple(slice(begin, begin + side) for begin, side in zip(corner, tile, strict=True))
        for corner in product(*starts)
    ]


def padded_to(sample: Floats, tile: tuple[int, ...]) -> Floats:
    """Return a sample (channels, *space) with 0 behind it where it is smaller than a tile."""
    return np.pad(sample, [(0, 0), *((0, max(0, t - s)) for s, t in zip(sample.shape[1:], tile, strict=True))])


@lru_cache(maxsize=8)
def weights_of(tile: tuple[int, ...]) -> Floats:
    """Return a Gaussian over a tile, deviation an eighth of its side: its middle counts more (Isensee et al. 2021)."""
    out = np.ones(tile, np.float64)
    for axis, side in enumerate(tile):
        along = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (side / 8)) ** 2)
        out *= along.reshape([-1 if k == axis else 1 for k in range(len(tile))])
    weights: Floats = np.clip(out / out.max(), 1e-3, None).astype(np.float32)
    return weights


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
    (classes, part of the first axis, *rest). No more than a tile's depth is held at a time.
    """
    space, padded = sample.shape[1:], padded_to(sample, tile)
    places = places_of(padded.shape[1:], tile, overlap)
    inside = tuple(slice(0, side) for side in space[1:])
    if len(places) == 1:
        yield 0, run(padded[np.newaxis])[0][(slice(None), slice(0, space[0]), *inside)]
        return
    belt = _Belt(weights_of(tile), padded.shape[1:])
    rows = [(start, list(row)) for start, row in groupby(places, key=lambda place: place[0].start)]
    for number, (start, row) in enumerate(rows):
        belt.move_to(start)
        for first in range(0, len(row), batch):
            group = row[first : first + batch]
            for place, answer in zip(group, run(np.stack([padded[(slice(None), *p)] for p in group])), strict=True):
                belt.add(place, answer)
        end = min(rows[number + 1][0] if number + 1 < len(rows) else space[0], space[0])
        if end > start:
            yield start, belt.first(end - start)[(slice(None), slice(None), *inside)]


class _Belt:
    """Sums of tiles and of their weights over a tile's depth of the first axis, moved along it."""

    def __init__(self, window: Floats, space: tuple[int, ...]) -> None:
        self.window, self.start = window, 0
        self._weight = np.zeros((len(window), *space[1:]), np.float32)
        self._total: Floats | None = None

    def move_to(self, start: int) -> None:
        """Let the belt begin at `start`; what it leaves behind is forgotten."""
        moved, self.start = start - self.start, start
        for array in (self._weight, self._total):
            if array is not None and moved:
                along = array if array is self._weight else np.moveaxis(array, 1, 0)
                along[:-moved] = along[moved:].copy()
                along[-moved:] = 0

    def add(self, place: Place, answer: Floats) -> None:
        """Add a tile's answer (classes, *tile)."""
        if self._total is None:
            self._total = np.zeros((len(answer), *self._weight.shape), np.float32)
        self._total[(slice(None), slice(None), *place[1:])] += answer * self.window
        self._weight[(slice(None), *place[1:])] += self.window

    def first(self, count: int) -> Floats:
        """Return the weighted means of the belt's first so many, (classes, count, *rest)."""
        assert self._total is not None
        means: Floats = self._total[:, :count] / self._weight[:count]
        return means
