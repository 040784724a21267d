"""Which boxes meet: overlap, and the rules by which a finding counts as hit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medportal.imaging.marks import Box, is_shown
from medportal.learning.metrics.figures import Floats, ratio

# (truth boxes, found boxes) → whether each hits each.
Hit = Callable[[Floats, Floats], NDArray[np.bool_]]


def corners(boxes: Sequence[Box]) -> Floats:
    """Return (boxes, 6): lower and upper corner, (slice, row, column) each."""
    return np.array([[*box.low, *box.high] for box in boxes], np.float64).reshape(len(boxes), 6)


def overlaps(truth: Floats, found: Floats) -> Floats:
    """Return the intersection over union of each true with each found box, as `marks.intersection_over_union`."""
    low = np.maximum(truth[:, None, :3], found[None, :, :3])
    high = np.minimum(truth[:, None, 3:], found[None, :, 3:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    sizes = [np.clip(one[:, 3:] - one[:, :3], 0, None).prod(axis=1) for one in (truth, found)]
    return ratio(shared, sizes[0][:, None] + sizes[1][None] - shared, empty=0.0)


def hit_by_overlap(iou: float = 0.1) -> Hit:
    """Return the rule that a finding is hit by a box that overlaps it by at least `iou`."""
    return lambda truth, found: overlaps(truth, found) >= iou


def hit_by_centre(truth: Floats, found: Floats) -> NDArray[np.bool_]:
    """Say of each found box whether its centre lies in the true box (Setio et al. 2017, for nodules)."""
    centre = (found[:, :3] + found[:, 3:]) / 2
    above, below = centre[None] >= truth[:, None, :3], centre[None] < truth[:, None, 3:]
    return np.asarray((above & below).all(axis=2))


def hit_by_overlap_or_centre(iou: float = 0.1) -> Hit:
    """Return the rule that either suffices: a small box in the middle of a finding has found it."""
    by_overlap = hit_by_overlap(iou)
    return lambda truth, found: by_overlap(truth, found) | hit_by_centre(truth, found)


def hit_on_slice(iou: float = 0.1) -> Hit:
    """Return the rule for boxes of single slices: a finding is hit by one that overlaps what its slice shows of the finding."""

    def hit(truth: Floats, found: Floats) -> NDArray[np.bool_]:
        shown = is_shown(truth[:, None, 0], truth[:, None, 3], found[None, :, 0])
        in_plane = overlaps(*(one * (0, 1, 1, 0, 1, 1) + (0, 0, 0, 1, 0, 0) for one in (truth, found)))
        return np.asarray(shown & (in_plane >= iou))

    return hit


def hit_in(dimensions: int) -> Hit:
    """Return the rule of the free-response curve for detectors of slices (2) or of volumes (3)."""
    return hit_by_overlap_or_centre() if dimensions == 3 else hit_on_slice()
