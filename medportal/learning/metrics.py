"""How good a classifier is: figures by definition, with bootstrap intervals by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
Scores = NDArray[np.floating[Any]]
NAMES = ("accuracy", "recall", "specificity", "precision", "f1", "auc")


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval; the ends are None where it could not be told."""

    value: float | None
    low: float | None = None
    high: float | None = None


def _ratio(part: float, whole: float) -> float:
    """Return part / whole, 0 for an empty whole (as is the custom for precision without any positive call)."""
    return part / whole if whole else 0.0


def auc(labels: Labels, scores: Scores) -> float | None:
    """Return the area under the ROC curve: how often a positive outranks a negative (Mann–Whitney U), ties by half.

    None where only one class is there.
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    if not len(positive) or not len(negative):
        return None
    order = np.concatenate([negative, positive])
    _, inverse, counts = np.unique(order, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    rank_sum = ranks[len(negative) :].sum()
    return float((rank_sum - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative)))


def binary_figures(labels: Labels, scores: Scores, threshold: float) -> dict[str, float | None]:
    """Return accuracy, recall, specificity, precision, F1 and AUC of scores called positive from `threshold` on."""
    called = scores >= threshold
    truth = labels == 1
    true_positive, true_negative = float((called & truth).sum()), float((~called & ~truth).sum())
    recall = _ratio(true_positive, float(truth.sum()))
    precision = _ratio(true_positive, float(called.sum()))
    return {
        "accuracy": _ratio(true_positive + true_negative, len(labels)),
        "recall": recall,
        "specificity": _ratio(true_negative, float((~truth).sum())),
        "precision": precision,
        "f1": _ratio(2 * precision * recall, precision + recall),
        "auc": auc(labels, scores),
    }


def bootstrap_by_group(
    groups: Sequence[str],
    measure: Callable[[NDArray[np.intp]], dict[str, float | None]],
    *,
    rounds: int = 500,
    seed: int = 0,
) -> dict[str, Figure]:
    """Return figures with 95 % percentile intervals from drawing whole groups with replacement (Efron 1979).

    `measure` takes the indices of the samples drawn. A patient's slices are not independent: the patient is drawn.
    """
    names = np.asarray(groups)
    unique, inverse = np.unique(names, return_inverse=True)
    members = [np.flatnonzero(inverse == k) for k in range(len(unique))]
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(rounds):
        chosen = np.concatenate([members[k] for k in rng.integers(len(unique), size=len(unique))])
        for name, value in measure(chosen).items():
            if value is not None:
                drawn.setdefault(name, []).append(value)
    figures = {}
    for name, value in measure(np.arange(len(names))).items():
        spread = drawn.get(name, [])
        low, high = (
            (float(v) for v in np.percentile(spread, (2.5, 97.5))) if len(spread) >= rounds / 2 else (None, None)
        )
        figures[name] = Figure(value, low, high)
    return figures


def evaluate(labels: Labels, scores: Scores, groups: Sequence[str], threshold: float) -> dict[str, dict[str, Any]]:
    """Return every figure as {"value", "low", "high"}."""
    figures = bootstrap_by_group(groups, lambda chosen: binary_figures(labels[chosen], scores[chosen], threshold))
    return {name: asdict(figure) for name, figure in figures.items()}


def fit_temperature(logits: NDArray[np.floating[Any]], labels: Labels) -> float:
    """Return the temperature with the least negative log-likelihood on validation (Guo et al. 2017), by golden section.

    Not below 0.5: a small validation split that is told apart without error would have it sharpened without end.
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        likelihood = scaled[np.arange(len(labels)), labels] - np.log(np.exp(scaled).sum(axis=1))
        return float(-likelihood.mean())

    low, high, golden = np.log(0.5), np.log(8.0), (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(np.exp((low + high) / 2))


def choose_threshold(labels: Labels, scores: Scores) -> float:
    """Return the threshold of the best balanced accuracy: in the middle of the widest gap that reaches it."""
    edges = np.unique(np.concatenate([[0.0], scores, [1.0]]))
    candidates = [(float(low + high) / 2, float(high - low)) for low, high in pairwise(edges)]

    def worth(candidate: tuple[float, float]) -> tuple[float, float]:
        figures = binary_figures(labels, scores, candidate[0])
        return round(((figures["recall"] or 0) + (figures["specificity"] or 0)) / 2, 9), candidate[1]

    return max(candidates, key=worth)[0] if candidates else 0.5
