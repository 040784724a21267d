"""Whether two networks find the same boxes: sets are compared, since the order of near-equal scores may differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medportal.imaging.marks import Box
from medportal.learning.metrics.overlaps import corners, overlaps

# Boxes that are one and the same overlap by more, and score alike.
SAME_IOU, SAME_SCORE = 0.9, 1e-3


def box_differences(
    ours: Sequence[Sequence[Box]], theirs: Sequence[Sequence[Box]], lowest_score: float
) -> dict[str, float]:
    """Return {boxes: how many, unmatched: those without a like one on the other side, score: furthest of the others}.

    Boxes that barely reach `lowest_score` may be missing on the other side.
    """
    unmatched, count, furthest = 0, 0, 0.0
    for one, other in zip(ours, theirs, strict=True):
        for left, right in ((one, other), (other, one)):
            sure = [box for box in left if box.score >= lowest_score + SAME_SCORE]
            apart = _furthest(sure, right)
            count += len(sure)
            unmatched += int(np.isinf(apart).sum())
            furthest = max(furthest, float(apart[np.isfinite(apart)].max(initial=0.0)))
    return {"boxes": count, "unmatched": unmatched, "score": furthest}


def _furthest(boxes: Sequence[Box], others: Sequence[Box]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return for each box the difference to the score of its like; infinite where there is none."""
    if not boxes or not others:
        return np.full(len(boxes), np.inf)
    alike = overlaps(corners(boxes), corners(others)) > SAME_IOU
    alike &= np.array([box.label for box in boxes])[:, None] == np.array([box.label for box in others])[None]
    apart = np.abs(np.array([box.score for box in boxes])[:, None] - np.array([box.score for box in others])[None])
    nearest: np.ndarray[tuple[int], np.dtype[np.float64]] = np.where(alike & (apart <= SAME_SCORE), apart, np.inf).min(
        axis=1
    )
    return nearest
