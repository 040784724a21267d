"""What networks answer becomes probabilities, boxes, masks and verdicts: against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from medportal.imaging.marks import Box
from medportal.inference.manifest import ClassificationOutput, DetectionOutput, ReconstructionOutput
from medportal.inference.postprocess import (
    aggregate,
    anomaly_map,
    anomaly_score,
    class_verdict,
    clipped,
    peaks,
    probabilities,
    series_probabilities,
    sigmoid,
    split_objects,
    suppress,
    without_islands,
)

CLASSES = ("normal", "lung cancer")


def output(activation: str = "softmax", *, top_k: int = 1, thresholds: tuple[float, ...] = (0.5,)) -> Any:
    return ClassificationOutput(activation=activation, temperature=1.0, top_k=top_k, thresholds=thresholds)


def two(*positive: float) -> Any:
    """Slices' probabilities of two classes."""
    return np.array([[1 - p, p] for p in positive])


def test_softmax_at_a_temperature() -> None:
    logits = np.array([[0.0, np.log(3)], [2.0, 2.0]], np.float32)
    np.testing.assert_allclose(probabilities(logits, 1.0), [[0.25, 0.75], [0.5, 0.5]], atol=1e-6)
    np.testing.assert_allclose(probabilities(logits, 0.5)[0], [0.1, 0.9], atol=1e-6)


def test_independent_classes_each_have_their_own() -> None:
    chances = probabilities(np.array([[0.0, np.log(3), -1e5]]), 1.0, "sigmoid")
    np.testing.assert_allclose(chances, [[0.5, 0.75, 0]], atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    np.testing.assert_array_equal(probabilities(np.array([[1e4, -1e4]]), 0.25), [[1, 0]])
    np.testing.assert_array_equal(sigmoid(np.array([1e30, -1e30])), [1, 0])


def test_a_series_is_as_suspicious_as_its_most_suspicious_slices() -> None:
    slices = two(0.1, 0.9, 0.2, 0.7)
    assert series_probabilities(slices, 1)[1] == pytest.approx(0.9)
    assert series_probabilities(slices, 2)[1] == pytest.approx(0.8)
    assert series_probabilities(slices, 100)[1] == pytest.approx(0.475)


def test_of_several_classes_the_slices_furthest_from_the_first_are_averaged() -> None:
    slices = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.4, 0.0, 0.6]])
    np.testing.assert_allclose(series_probabilities(slices, 2), [0.3, 0.25, 0.45])
    np.testing.assert_allclose(aggregate(slices, output("sigmoid", top_k=2)), [0.65, 0.3, 0.45])


def test_the_threshold_itself_is_positive() -> None:
    at, below = (class_verdict(two(p)[0], output(), CLASSES) for p in (0.5, 0.499))
    assert (at.value, at.positive, at.threshold) == ("lung cancer", True, 0.5)
    assert (below.value, below.positive) == ("normal", False)
    assert below.probabilities == {"normal": pytest.approx(0.501), "lung cancer": pytest.approx(0.499)}


def test_several_classes_and_independent_ones() -> None:
    names = ("none", "a", "b")
    best = class_verdict(np.array([0.3, 0.3, 0.4]), output(thresholds=()), names)
    assert (best.value, best.positive, best.probability) == ("b", True, 0.4)
    first = class_verdict(np.array([0.5, 0.25, 0.25]), output(thresholds=()), names)
    assert (first.value, first.positive) == ("none", False)
    spec = output("sigmoid", thresholds=(0.5, 0.2, 0.9))
    some = class_verdict(np.array([0.6, 0.3, 0.8]), spec, ("a", "b", "c"))
    assert (some.value, some.positive, some.probability, some.threshold) == ("a, b", True, 0.6, 0.5)
    nothing = class_verdict(np.array([0.1, 0.1, 0.8]), spec, ("a", "b", "c"))
    assert (nothing.value, nothing.positive, nothing.probability, nothing.threshold) == ("none", False, 0.8, 0.9)


DETECTION = DetectionOutput(stride=4, score_threshold=0.3, iou_threshold=0.5, maximum=10)


def heat_of(places: dict[tuple[int, ...], float], shape: tuple[int, ...] = (1, 8, 8)) -> Any:
    heat = np.zeros(shape, np.float32)
    for place, score in places.items():
        heat[place] = score
    return heat


def test_peaks_become_boxes_in_voxels_of_the_sample() -> None:
    extent = np.zeros((4, 8, 8), np.float32)
    extent[:, 2, 3] = [4, 6, 8, 2]
    extent[:, 7, 7] = 20
    found = peaks(heat_of({(0, 2, 3): 0.9, (0, 7, 7): 0.5, (0, 0, 0): 0.2}), extent, DETECTION, ["x"], (32, 32))
    assert [round(box.score, 3) for box in found] == [0.9, 0.5]
    assert (found[0].low, found[0].high) == ((0, 6, 8), (1, 18, 16))
    # Clipped to the sample; beside a peak only the highest of a neighbourhood counts.
    assert (found[1].low, found[1].high) == ((0, 10, 10), (1, 32, 32))
    whole = peaks(heat_of({(0, 7, 7): 0.5}), extent, DETECTION, ["x"], None)
    assert whole[0].high == (1, 50, 50)


