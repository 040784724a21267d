"""Figures by hand and by brute force; intervals by patients, the same whichever way they are drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medportal.learning.metrics import (
    auc,
    binary_figures,
    bootstrap_by_group,
    evaluate,
    mean_figures,
)
from medportal.learning.metrics.classification import classification_figures


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


def test_weights_say_what_drawing_samples_says() -> None:
    rng = np.random.default_rng(4)
    labels, scores = rng.integers(0, 2, 90), rng.random(90).round(1)
    groups = [str(i // 3) for i in range(90)]

    def measure(chosen: np.ndarray) -> dict[str, float | None]:
        return binary_figures(labels[chosen], scores[chosen], 0.5)

    drawn, weighted = bootstrap_by_group(groups, measure, rounds=200), evaluate(labels, scores, groups, 0.5, rounds=200)

    for name, figure in drawn.items():
        assert weighted[name] == pytest.approx({"value": figure.value, "low": figure.low, "high": figure.high})


def test_one_group_gives_a_value_and_no_interval() -> None:
    found = evaluate(np.array([0, 1]), np.array([0.2, 0.9]), ["p", "p"], 0.5)

    assert found["accuracy"] == {"value": 1.0, "low": None, "high": None}


def test_a_figure_that_is_seldom_defined_has_no_interval() -> None:
    found = evaluate(np.array([1, 1, 1]), np.array([0.2, 0.9, 0.8]), ["a", "b", "c"], 0.5)

    assert found["auc"] == {"value": None, "low": None, "high": None}
    assert found["specificity"]["value"] is None
    assert found["recall"]["value"] == pytest.approx(2 / 3)


def test_a_mean_leaves_out_what_is_not_defined() -> None:
    found = mean_figures(["a", "b", "c"], {"dice": np.array([0.5, np.nan, 1.0])}).overall["dice"]

    assert found.value == pytest.approx(0.75)
    assert (found.low, found.high) == (0.5, 1.0)


def test_a_distance_of_distributions_lies_within_its_interval() -> None:
    rng = np.random.default_rng(0)
    chances, groups = rng.dirichlet(np.ones(3), 60), [str(i) for i in range(60)]
    labels = np.array([rng.choice(3, p=one) for one in chances])

    ece = classification_figures(labels, chances, groups).overall["ece"]

    assert ece.low < ece.value < ece.high  # type: ignore[operator]
