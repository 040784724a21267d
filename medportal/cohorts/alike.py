"""Images of whom nothing is said: those that look alike are one group, so that they do not come to stand on two sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medportal.imaging.perceptual import SAME, correlations, near_blocks, same_places

# A group of more images, and of a greater part of all, is a chain: of aligned heads or retinas each looks like some other.
LARGEST, LARGEST_PART = 20, 0.05
Numbers = NDArray[np.int64]


def join_alike(
    groups: Sequence[str],
    hashes: Sequence[Sequence[str]],
    pictures: NDArray[np.float32],
    *,
    check: Callable[[], None] = lambda: None,
) -> list[str]:
    """Return each image's group: its own, or that of the first (by name) which it looks like, at once or by others.

    `pictures` is (images, values), of `small_picture`. Where likeness joins too many, only those stay joined that are the
    same but for small changes.
    """
    places = same_places(hashes)
    firsts = np.array([one[0] for one in places], np.int64)
    pairs = [np.stack([firsts[i], firsts[j]]) for i, j, _ in near_blocks([hashes[k] for k in firsts], check=check)]
    equal = [(one[0], other) for one in places for other in one[1:]]
    i, j = np.concatenate([*pairs, np.array(equal, np.int64).reshape(-1, 2).T], axis=1)
    # Images of one name are one from the beginning; names come in their order.
    names, numbers = np.unique(np.asarray(groups, object), return_inverse=True)
    joined = _joined(len(names), numbers[i], numbers[j])
    is_chain = np.bincount(joined, minlength=1) > max(LARGEST, LARGEST_PART * len(names))
    doubtful = is_chain[joined[numbers[i]]]
    is_kept = ~doubtful
    is_kept[doubtful] = correlations(pictures, i[doubtful], j[doubtful]) > SAME
    joined = _joined(len(names), numbers[i[is_kept]], numbers[j[is_kept]])
    _, first = np.unique(joined, return_index=True)
    return [str(names[first[joined[number]]]) for number in numbers]


def _joined(count: int, i: Numbers, j: Numbers) -> Numbers:
    """Return for each of `count` the number of those that pairs join it with."""
    graph = coo_array((np.ones(len(i), bool), (i, j)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
