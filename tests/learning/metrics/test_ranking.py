"""Areas and curves: against torchmetrics, and thinned without moving."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from medportal.learning.metrics.ranking import auc, average_precision, decimate, pr_curve, roc_curve


def test_areas_with_ties_are_those_of_torchmetrics() -> None:
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 2, 120), rng.integers(0, 12, 120) / 12
    given, truth = torch.tensor(scores), torch.tensor(labels)

    assert auc(labels, scores) == pytest.approx(float(binary_auroc(given, truth)))
    assert average_precision(labels, scores) == pytest.approx(float(binary_average_precision(given, truth)))


def test_the_area_below_a_thinned_curve_stays() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 5000)
    scores = rng.normal(labels)
    curve = np.array(roc_curve(labels, scores))

    assert len(curve) <= 200
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(auc(labels, scores), abs=1e-3)


def test_curves_worked_by_hand() -> None:
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1])

    assert roc_curve(labels, scores) == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert pr_curve(labels, scores) == [(0.5, 1), (0.5, 0.5), (1, 0.66667), (1, 0.5)]
    assert roc_curve(np.ones(2, int), np.ones(2)) == []
    assert pr_curve(np.zeros(2, int), np.ones(2)) == []


def test_only_bends_are_kept() -> None:
    assert decimate(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 0.0])) == [(0, 0), (2, 2), (3, 0)]


def test_nothing_has_no_area() -> None:
    assert auc(np.array([], int), np.array([])) is None