def test_no_peak_is_no_box() -> None:
    extent = np.ones((4, 8, 8), np.float32)
    assert peaks(heat_of({}), extent, DETECTION, ["x"], (32, 32)) == []
    assert peaks(heat_of({(0, 2, 2): 0.29}), extent, DETECTION, ["x"], (32, 32)) == []
    # A box without extent is none either.
    assert peaks(heat_of({(0, 2, 2): 0.9}), np.zeros_like(extent), DETECTION, ["x"], (32, 32)) == []


def test_peaks_of_volumes_have_three_sides() -> None:
    extent = np.full((6, 4, 8, 8), 2.0, np.float32)
    (box,) = peaks(heat_of({(1, 1, 2, 3): 0.8}, (2, 4, 8, 8)), extent, DETECTION, ["x", "y"], (16, 32, 32))
    assert (box.label, box.low, box.high) == ("y", (4, 8, 12), (8, 12, 16))


def box(label: str, low: float, high: float, score: float) -> Box:
    return Box(label, (0.0, low, 0.0), (1.0, high, 10.0), score)


def test_of_boxes_that_overlap_the_best_of_each_class_stays() -> None:
    boxes = [box("a", 0, 10, 0.5), box("a", 1, 11, 0.9), box("b", 1, 11, 0.4), box("a", 9, 19, 0.6)]
    assert [(one.label, one.score) for one in suppress(boxes, 0.5)] == [("a", 0.9), ("a", 0.6), ("b", 0.4)]
    # The overlap of the first two is 9/11.
    assert len(suppress(boxes[:2], 0.82)) == 2
    assert suppress([], 0.5) == []


def test_a_box_is_clipped_to_the_stack_and_one_beside_it_is_none() -> None:
    inside = clipped(Box("a", (-1.0, 2.0, 3.0), (0.5, 99.0, 4.0), 0.3), (4, 10, 10))
    assert inside == Box("a", (0, 2, 3), (0.5, 10, 4), 0.3)
    assert clipped(Box("a", (0.0, 10.0, 3.0), (1.0, 12.0, 4.0)), (4, 10, 10)) is None
    assert clipped(Box("a", (-5.0, 0.0, 3.0), (0.001, 12.0, 4.0)), (4, 10, 10)) is None


def test_small_islands_go_and_large_ones_stay() -> None:
    mask = np.zeros((2, 12, 12), np.uint8)
    mask[:, 2:6, 2:6], mask[0, 9, 9], mask[1, 9, 1:3] = 1, 2, 1
    cleaned = without_islands(mask, 3)
    assert cleaned.sum() == 32
    assert (cleaned[:, 2:6, 2:6] == 1).all()
    np.testing.assert_array_equal(without_islands(mask, 0), mask)
    assert not without_islands(np.zeros((3, 3), np.uint8), 5).any()


def discs(*centres: tuple[int, int], radius: float = 7.0) -> Any:
    row, column = np.mgrid[:48, :48]
    return np.any([np.hypot(row - y, column - x) < radius for y, x in centres], axis=0).astype(np.float32)


def test_objects_that_touch_are_told_apart() -> None:
    numbered = split_objects(discs((14, 14), (14, 26), (36, 30)))
    assert int(numbered.max()) == 3
    assert len({int(numbered[place]) for place in ((14, 14), (14, 26), (36, 30))} - {0}) == 3
    np.testing.assert_array_equal(numbered > 0, discs((14, 14), (14, 26), (36, 30)) > 0)
    assert not split_objects(np.zeros((8, 8), np.float32)).any()
    assert split_objects(np.ones((8, 8), np.float32)).max() == 1


def test_a_dot_beside_a_large_object_is_an_object() -> None:
    image = discs((24, 24), radius=20)
    image[1, 1] = 1
    numbered = split_objects(image)
    assert set(np.unique(numbered)) == {0, 1, 2}
    # Also so near that it is lost in the other's smoothing, and more than one.
    image[24, 45], image[24, 2] = 1, 1
    assert set(np.unique(split_objects(image))) == {0, 1, 2, 3, 4}


def test_the_anomaly_is_the_difference_where_it_is_largest() -> None:
    spec = ReconstructionOutput(full_scale=1.0, threshold=0.5, smoothing=0.0, share=0.25, compression=4.0)
    image, again = np.zeros((2, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32)
    image[0, :2, :2] = 1.0
    difference = anomaly_map(image, again, spec)
    assert difference[0, 0] == 0.5
    assert difference.sum() == 2.0
    assert anomaly_score(difference, 0.25) == 0.5
    assert anomaly_score(difference, 0.5) == 0.25
    assert anomaly_score(difference, 1e-9) == 0.5


def test_noise_cancels_out_in_an_anomaly_map_and_a_finding_does_not() -> None:
    spec = ReconstructionOutput(full_scale=1, threshold=0.5, smoothing=2.0, share=0.01, compression=8)
    noise = np.where(np.indices((32, 32)).sum(0) % 2, 0.4, -0.4).astype(np.float32)[None]
    finding = np.zeros((1, 32, 32), np.float32)
    finding[0, 12:20, 12:20] = -0.4

    assert anomaly_map(noise, np.zeros_like(noise), spec)[8:24, 8:24].max() < 0.01
    assert anomaly_map(finding, np.zeros_like(finding), spec)[16, 16] > 0.3
