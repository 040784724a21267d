"""Calibration against torchmetrics and by hand; temperature and thresholds chosen on validation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from medportal.learning.metrics import choose_cut, choose_threshold, choose_thresholds, fit_calibration
from medportal.learning.metrics.calibration import (
    brier_terms,
    expected_calibration_error,
    reliability_bins,
    reliability_curve,
)


def test_calibration_error_of_two_and_of_several_classes_is_that_of_torchmetrics() -> None:
    rng = np.random.default_rng(2)
    for classes in (2, 4):
        probabilities, labels = rng.dirichlet(np.ones(classes), 300), rng.integers(0, classes, 300)
        ours = expected_calibration_error(np.ones((1, 300)), reliability_bins(labels, probabilities))[0]
        if classes == 2:
            theirs = binary_calibration_error(torch.tensor(probabilities[:, 1]), torch.tensor(labels), n_bins=15)
        else:
            theirs = multiclass_calibration_error(torch.tensor(probabilities), torch.tensor(labels), classes, n_bins=15)
        assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_reliability_of_a_case_worked_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    bins = reliability_bins(np.array([0, 1, 1, 1]), probabilities, bins=10)

    first, last = reliability_curve(bins)

    assert first == {"low": 0.0, "high": 0.1, "n": 2, "confidence": 0.1, "frequency": 0.5}
    assert last == {"low": 0.7, "high": 0.8, "n": 2, "confidence": 0.8, "frequency": 1.0}
    assert expected_calibration_error(np.ones((1, 4)), bins)[0] == pytest.approx((2 * 0.4 + 2 * 0.2) / 4)


def test_brier_of_two_classes_counts_the_positive_one() -> None:
    truth = np.array([[False, True], [True, False]])
    assert brier_terms(truth, np.array([[0.3, 0.7], [0.6, 0.4]])) == pytest.approx([0.09, 0.16])


def test_a_sure_and_right_answer_lies_in_the_last_bin_and_a_zero_in_the_first() -> None:
    bins = reliability_bins(np.array([1, 0]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert bins.bin_of.tolist() == [14, 0]


def test_temperature_undoes_an_overconfident_scale() -> None:
    rng = np.random.default_rng(1)
    logit = rng.normal(0, 2, 4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-logit))).astype(int)
    logits = np.stack([np.zeros_like(logit), 3 * logit], axis=1)

    assert fit_calibration(logits, labels)[0] == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("together", [False, True], ids=["classes", "labels"])
def test_a_bias_is_undone_where_there_is_enough_to_see_it_by(together: bool) -> None:
    rng = np.random.default_rng(1)
    logit = rng.normal(0, 2, 4000)
    truth = rng.random(4000) < 1 / (1 + np.exp(-logit))
    logits = np.stack([np.zeros_like(logit), logit], axis=1) - [0.0, 2.0]
    labels = np.stack([rng.random(4000) < 0.5, truth], axis=1) if together else truth.astype(int)

    def lead(shift: np.ndarray) -> float:
        return float(shift[1] if together else shift[1] - shift[0])

    assert lead(fit_calibration(logits, labels)[1]) == pytest.approx(2, rel=0.1)
    assert abs(lead(fit_calibration(logits[:4], labels[:4])[1])) < 1.5


def test_threshold_lies_in_the_middle_of_the_widest_gap_that_separates() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    scores = np.array([0.05, 0.1, 0.2, 0.8, 0.85, 0.9])

    assert choose_threshold(labels, scores) == pytest.approx(0.5)


def test_threshold_is_as_good_as_can_be_told_and_of_one_class_one_half() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 200)
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1).round(2)

    def balanced(threshold: float) -> float:
        called = scores >= threshold
        return (called[labels == 1].mean() + (~called[labels == 0]).mean()) / 2

    best = max(map(balanced, np.linspace(0, 1, 401)))
    assert best - 0.035 < balanced(choose_threshold(labels, scores)) <= best
    # Where one half is as good as any, it is not left.
    assert choose_threshold(labels, scores + 0.02) == pytest.approx(0.5, abs=0.05)
    assert choose_threshold(labels, scores / 4) < 0.2
    assert choose_threshold(np.ones(3, int), np.array([0.1, 0.2, 0.3])) == 0.5


def test_a_cut_goes_with_the_scale_of_its_scores() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 60)
    scores = rng.normal(2 + labels, 1.0)
    called = scores >= choose_cut(labels, scores)
    balanced = [
        ((scores >= at)[labels == 1].mean() + (scores < at)[labels == 0].mean()) / 2 for at in np.append(scores, 9)
    ]

    assert (called[labels == 1].mean() + (~called[labels == 0]).mean()) / 2 == pytest.approx(max(balanced))
    for scale in (0.01, 100.0):
        assert choose_cut(labels, scale * scores) == pytest.approx(scale * choose_cut(labels, scores))


def test_a_cut_lies_in_the_middle_of_the_widest_gap_that_is_as_good() -> None:
    assert choose_cut(np.array([0, 0, 1, 1]), np.array([3.0, 4.0, 8.0, 9.0])) == 6.0
    assert choose_cut(np.array([0, 1, 0, 1]), np.array([0.01, 0.03, 0.05, 0.06])) == pytest.approx(0.02)
    assert choose_cut(np.array([0, 1, 0, 1]), np.array([0.01, 0.02, 0.05, 0.07])) == pytest.approx(0.06)
    assert choose_cut(np.array([0, 1]), np.array([0.2, 0.2])) == 0.2
    with pytest.raises(ValueError, match="both classes"):
        choose_cut(np.ones(2, int), np.array([0.1, 0.2]))


def test_each_label_has_its_threshold() -> None:
    truth = np.array([[True, False], [False, True]])
    assert choose_thresholds(truth, np.array([[0.8, 0.1], [0.6, 0.3]])) == pytest.approx([0.7, 0.2])


def test_temperature_of_labels_that_stand_together() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (3000, 2))
    truth = rng.random((3000, 2)) < 1 / (1 + np.exp(-logits))

    assert fit_calibration(2 * logits, truth)[0] == pytest.approx(2, rel=0.1)
