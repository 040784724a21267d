"""How good a classifier is: of two classes, of several, and of labels that may stand together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.learning.metrics.calibration import brier_terms, expected_calibration_error, reliability_bins
from medportal.learning.metrics.figures import (
    ROUNDS,
    Figures,
    Floats,
    Measure,
    Measured,
    mean_of_told,
    ratio,
    resample,
    weighted_mean,
)
from medportal.learning.metrics.ranking import Labels, Ranked, Scores, auc

NAMES = ("accuracy", "recall", "specificity", "precision", "f1", "auc")


def binary_figures(labels: Labels, scores: Scores, threshold: float) -> dict[str, float | None]:
    """Return accuracy, recall, specificity, precision, F1 and AUC of scores called positive from `threshold` on.

    For a look while training: what is not defined is 0, but for the AUC, which is None.
    """
    ones = np.ones((1, len(labels)))
    rates = _rates(ones, (np.asarray(labels) == 1)[:, None], (np.asarray(scores) >= threshold)[:, None])
    return {name: float(np.nan_to_num(rates[name][0, 0])) for name in NAMES[:-1]} | {"auc": auc(labels, scores)}


def evaluate(
    labels: Labels, scores: Scores, groups: Sequence[str], threshold: float, *, rounds: int = 500
) -> dict[str, dict[str, Any]]:
    """Return the figures of `NAMES` of two classes as {"value", "low", "high"}."""
    chances = np.stack([1 - np.asarray(scores, np.float64), scores], axis=1)
    found = classification_figures(np.asarray(labels), chances, groups, threshold=threshold, rounds=rounds).to_json()
    return {name: found[name] for name in NAMES}


def called_classes(probabilities: Floats, threshold: float | None) -> NDArray[np.intp]:
    """Return the class called for each sample of (samples, classes).

    Of two classes the second is called from the threshold on; of several, or without a threshold, the likeliest.
    """
    if probabilities.shape[1] == 2 and threshold is not None:
        return (probabilities[:, 1] >= threshold).astype(np.intp)
    likeliest: NDArray[np.intp] = probabilities.argmax(axis=1)
    return likeliest


def classification_measure(
    labels: NDArray[np.integer[Any]], probabilities: Floats, *, threshold: float | None = None
) -> Measure:
    """Return the measure of a classifier: labels (samples,) and probabilities (samples, classes).

    Two classes: the figures are those of the second, the positive one. Several: accuracy is the share called right,
    the rest are means over the classes, each against all others ("macro"), of the classes that the truth holds; so
    balanced accuracy is the mean recall (Brodersen et al. 2010).
    """
    count = probabilities.shape[1]
    truth = labels[:, None] == np.arange(count)
    called = called_classes(probabilities, threshold)
    picked = called[:, None] == np.arange(count)
    ranked = [Ranked(truth[:, k], probabilities[:, k]) for k in range(count)]
    brier = brier_terms(truth, probabilities)
    bins = reliability_bins(labels, probabilities)

    def measure(weights: Floats) -> Measured:
        rates = _rates(weights, truth, picked) | _areas(weights, ranked)
        overall = {name: values[:, 1] if count == 2 else mean_of_told(values) for name, values in rates.items()}
        overall["accuracy"] = weighted_mean(weights, (called == labels).astype(np.float64))
        if count > 2:
            overall["balanced_accuracy"] = mean_of_told(rates["recall"])
        overall["brier"] = weighted_mean(weights, brier)
        overall["ece"] = expected_calibration_error(weights, bins)
        return Measured(overall, rates)

    return measure


def classification_figures(
    labels: NDArray[np.integer[Any]],
    probabilities: Floats,
    groups: Sequence[str],
    *,
    threshold: float | None = None,
    rounds: int = ROUNDS,
) -> Figures:
    """Return what `classification_measure` says, with intervals by group."""
    return resample(groups, classification_measure(labels, probabilities, threshold=threshold), rounds=rounds)


def multi_label_measure(truth: NDArray[np.bool_], probabilities: Floats, thresholds: Sequence[float]) -> Measure:
    """Return the measure of labels that may stand together: truth and probabilities (samples, labels).

    Means over the labels; accuracy is the share of all single calls that are right, `exact_match` that of samples
    called right in all their labels.
    """
    called = probabilities >= np.asarray(thresholds)
    ranked = [Ranked(truth[:, k], probabilities[:, k]) for k in range(truth.shape[1])]
    exact = (called == truth).all(axis=1).astype(np.float64)
    brier = ((probabilities - truth) ** 2).mean(axis=1)
    bins = [reliability_bins(truth[:, k].astype(np.intp), _two(probabilities[:, k])) for k in range(truth.shape[1])]

    def measure(weights: Floats) -> Measured:
        rates = _rates(weights, truth, called) | _areas(weights, ranked)
        overall = {name: mean_of_told(values) for name, values in rates.items()}
        overall["exact_match"] = weighted_mean(weights, exact)
        overall["brier"] = weighted_mean(weights, brier)
        overall["ece"] = np.mean([expected_calibration_error(weights, one) for one in bins], axis=0)
        return Measured(overall, rates)

    return measure


def multi_label_figures(
    truth: NDArray[np.bool_],
    probabilities: Floats,
    groups: Sequence[str],
    thresholds: Sequence[float],
    *,
    rounds: int = ROUNDS,
) -> Figures:
    """Return what `multi_label_measure` says, with intervals by group."""
    return resample(groups, multi_label_measure(truth, probabilities, thresholds), rounds=rounds)


def confusion_matrix(
    labels: NDArray[np.integer[Any]], called: NDArray[np.integer[Any]], classes: int
) -> list[list[int]]:
    """Return how often each class (row: the truth) was called each class (column)."""
    pairs = np.asarray(labels) * classes + np.asarray(called)
    counted: list[list[int]] = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).tolist()
    return counted


def _rates(weights: Floats, truth: NDArray[np.bool_], called: NDArray[np.bool_]) -> dict[str, Floats]:
    """Return (rounds, classes) of each figure that is counted, each class against all others.

    Precision is 0 where nothing is called, F1 where there is nothing right; recall and specificity are not defined
    without a positive and without a negative. F1 is that of van Rijsbergen 1979.
    """
    whole = weights.sum(axis=1, keepdims=True)
    hits, positive, picked = (weights @ which.astype(np.float64) for which in (truth & called, truth, called))
    recall = ratio(hits, positive)
    specificity = ratio(whole - positive - picked + hits, whole - positive)
    return {
        "accuracy": ratio(whole - positive - picked + 2 * hits, whole),
        "balanced_accuracy": (recall + specificity) / 2,
        "recall": recall,
        "specificity": specificity,
        "precision": np.where(positive > 0, ratio(hits, picked, empty=0.0), np.nan),
        "f1": np.where(positive > 0, ratio(2 * hits, positive + picked), np.nan),
    }


def _areas(weights: Floats, ranked: Sequence[Ranked]) -> dict[str, Floats]:
    areas = [one.areas(weights) for one in ranked]
    return {name: np.stack([a[k] for a in areas], axis=1) for k, name in enumerate(("auc", "average_precision"))}


def _two(chances: Floats) -> Floats:
    return np.stack([1 - chances, chances], axis=1)
