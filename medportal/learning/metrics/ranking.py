"""How well scores rank positives over negatives: areas under curves, and the curves to be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.learning.metrics.figures import Floats, ratio

Labels = NDArray[np.integer[Any]] | NDArray[np.bool_]
Scores = NDArray[np.floating[Any]]
Points = list[tuple[float, float]]
CURVE_POINTS = 200


class Ranked:
    """One class's samples in the order of their scores, equal scores together."""

    def __init__(self, labels: Labels, scores: Scores) -> None:
        self._order = np.argsort(scores, kind="stable")
        ordered = np.asarray(scores)[self._order]
        self._truth = (np.asarray(labels)[self._order] == 1).astype(np.float64)
        self._starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else None
        self.scores = ordered[self._starts] if self._starts is not None else ordered

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the weight of positives and of negatives at each score, lowest first: (rounds, scores) each."""
        if self._starts is None:
            empty = np.zeros((len(weights), 0))
            return empty, empty
        ordered = weights[:, self._order]
        positive: Floats = np.add.reduceat(ordered * self._truth, self._starts, axis=1)
        return positive, np.add.reduceat(ordered, self._starts, axis=1) - positive

    def areas(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return (AUC, average precision) of each round.

        AUC: how often a positive outranks a negative, ties by half (Mann and Whitney 1947; Hanley and McNeil 1982); NaN
        where only one class is there. Average precision: the sum of precisions, each weighted by the recall it adds,
        without interpolation, as scikit-learn defines it; NaN without a positive.
        """
        positive, negative = self.counts(weights)
        hits, false = np.cumsum(positive[:, ::-1], axis=1), np.cumsum(negative[:, ::-1], axis=1)
        all_positive, all_negative = positive.sum(axis=1), negative.sum(axis=1)
        below = all_negative[:, None] - false[:, ::-1] + negative / 2
        area = ratio((positive * below).sum(axis=1), all_positive * all_negative)
        precision = ratio(hits, hits + false, empty=0.0)
        return area, ratio((positive[:, ::-1] * precision).sum(axis=1), all_positive)


def auc(labels: Labels, scores: Scores) -> float | None:
    """Return the area under the ROC curve; None where only one class is there."""
    area = float(Ranked(labels, scores).areas(np.ones((1, len(scores))))[0][0])
    return area if np.isfinite(area) else None


def average_precision(labels: Labels, scores: Scores) -> float | None:
    """Return the average precision; None without a positive."""
    area = float(Ranked(labels, scores).areas(np.ones((1, len(scores))))[1][0])
    return area if np.isfinite(area) else None


def roc_curve(labels: Labels, scores: Scores, *, points: int = CURVE_POINTS) -> Points:
    """Return (false positive rate, recall) from the highest threshold to the lowest; empty where one class is missing."""
    positive, negative = (side[0, ::-1] for side in Ranked(labels, scores).counts(np.ones((1, len(scores)))))
    if not positive.sum() or not negative.sum():
        return []
    x = np.concatenate([[0.0], np.cumsum(negative) / negative.sum()])
    return decimate(x, np.concatenate([[0.0], np.cumsum(positive) / positive.sum()]), points=points)


def pr_curve(labels: Labels, scores: Scores, *, points: int = CURVE_POINTS) -> Points:
    """Return (recall, precision) from the highest threshold to the lowest; empty without a positive."""
    positive, negative = (side[0, ::-1] for side in Ranked(labels, scores).counts(np.ones((1, len(scores)))))
    if not positive.sum():
        return []
    hits = np.cumsum(positive)
    return decimate(hits / positive.sum(), hits / (hits + np.cumsum(negative)), points=points)


def decimate(x: NDArray[Any], y: NDArray[Any], *, points: int = CURVE_POINTS) -> Points:
    """Return at most `points` of a curve's points: bends only, then those that lie evenly along its length."""
    turn = np.ones(len(x), bool)
    if len(x) > 2:
        turn[1:-1] = np.abs(np.diff(x)[:-1] * np.diff(y)[1:] - np.diff(x)[1:] * np.diff(y)[:-1]) > 1e-12
    x, y = x[turn], y[turn]
    if len(x) > points:
        along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], points)).clip(0, len(x) - 1))
        kept[-1] = len(x) - 1
        x, y = x[kept], y[kept]
    return [(round(float(a), 5), round(float(b), 5)) for a, b in zip(x, y, strict=True)]
