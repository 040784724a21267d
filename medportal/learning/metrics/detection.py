"""How well boxes are found: average precision as COCO counts it, and the free-response figures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.imaging.marks import Box
from medportal.learning.metrics.figures import ROUNDS, Figures, Floats, Measure, Measured, mean_of_told, ratio, resample
from medportal.learning.metrics.free_response import froc_measure
from medportal.learning.metrics.overlaps import Hit, corners, hit_by_overlap, overlaps
from medportal.learning.metrics.ranking import Points, decimate

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * k, 2) for k in range(10))
RECALLS = np.linspace(0, 1, 101)
# Curves, and the means over them, are of all boxes scored from here on, as COCO's and LUNA16's are.
LOWEST_SCORE = 0.05
# Scores from which boxes may be shown.
CUTS = tuple(round(0.01 * k, 2) for k in range(5, 96))


@dataclass(frozen=True)
class _Matches:
    """A class's found boxes of all series, the surest first: score, series, and whether right at each threshold."""

    scores: Floats
    series: NDArray[np.intp]
    right: NDArray[np.bool_]  # (thresholds, boxes)
    truths: Floats  # number of true boxes of each series


def _match(truth: Floats, found: Floats, thresholds: Sequence[float]) -> NDArray[np.bool_]:
    """Return (thresholds, found) whether each box, surest first, takes a true one that is still free, as pycocotools."""
    shared = overlaps(truth, found)
    right = np.zeros((len(thresholds), len(found)), bool)
    for t, threshold in enumerate(thresholds):
        is_free = np.ones(len(truth), bool)
        for k in np.flatnonzero((shared >= min(threshold, 1 - 1e-10)).any(axis=0)):
            worth = np.where(is_free, shared[:, k], -1.0)
            # Of equal ones the last, as there.
            best = len(worth) - 1 - int(worth[::-1].argmax())
            if worth[best] >= min(threshold, 1 - 1e-10):
                right[t, k], is_free[best] = True, False
    return right


def _matches(
    truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], label: str, thresholds: Sequence[float]
) -> _Matches:
    scores, series, right = [], [], []
    counts = np.zeros(len(truths))
    for number, (true_boxes, found_boxes) in enumerate(zip(truths, found, strict=True)):
        true_ones = [box for box in true_boxes if box.label == label]
        surest = sorted((box for box in found_boxes if box.label == label), key=lambda box: -box.score)
        counts[number] = len(true_ones)
        scores += [box.score for box in surest]
        series += [number] * len(surest)
        right.append(_match(corners(true_ones), corners(surest), thresholds))
    order = np.argsort(-np.array(scores, np.float64), kind="stable")
    joined = np.concatenate(right, axis=1) if right else np.zeros((len(thresholds), 0), bool)
    return _Matches(np.array(scores, np.float64)[order], np.array(series, np.intp)[order], joined[:, order], counts)


def _average_precision(weights: Floats, matches: _Matches, right: NDArray[np.bool_]) -> Floats:
    """Return each round's mean over 101 recalls of the best precision at that recall or beyond (Lin et al. 2014)."""
    drawn = weights[:, matches.series]
    hits = np.cumsum(drawn * right, axis=1)
    precision = ratio(hits, np.cumsum(drawn, axis=1), empty=0.0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = ratio(hits, (weights @ matches.truths)[:, None])
    area = np.full(len(weights), np.nan)
    padded = np.concatenate([best, np.zeros((len(best), 1))], axis=1)
    for row in np.flatnonzero(weights @ matches.truths > 0):
        at = np.searchsorted(recall[row], RECALLS, side="left")
        area[row] = padded[row, at].mean()
    return area


def _at_threshold(weights: Floats, matches: _Matches, threshold: float) -> dict[str, Floats]:
    """Return recall, precision and F1 at IoU 0.5 of the boxes that score at least `threshold`."""
    kept = matches.scores >= threshold
    drawn = weights[:, matches.series[kept]]
    hits, called, there = drawn @ matches.right[0][kept], drawn.sum(axis=1), weights @ matches.truths
    return {
        "recall": ratio(hits, there),
        "precision": np.where(there > 0, ratio(hits, called, empty=0.0), np.nan),
        "f1": np.where(there > 0, ratio(2 * hits, called + there), np.nan),
    }


def detection_measure(
    truths: Sequence[Sequence[Box]],
    found: Sequence[Sequence[Box]],
    classes: Sequence[str],
    *,
    threshold: float = 0.5,
    hit: Hit | None = None,
    findings: Sequence[Sequence[Box]] | None = None,
) -> Measure:
    """Return the measure of boxes found in each series beside the true ones.

    map50, map50_95: as COCO (Lin et al. 2014) counts them, with boxes of every size and however many; means over the
    classes that the truth holds. recall, precision, f1: at IoU 0.5 of boxes scored from `threshold` on.
    sensitivity_at_…: `froc_measure`, by the rule `hit`, of `findings` where these are not the true boxes themselves: of
    a detector of slices the true boxes are what each slice shows, and a finding reaches through several. All boxes are
    matched once; a round only adds up.
    """
    matches = [_matches(truths, found, label, IOU_THRESHOLDS) for label in classes]
    free_response = froc_measure(truths if findings is None else findings, found, classes, hit=hit or hit_by_overlap())

    def measure(weights: Floats) -> Measured:
        rows: list[dict[str, Floats]] = []
        for one in matches:
            areas = np.stack([_average_precision(weights, one, right) for right in one.right])
            rows.append({"map50": areas[0], "map50_95": areas.mean(axis=0)} | _at_threshold(weights, one, threshold))
        per_class = {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}
        froc = free_response(weights)
        overall = {name: mean_of_told(values) for name, values in per_class.items()} | froc.overall
        return Measured(overall, per_class | froc.per_class)

    return measure


def detection_figures(
    truths: Sequence[Sequence[Box]],
    found: Sequence[Sequence[Box]],
    classes: Sequence[str],
    groups: Sequence[str],
    *,
    threshold: float = 0.5,
    hit: Hit | None = None,
    findings: Sequence[Sequence[Box]] | None = None,
    rounds: int = ROUNDS,
) -> Figures:
    """Return what `detection_measure` says, with intervals by group."""
    measure = detection_measure(truths, found, classes, threshold=threshold, hit=hit, findings=findings)
    return resample(groups, measure, rounds=rounds)


def precision_curve(
    truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], label: str, *, iou: float = 0.5
) -> Points:
    """Return (recall, precision) of one class at an IoU, from the highest score to the lowest."""
    matches = _matches(truths, found, label, [iou])
    there = matches.truths.sum()
    if not there or not len(matches.scores):
        return []
    hits = np.cumsum(matches.right[0])
    return decimate(hits / there, hits / np.arange(1, len(hits) + 1))


def choose_score_threshold(
    truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], classes: Sequence[str], *, iou: float = 0.5
) -> float:
    """Return the score, in hundredths, from which boxes have the best F1 on average over the classes that there are.

    One half where no box is right: nothing to choose by.
    """
    weights, told = np.ones((1, len(truths))), []
    for label in classes:
        matches = _matches(truths, found, label, [iou])
        if matches.truths.sum():
            told.append([float(_at_threshold(weights, matches, cut)["f1"][0]) for cut in CUTS])
    means = np.mean(told, axis=0) if told else np.zeros(len(CUTS))
    return float(CUTS[int(means.argmax())]) if means.max() > 0 else 0.5
