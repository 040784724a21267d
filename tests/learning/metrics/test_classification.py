"""Two classes, several, and labels that stand together: against torchmetrics and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional import classification as reference

from medportal.learning.metrics.classification import (
    called_classes,
    classification_figures,
    confusion_matrix,
    multi_label_figures,
)

CLASSES, SAMPLES = 4, 200


@pytest.fixture
def several() -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(7)
    labels = rng.integers(0, CLASSES, SAMPLES)
    probabilities = (rng.dirichlet(np.ones(CLASSES), SAMPLES) + 0.5 * np.eye(CLASSES)[labels]) / 1.5
    return labels, probabilities, [str(i // 4) for i in range(SAMPLES)]


def test_several_classes_are_averaged_as_torchmetrics_averages(
    several: tuple[np.ndarray, np.ndarray, list[str]],
) -> None:
    labels, probabilities, groups = several
    found = classification_figures(labels, probabilities, groups, rounds=20)
    given, truth = torch.tensor(probabilities), torch.tensor(labels)

    expected = {
        "accuracy": reference.multiclass_accuracy(given, truth, CLASSES, average="micro"),
        "balanced_accuracy": reference.multiclass_accuracy(given, truth, CLASSES, average="macro"),
        "recall": reference.multiclass_recall(given, truth, CLASSES),
        "specificity": reference.multiclass_specificity(given, truth, CLASSES),
        "precision": reference.multiclass_precision(given, truth, CLASSES),
        "f1": reference.multiclass_f1_score(given, truth, CLASSES),
        "auc": reference.multiclass_auroc(given, truth, CLASSES),
        "average_precision": reference.multiclass_average_precision(given, truth, CLASSES),
    }
    for name, value in expected.items():
        figure = found.overall[name]
        assert figure.value == pytest.approx(float(value), abs=1e-6), name
        assert figure.low <= figure.value <= figure.high  # type: ignore[operator]
    by_class = reference.multiclass_f1_score(given, truth, CLASSES, average=None)
    assert [one.value for one in found.per_class["f1"]] == pytest.approx(by_class.tolist())


def test_two_classes_give_the_figures_of_the_positive_one() -> None:
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1])
    chances = np.stack([1 - scores, scores], axis=1)
    found = classification_figures(labels, chances, [str(i) for i in range(10)], threshold=0.5)

    values = {name: figure.value for name, figure in found.overall.items()}
    assert values["recall"] == pytest.approx(3 / 4)
    assert values["specificity"] == pytest.approx(5 / 6)
    assert values["balanced_accuracy"] == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert values["average_precision"] == pytest.approx((1 + 1 + 1 + 4 / 5) / 4)
    # The negative class beside it: its recall is the other's specificity.
    assert found.per_class["recall"][0].value == pytest.approx(5 / 6)


def test_a_class_that_is_not_there_takes_no_part_in_the_mean() -> None:
    probabilities = np.eye(3)[[0, 0, 1, 2]] * 0.8 + 0.1
    found = classification_figures(np.array([0, 0, 1, 1]), probabilities, list("abcd"), rounds=10)

    assert found.overall["recall"].value == pytest.approx((1 + 0.5) / 2)
    assert found.per_class["recall"][2].value is None
    assert found.per_class["auc"][2].value is None


def test_labels_that_stand_together_are_averaged_as_torchmetrics_averages() -> None:
    rng = np.random.default_rng(8)
    truth = rng.random((150, 3)) < 0.3
    probabilities = np.clip(rng.random((150, 3)) * 0.7 + 0.3 * truth, 0, 1)
    found = multi_label_figures(truth, probabilities, [str(i) for i in range(150)], [0.5] * 3, rounds=20)
    given, labels = torch.tensor(probabilities), torch.tensor(truth).int()

    expected = {
        "accuracy": reference.multilabel_accuracy(given, labels, 3),
        "recall": reference.multilabel_recall(given, labels, 3),
        "precision": reference.multilabel_precision(given, labels, 3),
        "f1": reference.multilabel_f1_score(given, labels, 3),
        "auc": reference.multilabel_auroc(given, labels, 3),
        "average_precision": reference.multilabel_average_precision(given, labels, 3),
        "exact_match": reference.multilabel_exact_match(given, labels, 3),
    }
    for name, value in expected.items():
        assert found.overall[name].value == pytest.approx(float(value), abs=1e-6), name


def test_confusion_has_the_truth_in_its_rows() -> None:
    assert confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2) == [[1, 1], [0, 1]]


def test_of_two_classes_the_second_is_called_from_the_threshold_on() -> None:
    chances = np.array([[0.7, 0.3], [0.6, 0.4]])
    assert called_classes(chances, 0.4).tolist() == [0, 1]
    assert called_classes(chances, None).tolist() == [0, 0]
