"""Figures by hand and by brute force; intervals by patients; temperature and threshold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medportal.learning.metrics import (
    auc,
    binary_figures,
    bootstrap_by_group,
    choose_threshold,
    evaluate,
    fit_temperature,
)


def test_figures_of_a_case_worked_by_hand() -> None:
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1])

    figures = binary_figures(labels, scores, 0.5)

    assert figures["accuracy"] == pytest.approx(8 / 10)
    assert figures["recall"] == pytest.approx(3 / 4)
    assert figures["specificity"] == pytest.approx(5 / 6)
    assert figures["precision"] == pytest.approx(3 / 4)
    assert figures["f1"] == pytest.approx(3 / 4)


def test_auc_is_how_often_a_positive_outranks_a_negative_ties_by_half() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 60)
    scores = rng.integers(0, 8, 60) / 8
    pairs = list(itertools.product(scores[labels == 1], scores[labels == 0]))

    assert auc(labels, scores) == pytest.approx(np.mean([(p > n) + (p == n) / 2 for p, n in pairs]))


def test_auc_of_one_class_is_not_told() -> None:
    assert auc(np.array([1, 1]), np.array([0.2, 0.4])) is None


def test_without_any_positive_call_precision_is_zero() -> None:
    assert binary_figures(np.array([1, 0]), np.array([0.1, 0.1]), 0.5)["precision"] == 0


def test_an_interval_from_few_patients_is_wider_than_from_as_many_slices() -> None:
    rng = np.random.default_rng(0)
    # Ten patients, all slices of one alike: 200 slices tell no more than ten.
    right = np.repeat(rng.random(10) < 0.7, 20)
    labels, scores = np.ones(200, int), right.astype(float)

    def measure(chosen: np.ndarray) -> dict[str, float | None]:
        return binary_figures(labels[chosen], scores[chosen], 0.5)

    by_patient = bootstrap_by_group([str(i // 20) for i in range(200)], measure)["recall"]
    by_slice = bootstrap_by_group([str(i) for i in range(200)], measure)["recall"]

    assert by_patient.low is not None
    assert by_slice.low is not None
    assert by_patient.high - by_patient.low > 2 * (by_slice.high - by_slice.low)  # type: ignore[operator]


def test_evaluate_gives_value_and_interval_of_each_figure() -> None:
    labels = np.array([0, 1] * 10)
    found = evaluate(labels, labels * 0.8 + 0.1, [str(i) for i in range(20)], 0.5)

    assert set(found) == {"accuracy", "recall", "specificity", "precision", "f1", "auc"}
    assert found["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_temperature_undoes_an_overconfident_scale() -> None:
    rng = np.random.default_rng(1)
    logit = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-logit))).astype(int)
    logits = np.stack([np.zeros_like(logit), 3 * logit], axis=1)

    assert fit_temperature(logits, labels) == pytest.approx(3, rel=0.1)


def test_threshold_lies_in_the_middle_of_the_widest_gap_that_separates() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    scores = np.array([0.05, 0.1, 0.2, 0.8, 0.85, 0.9])

    assert choose_threshold(labels, scores) == pytest.approx(0.5)
