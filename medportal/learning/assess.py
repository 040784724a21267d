"""What a trained network is worth: calibrated and cut on validation, measured on test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from medportal.inference.postprocess import positive_probability
from medportal.learning.dataset import Prepared
from medportal.learning.loop import predict_logits, series_scores
from medportal.learning.metrics import choose_threshold, evaluate, fit_temperature


@dataclass(frozen=True)
class Assessment:
    """Temperature and threshold from validation; figures from test, for series and for slices."""

    temperature: float
    threshold: float
    metrics: dict[str, Any]
    slice_metrics: dict[str, Any]
    counts: dict[str, int]


def assess(network: nn.Module, prepared: Prepared, config: dict[str, Any]) -> Assessment:
    """Choose temperature and threshold on the validation split, then measure once on the test split."""
    context, top_k = config["context"], config["top_k"]
    labelled = prepared.of_split("validation")
    logits = predict_logits(network, prepared, labelled, context)
    temperature = fit_temperature(logits, _labels(prepared, labelled))
    whole = prepared.of_split("validation", labelled=False)
    chances = positive_probability(predict_logits(network, prepared, whole, context), temperature)
    labels, scores, _ = series_scores(prepared, whole, chances, top_k)
    threshold = choose_threshold(labels, scores)
    return _on_test(network, prepared, config, temperature, threshold)


def _on_test(
    network: nn.Module, prepared: Prepared, config: dict[str, Any], temperature: float, threshold: float
) -> Assessment:
    whole = prepared.of_split("test", labelled=False)
    chances = positive_probability(predict_logits(network, prepared, whole, config["context"]), temperature)
    labels, scores, groups = series_scores(prepared, whole, chances, config["top_k"])
    named = np.array([prepared.rows[i].label is not None for i in whole])
    slice_labels = (_labels(prepared, whole) > 0).astype(int)[named]
    slice_groups = [prepared.rows[i].group for i in np.asarray(whole)[named]]
    return Assessment(
        temperature=temperature,
        threshold=threshold,
        metrics=evaluate(labels, scores, groups, threshold),
        slice_metrics=evaluate(slice_labels, chances[named], slice_groups, 0.5),
        counts={"series": len(labels), "groups": len(set(groups)), "slices": int(named.sum())},
    )


def _labels(prepared: Prepared, numbers: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    first = prepared.classes[0]
    return np.array([prepared.classes.index(prepared.rows[i].label or first) for i in numbers])
