"""The free-response curve: findings hit against false calls per series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.imaging.marks import Box
from medportal.learning.metrics.figures import Floats, Measure, Measured, mean_of_told
from medportal.learning.metrics.overlaps import Hit, corners, hit_by_overlap
from medportal.learning.metrics.ranking import Points, decimate

# False positives per series at which LUNA16 reads the curve (Setio et al. 2017).
FALSE_PER_SERIES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class _Responses:
    """Findings with the score of the surest box that hits them (−inf: none), and boxes that hit nothing."""

    finding_scores: Floats
    finding_series: NDArray[np.intp]
    false_scores: Floats
    false_series: NDArray[np.intp]


def _responses(truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], label: str, hit: Hit) -> _Responses:
    findings: list[tuple[float, int]] = []
    false: list[tuple[float, int]] = []
    for number, (true_boxes, found_boxes) in enumerate(zip(truths, found, strict=True)):
        true_ones = [box for box in true_boxes if box.label == label]
        called = [box for box in found_boxes if box.label == label]
        scores = np.array([box.score for box in called], np.float64)
        is_hit = hit(corners(true_ones), corners(called)) if true_ones else np.zeros((0, len(called)), bool)
        findings += [(float(scores[row].max(initial=-np.inf)), number) for row in is_hit]
        # A second box on a finding is neither a find nor a false call, as in LUNA16.
        false += [(float(score), number) for score in scores[~is_hit.any(axis=0)]]
    return _Responses(*_columns(findings), *_columns(false))


def _columns(rows: list[tuple[float, int]]) -> tuple[Floats, NDArray[np.intp]]:
    """Return scores, the highest first, and the series of each."""
    rows = sorted(rows, key=lambda row: -row[0])
    return np.array([score for score, _ in rows], np.float64), np.array([number for _, number in rows], np.intp)


def _sensitivities(weights: Floats, responses: _Responses) -> Floats:
    """Return (rounds, rates): the findings hit while no more than the rate's false calls per series are made."""
    findings = weights[:, responses.finding_series]
    false = np.cumsum(weights[:, responses.false_series], axis=1)
    there = findings.sum(axis=1)
    reached = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(findings, axis=1)], axis=1)
    found = int(np.isfinite(responses.finding_scores).sum())
    share = np.full((len(weights), len(FALSE_PER_SERIES)), np.nan)
    for row in np.flatnonzero(there > 0):
        allowed = np.asarray(FALSE_PER_SERIES) * weights[row].sum()
        # The first false call too many: what scores above it may still be called.
        first = np.searchsorted(false[row], allowed, side="right")
        limits = np.append(responses.false_scores, -np.inf)[first]
        count = np.searchsorted(-responses.finding_scores[:found], -limits, side="left")
        share[row] = reached[row, count] / there[row]
    return share


def froc_measure(
    truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], classes: Sequence[str], *, hit: Hit
) -> Measure:
    """Return the measure of sensitivity at 1/8 … 8 false calls per series (Bunch et al. 1978; Setio et al. 2017).

    `sensitivity_at_1`: at one; `froc`: the mean of all seven. Over all classes: the mean of the classes. A finding counts
    once, through however many slices it reaches; of a detector of slices (`overlaps.hit_on_slice`) a box on any of them
    finds it, and every box that hits none is a false call of its series.
    """
    responses = [_responses(truths, found, label, hit) for label in classes]

    def measure(weights: Floats) -> Measured:
        shares = np.stack([_sensitivities(weights, one) for one in responses], axis=1)
        per_class = {name_of_rate(rate): shares[:, :, k] for k, rate in enumerate(FALSE_PER_SERIES)}
        per_class["froc"] = shares.mean(axis=2)
        return Measured({name: mean_of_told(values) for name, values in per_class.items()}, per_class)

    return measure


def name_of_rate(rate: float) -> str:
    """Return the name of the sensitivity at a rate of false calls per series."""
    return f"sensitivity_at_{rate:g}"


def froc_curve(
    truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], label: str, *, hit: Hit | None = None
) -> Points:
    """Return (false calls per series, sensitivity) of one class, from the highest threshold to the lowest."""
    one = _responses(truths, found, label, hit or hit_by_overlap())
    if not len(one.finding_scores):
        return []
    called = np.concatenate([one.finding_scores[np.isfinite(one.finding_scores)], one.false_scores])
    cuts = np.unique(called)[::-1]
    false = np.searchsorted(-one.false_scores, -cuts, side="right") / len(truths)
    share = np.searchsorted(-one.finding_scores, -cuts, side="right") / len(one.finding_scores)
    return decimate(np.concatenate([[0.0], false]), np.concatenate([[0.0], share]))
