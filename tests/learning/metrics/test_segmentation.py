"""Masks against MONAI's measures and by hand; what is empty is defined; objects are matched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

from medportal.learning.metrics.segmentation import (
    Objects,
    Overlap,
    match_objects,
    measure_segments,
    overlap,
    segmentation_figures,
    split_into_objects,
    worst_slice,
)

MM = (2.0, 0.7, 0.9)


def _ball(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float) -> np.ndarray:
    grid = np.indices(shape)
    return sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)) < radius**2  # type: ignore[return-value]


@pytest.mark.parametrize("shape", [(14, 30, 34), (1, 40, 44)])
def test_surfaces_are_as_far_apart_as_monai_says(shape: tuple[int, int, int]) -> None:
    truth = _ball(shape, (shape[0] / 2 - 0.5, 14, 15), 6)
    # It touches the image's border, where the surface is as well.
    found = _ball(shape, (shape[0] / 2 - 0.5, 16, 28), 9) | _ball(shape, (shape[0] / 2 - 0.5, 2, 2), 3)
    ours = overlap(truth, found, MM, tolerance=2.0)
    one, other = (torch.tensor(mask.squeeze()).float()[None, None] for mask in (truth, found))
    spacing = list(MM) if shape[0] > 1 else list(MM[1:])

    theirs = compute_hausdorff_distance(other, one, include_background=True, percentile=95, spacing=spacing)
    near = compute_surface_dice(other, one, [2.0], include_background=True, spacing=spacing)

    assert ours.hd95 == pytest.approx(float(theirs), rel=1e-5)
    assert ours.surface_dice == pytest.approx(float(near), rel=1e-5)


def test_overlap_worked_by_hand() -> None:
    truth, found = np.zeros((1, 4, 4), bool), np.zeros((1, 4, 4), bool)
    truth[0, 0, :3] = True
    found[0, 0, 1:4] = True
    one = overlap(truth, found, (1, 2.0, 0.5), tolerance=0.1)

    assert one.dice == pytest.approx(4 / 6)
    assert one.iou == pytest.approx(2 / 4)
    assert one.surface_dice == pytest.approx(4 / 6)
    # Distances are 0.5, 0, 0 both ways: their 95th percentile lies nine tenths between the last two.
    assert one.hd95 == pytest.approx(0.45)


def test_what_is_empty_is_defined() -> None:
    empty, full = np.zeros((2, 3, 4), bool), np.ones((2, 3, 4), bool)

    assert np.isnan(list(vars(overlap(empty, empty, MM)).values())).all()
    for one in (overlap(empty, full, MM), overlap(full, empty, MM)):
        assert (one.dice, one.iou, one.surface_dice) == (0, 0, 0)
        assert one.hd95 == pytest.approx(np.sqrt(4**2 + 2.1**2 + 3.6**2))


def test_segments_are_averaged_over_the_cases_that_hold_them() -> None:
    cases = [
        [Overlap(1.0, 1.0, 0.0, 1.0), Overlap()],
        [Overlap(0.5, 0.4, 3.0, 0.2), Overlap(0.9, 0.8, 1.0, 0.7)],
    ]
    found = segmentation_figures(cases, ["a", "b"], objects=[Objects(2, 1, 0), Objects(0, 1, 1)], rounds=200)

    assert [one.value for one in found.per_class["dice"]] == pytest.approx([0.75, 0.9])
    assert found.overall["dice"].value == pytest.approx((0.75 + 0.9) / 2)
    assert found.overall["dice"].low is not None
    assert found.overall["object_f1"].value == pytest.approx(4 / (4 + 2 + 1))
    assert found.overall["object_recall"].value == pytest.approx(2 / 4)
    assert found.overall["object_precision"].value == pytest.approx(2 / 3)


def test_measures_of_an_integer_mask_are_those_of_each_segment() -> None:
    truth = np.array([[[1, 1, 2, 2]]])
    first, second = measure_segments(truth, np.array([[[1, 1, 1, 2]]]), 2, (1, 1, 1))

    assert first.dice == pytest.approx(4 / 5)
    assert second.dice == pytest.approx(2 / 3)


def test_objects_are_found_by_those_that_cover_more_than_half() -> None:
    truth, found = np.zeros((1, 8, 8), int), np.zeros((1, 8, 8), int)
    truth[0, :2, :2], truth[0, 4:6, 4:6], truth[0, 7, 7] = 5, 9, 2
    # The first is found, the second to one half, the third missed, and one is where there is none.
    found[0, :2, :2], found[0, 4, 4:6], found[0, 0, 6] = 1, 2, 3

    assert match_objects(truth, found) == Objects(hits=1, missed=2, false=2)
    assert match_objects(np.zeros((1, 2, 2), int), found[:, :2, :2]) == Objects(hits=0, missed=0, false=1)
    assert match_objects(truth[0:1, 2:4], found[0:1, 2:4]) == Objects(hits=0, missed=0, false=0)


def test_parts_that_do_not_touch_are_objects() -> None:
    assert split_into_objects(np.array([[[1, 0, 1, 1]]])).tolist() == [[[1, 0, 2, 2]]]


def test_the_worst_slice_is_the_one_that_differs_most() -> None:
    truth = np.zeros((3, 2, 2), int)
    found = truth.copy()
    found[2] = 1
    assert worst_slice(truth, found) == 2
