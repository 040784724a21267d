"""Boxes: average precision as pycocotools counts it, the free-response curve by hand, weights as repeated series."""

from __future__ import annotations

import numpy as np
import pytest

from medportal.imaging.marks import Box, intersection_over_union
from medportal.learning.metrics.detection import (
    IOU_THRESHOLDS,
    detection_figures,
    detection_measure,
    precision_curve,
)
from medportal.learning.metrics.free_response import froc_curve, froc_measure
from medportal.learning.metrics.overlaps import corners, hit_by_centre, hit_by_overlap, hit_on_slice, overlaps

CLASSES = ("cell", "platelet")
Many = list[list[Box]]


def _box(label: str, row: float, column: float, size: float, score: float = 1.0, depth: float = 1) -> Box:
    return Box(label, (0, row, column), (depth, row + size, column + size), score)


@pytest.fixture(scope="module")
def crowd() -> tuple[Many, Many]:
    rng = np.random.default_rng(11)
    truths, found = [], []
    for _ in range(14):
        true_ones, called = [], []
        for _ in range(rng.integers(0, 8)):
            row, column, size = (float(v) for v in rng.integers((0, 0, 8), (90, 90, 40)))
            true_ones.append(_box(CLASSES[rng.integers(2)], row, column, size))
            for shift in rng.normal(0, 3, (rng.integers(0, 3), 2)):
                score = round(float(rng.random()), 1)
                called.append(_box(true_ones[-1].label, row + shift[0], column + shift[1], size, score))
        for row, column in rng.integers(0, 90, (rng.integers(0, 4), 2)):
            called.append(_box(CLASSES[rng.integers(2)], float(row), float(column), 20, float(rng.random() / 2)))
        truths.append(true_ones)
        found.append(called)
    return truths, found


def _as_pycocotools(truths: Many, found: Many, label: str, threshold: float) -> float:
    """COCOeval.evaluateImg and .accumulate, step by step, for one class and threshold."""
    rows, positives = [], 0
    for true_boxes, called in zip(truths, found, strict=True):
        ground = [box for box in true_boxes if box.label == label]
        positives += len(ground)
        taken = [False] * len(ground)
        for box in sorted((one for one in called if one.label == label), key=lambda one: -one.score):
            best, match = min(threshold, 1 - 1e-10), -1
            for k, one in enumerate(ground):
                if not taken[k] and intersection_over_union(one, box) >= best:
                    best, match = intersection_over_union(one, box), k
            if match >= 0:
                taken[match] = True
            rows.append((box.score, match >= 0))
    rows.sort(key=lambda row: -row[0])
    right = np.cumsum([hit for _, hit in rows])
    precision = right / np.arange(1, len(rows) + 1)
    for k in range(len(rows) - 1, 0, -1):
        precision[k - 1] = max(precision[k - 1], precision[k])
    at = np.searchsorted(right / positives, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[k] if k < len(precision) else 0.0 for k in at]))


def test_average_precision_is_that_of_pycocotools(crowd: tuple[Many, Many]) -> None:
    groups = [str(i) for i in range(len(crowd[0]))]
    found = detection_figures(*crowd, CLASSES, groups, rounds=50)
    expected = np.array([[_as_pycocotools(*crowd, label, iou) for iou in IOU_THRESHOLDS] for label in CLASSES])

    assert [one.value for one in found.per_class["map50"]] == pytest.approx(expected[:, 0].tolist())
    assert found.overall["map50"].value == pytest.approx(expected[:, 0].mean())
    assert found.overall["map50_95"].value == pytest.approx(expected.mean())
    assert 0 < found.overall["map50"].low < found.overall["map50"].high  # type: ignore[operator]


def test_a_series_drawn_twice_counts_as_two_series(crowd: tuple[Many, Many]) -> None:
    weights = np.random.default_rng(3).integers(0, 3, len(crowd[0]))
    drawn = [[one for one, count in zip(side, weights, strict=True) for _ in range(count)] for side in crowd]

    weighted = detection_measure(*crowd, CLASSES)(weights[None].astype(float))
    repeated = detection_measure(*drawn, CLASSES)(np.ones((1, len(drawn[0]))))

    for name, value in repeated.overall.items():
        assert weighted.overall[name] == pytest.approx(value), name


