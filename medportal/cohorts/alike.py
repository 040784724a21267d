"""Images of whom nothing is said: those that look alike are one group, so that they do not stand on two sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medportal.imaging.perceptual import SAME, correlations, near_blocks, same_places

# A group of more images, and of a greater part of all, is a chain: aligned heads or retinas each look like some other.
LARGEST, LARGEST_PART = 20, 0.05
Numbers = NDArray[np.int64]


def join_alike(
    groups: Sequence[str],
    hashes: Sequence[Sequence[str]],
    pictures: NDArray[np.uint8],
    *,
    check: Callable[[], None] = lambda: None,
) -> list[str]:
    """Return each image's group: its own, or that of the first (by name) which it looks like, at once or by others.

    `pictures` is (images, values), of `small_picture`. Where likeness joins too many, only those stay joined that are
    the same but for small changes.
    """
    # Images of one name are one from the beginning; names come in their order.
    names, numbers = np.unique(np.asarray(groups, object), return_inverse=True)
    alone = np.arange(len(names))
    joined = alone
    for i, j in _pairs(hashes, check):
        joined = _joined(joined, numbers[i], numbers[j])
    is_chain = np.bincount(joined, minlength=1) > max(LARGEST, LARGEST_PART * len(names))
    if is_chain.any():
        loosely, joined = joined, alone
        for i, j in _pairs(hashes, check):
            is_kept = ~is_chain[loosely[numbers[i]]]
            is_kept[~is_kept] = correlations(pictures, i[~is_kept], j[~is_kept]) > SAME
            joined = _joined(joined, numbers[i[is_kept]], numbers[j[is_kept]])
    _, first = np.unique(joined, return_index=True)
    return [str(names[first[joined[number]]]) for number in numbers]


def _pairs(hashes: Sequence[Sequence[str]], check: Callable[[], None]) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield pairs of images that look alike, many at once: all of them together may be more than there is memory."""
    places = same_places(hashes)
    equal = np.array([(one[0], other) for one in places for other in one[1:]], np.int64).reshape(-1, 2)
    yield equal[:, 0], equal[:, 1]
    firsts = np.array([one[0] for one in places], np.int64)
    for i, j, _ in near_blocks([hashes[first] for first in firsts], check=check):
        yield firsts[i], firsts[j]


def _joined(joined: Numbers, i: Numbers, j: Numbers) -> Numbers:
    """Return for each the number of those that it is joined with, once these pairs are joined as well."""
    count = int(joined.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(i), bool), (joined[i], joined[j])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)[joined]