def test_a_case_worked_by_hand() -> None:
    truths = [[_box("cell", 0, 0, 10), _box("cell", 50, 50, 10)]]
    found = [[_box("cell", 0, 0, 10, 0.9), _box("cell", 80, 80, 10, 0.8), _box("cell", 50, 50, 10, 0.7)]]
    values = detection_measure(truths, found, ["cell"], threshold=0.75)(np.ones((1, 1))).overall

    # Precision 1 to a recall of one half (51 points), then 2/3 (50 points).
    assert values["map50"][0] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert values["recall"][0] == pytest.approx(1 / 2)
    assert values["precision"][0] == pytest.approx(1 / 2)
    assert precision_curve(truths, found, "cell") == [(0.5, 1), (0.5, 0.5), (1, 0.66667)]


def test_a_second_box_on_a_finding_is_a_false_call_to_coco_and_none_to_the_free_response() -> None:
    truths, found = [[_box("cell", 0, 0, 10)]], [[_box("cell", 0, 0, 10, 0.8), _box("cell", 0, 1, 10, 0.9)]]
    values = detection_measure(truths, found, ["cell"])(np.ones((1, 1))).overall

    assert values["precision"][0] == pytest.approx(1 / 2)
    assert values["sensitivity_at_0.125"][0] == 1


def test_sensitivity_at_a_rate_of_false_calls_worked_by_hand() -> None:
    truths = [[_box("cell", 0, 0, 10)], [_box("cell", 0, 0, 10), _box("cell", 50, 50, 10)]]
    found = [
        [_box("cell", 80, 80, 9, 0.9), _box("cell", 0, 0, 10, 0.8), _box("cell", 30, 30, 9, 0.7)],
        [_box("cell", 0, 0, 10, 0.6), _box("cell", 30, 30, 9, 0.5)],
    ]
    values = froc_measure(truths, found, ["cell"], hit=hit_by_overlap())(np.ones((1, 2))).overall

    # Of two series: none false up to a rate of 1/4, one (0.9) up to 1/2, two (0.9, 0.7) up to 1.
    assert values["sensitivity_at_0.25"][0] == 0
    assert values["sensitivity_at_0.5"][0] == pytest.approx(1 / 3)
    assert values["sensitivity_at_1"][0] == pytest.approx(2 / 3)
    assert values["froc"][0] == pytest.approx((0 + 0 + 1 / 3 + 4 * 2 / 3) / 7)
    assert froc_curve(truths, found, "cell") == [
        (0, 0),
        (0.5, 0),
        (0.5, 0.33333),
        (1, 0.33333),
        (1, 0.66667),
        (1.5, 0.66667),
    ]


def test_series_without_findings_and_findings_without_boxes_are_counted() -> None:
    values = detection_measure([[_box("cell", 0, 0, 9)], []], [[], [_box("cell", 5, 5, 5, 0.9)]], CLASSES)(
        np.ones((1, 2))
    )

    assert values.overall["map50"][0] == 0
    assert values.overall["sensitivity_at_8"][0] == 0
    assert np.isnan(values.per_class["map50"][0, 1])
    assert froc_curve([[]], [[]], "cell") == []


def test_a_finding_is_hit_by_overlap_or_by_the_centre() -> None:
    truth = corners([_box("nodule", 0, 0, 10, depth=4)])
    near, far = corners([_box("nodule", 1, 1, 4, depth=2)]), corners([_box("nodule", 9, 9, 9, depth=4)])

    assert overlaps(truth, near)[0, 0] == pytest.approx(32 / 400)
    assert hit_by_centre(truth, near)[0, 0]
    assert not hit_by_overlap()(truth, near)[0, 0]
    assert not hit_by_centre(truth, far)[0, 0]


def test_a_finding_is_hit_on_any_slice_that_shows_it() -> None:
    truth = corners([_box("nodule", 0, 0, 10, depth=20)])
    found = corners(
        [Box("nodule", (k, row, 0), (k + 1, row + 10, 10)) for k, row in ((19, 0), (19, 5), (19, 9), (20, 0))]
    )

    assert hit_on_slice()(truth, found).tolist() == [[True, True, False, False]]
    assert not hit_by_overlap()(truth, found).any()
