"""A detector's truth can be read back, boxes go along with their images, and what it learns is what the package finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medportal.errors import InvalidError
from medportal.imaging.marks import Box, intersection_over_union
from medportal.imaging.phantoms import make_phantom
from medportal.inference.detect import decoded
from medportal.inference.manifest import DetectionOutput
from medportal.inference.package import open_package
from medportal.inference.predict import answer
from medportal.inference.session import Session
from medportal.learning import augment
from medportal.learning.box_parity import box_differences
from medportal.learning.box_samples import clipped, mosaic
from medportal.learning.box_targets import Truth, extent_loss, heat_loss, targets_of
from medportal.learning.export import export_onnx, open_session
from medportal.learning.loop import train
from medportal.learning.metrics.detection import choose_score_threshold
from medportal.learning.package_writer import write_network
from medportal.learning.phantom_data import NODULE, boxes_of
from medportal.learning.prepared import write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.detection import DetectionTask
from medportal.learning.variants import write_variants
from tests.learning import squares

FLAT = Truth(torch.tensor([[3.0, 5.0, 17.5, 30.0], [20.0, 40.0, 44.0, 60.0]]), torch.tensor([0, 1]))
DEEP = Truth(torch.tensor([[1.0, 3.0, 5.0, 9.5, 17.5, 30.0]]), torch.tensor([1]))
SIZE = (48, 64)


# Truth


@pytest.mark.parametrize(("truth", "cells"), [(FLAT, (12, 16)), (DEEP, (4, 8, 12))])
def test_boxes_can_be_read_back_from_the_truth_that_they_make(truth: Truth, cells: tuple[int, ...]) -> None:
    heat, extent, _ = targets_of(truth, cells, 4, 2)
    logits = torch.logit(heat.clamp(1e-6, 1 - 1e-6))
    output = DetectionOutput(stride=4, score_threshold=0.9, iou_threshold=0.5, maximum=10)
    found = decoded(logits.numpy(), extent.numpy(), output, squares.CLASSES)

    axes = len(cells)
    expected = {
        (squares.CLASSES[label], *edges) for edges, label in zip(truth.edges.tolist(), truth.labels, strict=True)
    }
    assert {(box.label, *box.low[3 - axes :], *box.high[3 - axes :]) for box in found} == expected


def test_of_boxes_that_meet_the_nearer_one_owns_a_cell() -> None:
    truth = Truth(torch.tensor([[0.0, 0.0, 32.0, 32.0], [12.0, 24.0, 20.0, 32.0]]), torch.tensor([0, 0]))
    _, extent, weight = targets_of(truth, (8, 8), 4, 1)

    assert weight[0, 4, 4] == 1
    assert extent[:, 4, 4].tolist() == [18, 18, 14, 14]
    assert extent[:, 4, 7].tolist() == [6, 6, 2, 2]
    assert weight[0, 0, 0] == 0


def test_a_centre_outside_of_the_sample_makes_nothing() -> None:
    heat, _, weight = targets_of(Truth(torch.tensor([[-30.0, 0.0, 10.0, 10.0]]), torch.tensor([0])), (8, 8), 4, 1)

    assert not heat.any()
    assert not weight.any()


def test_the_losses_are_least_at_the_truth() -> None:
    heat, extent, weight = (one[None] for one in targets_of(FLAT, (12, 16), 4, 2))
    right = torch.logit(heat.clamp(1e-4, 1 - 1e-4))

    assert heat_loss(right, heat) < heat_loss(torch.zeros_like(right), heat) / 10
    assert extent_loss(extent, extent, weight).item() == pytest.approx(0, abs=1e-5)
    assert extent_loss(extent * 1.5, extent, weight) > 0.5


# Augmentation


@pytest.mark.parametrize(("flip", "axis"), [("flip", 2), ("flip_rows", 1)])
def test_boxes_go_along_exactly_with_a_mirrored_image(flip: str, axis: int) -> None:
    image = torch.zeros(1, 1, *SIZE)
    image[0, 0, 3:17, 5:30] = 1
    config = {"rotate_degrees": 0, "scale_fraction": 0, "crop_fraction": 0, flip: True}
    for seed in range(4):
        moves = augment.draw_moves(1, SIZE, config, torch.Generator().manual_seed(seed), bend=False)
        moved = augment.moved(image, augment.grid_of(moves, SIZE))[0, 0]
        edges = augment.moved_boxes(torch.tensor([[3.0, 5.0, 17.0, 30.0]]), moves.theta[0], SIZE)[0].tolist()
        is_mirrored = moves.theta[0, 2 - axis, 2 - axis] < 0

        top, left, bottom, right = (round(edge) for edge in edges)
        assert edges == pytest.approx([top, left, bottom, right], abs=1e-4)
        assert torch.equal(moved.round(), (image[0, 0].flip(axis - 1) if is_mirrored else image[0, 0]))
        assert moved[top:bottom, left:right].min() > 0.99
        assert moved.sum() == pytest.approx(14 * 25, abs=0.1)


def test_boxes_go_along_with_scale_and_shift() -> None:
    image = torch.zeros(1, 1, *SIZE)
    image[0, 0, 12:28, 20:44] = 1
    config = {"rotate_degrees": 0, "scale_fraction": 0.3, "crop_fraction": 0.1, "flip": True}
    for seed in range(6):
        moves = augment.draw_moves(1, SIZE, config, torch.Generator().manual_seed(seed), bend=False)
        moved = augment.moved(image, augment.grid_of(moves, SIZE))[0, 0]
        box = augment.moved_boxes(torch.tensor([[12.0, 20.0, 28.0, 44.0]]), moves.theta[0], SIZE)
        there = torch.nonzero(moved > 0.5)
        edges = clipped(Truth(box, torch.tensor([0])), (0, 0), SIZE).edges[0]

        np.testing.assert_allclose(edges, [*there.amin(0), *(there.amax(0) + 1)], atol=1.01)


@pytest.mark.parametrize("size", [(12, 32, 24), (32, 24)])
def test_what_is_not_turned_is_moved_along_its_axes_alike(size: tuple[int, ...]) -> None:
    images = torch.rand(3, 2, *(side + 5 for side in size), generator=torch.Generator().manual_seed(0))
    config = {"rotate_degrees": 0, "scale_fraction": 0.3, "crop_fraction": 0.3, "flip": True, "flip_slices": True}
    moves = augment.draw_moves(3, size, config, torch.Generator().manual_seed(1), bend=False)

    expected = augment.moved(images, augment.grid_of(moves, size))
    torch.testing.assert_close(augment.moved_along_axes(images, moves.theta, size), expected, atol=1e-5, rtol=1e-5)


def test_what_is_hardly_to_be_seen_any_more_is_left_out() -> None:
    truth = Truth(
        torch.tensor([[0.0, -7.5, 10.0, 2.5], [0.0, -5.0, 10.0, 5.0], [5.0, 50.0, 9.0, 55.0]]), torch.tensor([0, 1, 0])
    )
    found = clipped(truth, (0, 0), (20, 40))

    assert found.edges.tolist() == [[0.0, 0.0, 10.0, 5.0]]
    assert found.labels.tolist() == [1]


def test_a_mosaic_shows_four_samples_and_the_boxes_of_each_quarter() -> None:
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, *SIZE).clone()
    # Sample k has small boxes of class k everywhere.
    places = torch.cartesian_prod(torch.arange(0, 48, 4), torch.arange(0, 64, 4)).float()
    truths = [Truth(torch.cat([places, places + 4], 1), torch.full((len(places),), k)) for k in range(4)]
    out, found = mosaic(images, truths, 1.0, torch.Generator().manual_seed(1))

    for image, truth in zip(out[:, 0], found, strict=True):
        assert len(image.unique()) > 1
        for (top, left, bottom, right), label in zip(truth.edges.int().tolist(), truth.labels.tolist(), strict=True):
            assert (image[top:bottom, left:right] == label).all()
        assert int((truth.edges[:, 2:] - truth.edges[:, :2]).prod(1).sum()) > 0.9 * SIZE[0] * SIZE[1]


# Learning


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return squares.prepare(tmp_path_factory.mktemp("squares") / "data", squares.config())


@pytest.fixture(scope="module")
def learnt(flat: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[DetectionTask, list[dict[str, Any]]]:
    torch.manual_seed(1)
    task = squares.task_of(flat, squares.config(epochs=5, repeats=8, learning_rate=0.01, scale_fraction=0.05))
    return task, train(task, "detection", checkpoint_dir=tmp_path_factory.mktemp("run") / "c").history


def test_it_learns_to_find_squares(learnt: tuple[DetectionTask, list[dict[str, Any]]]) -> None:
    _, history = learnt
    assert history[-1]["losses"]["train_loss"] < history[0]["losses"]["train_loss"] / 2
    assert history[-1]["figures"]["map50"] > 0.5
    assert history[-1]["figures"]["sensitivity"] > 0.5
    assert {"map50_bright", "map50_dim"} <= set(history[-1]["figures"])


def test_pictures_have_outlines(learnt: tuple[DetectionTask, list[dict[str, Any]]]) -> None:
    task, _ = learnt
    for shown in [*task.previews(), *task.pictured(task.some(3), torch.Generator().manual_seed(0))]:
        assert shown.image.shape == (squares.ROWS, squares.COLUMNS, 3)
        # A box found may lie on the true one.
        assert any((shown.image == colour).all(-1).any() for colour in ([255, 0, 0], [0, 255, 0]))


def test_the_package_finds_what_the_network_found(
    learnt: tuple[DetectionTask, list[dict[str, Any]]], tmp_path: Path
) -> None:
    task, _ = learnt
    spec = {"recipe": "detection", "model": {"name": "squares", "title": "Squares"}, "data": {}}
    manifest = write_network(tmp_path / "p", task, spec, task.calibrate())
    session = Session(open_package(tmp_path / "p"), use_gpu=False)
    variants = write_variants(tmp_path / "p", manifest, task, "boxes", lambda: None).variants
    number = task.prepared.of_split("validation")[0]
    found = answer(session, squares.series(number, "validation").volume).boxes

    assert manifest.trained["parity"]["largest_unmatched_difference"] == 0
    assert [(one.precision, one.metric) for one in variants] == [("fp16", "map50"), ("int8", "map50")]
    assert all(one.loss is not None and one.loss < 0.3 for one in variants)
    assert isinstance(manifest.output, DetectionOutput)
    assert 0.05 <= manifest.output.score_threshold < 0.96
    expected = [box for box in task._called(number, [0]) if box.score >= manifest.output.score_threshold]
    assert len(found) == len(expected) > 0
    for one, other in zip(found, sorted(expected, key=lambda box: -box.score), strict=True):
        assert intersection_over_union(one, other) > 0.99
        assert one.score == pytest.approx(other.score, abs=1e-3)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_onnx_takes_samples_of_other_sizes_and_agrees(tmp_path: Path, dimensions: int) -> None:
    is_volume = dimensions == 3
    config = squares.volume_config() if is_volume else squares.config()
    folder = squares.prepare(tmp_path / "d", config, images=6, slices=squares.SLICES if is_volume else 1)
    task = squares.task_of(folder, config)
    export_onnx(task.averaged, task.export(), tmp_path / "model.onnx")
    session = open_session(tmp_path / "model.onnx")
    for size in ((16, 32, 64), (48, 32, 32), (32, 96, 160)):
        sample = np.random.default_rng(0).random((1, 1, *size[3 - dimensions :]), np.float32)
        with torch.no_grad():
            wanted = task.averaged.eval()(torch.from_numpy(sample))
        for ours, theirs in zip(session.run(["heat", "extent"], {"image": sample}), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4, rtol=1e-4)


def test_patches_of_volumes_hold_their_boxes(tmp_path: Path) -> None:
    config = squares.volume_config(scale_fraction=0.0, crop_fraction=0.0, intensity=0.0, flip_slices=True)
    task = squares.task_of(squares.prepare(tmp_path / "d", config, images=6, slices=squares.SLICES), config)
    refs = task.epoch(0)
    assert refs == task.epoch(0) != task.epoch(1)
    images, truths = task.source.varied(refs, torch.Generator().manual_seed(2))

    assert images.shape == (len(refs), 1, 16, 32, 32)
    assert sum(len(truth.labels) for truth in truths) >= 12
    for image, truth in zip(images[:, 0], truths, strict=True):
        for edges in truth.edges.round().int().tolist():
            inside = image[edges[0] : edges[3], edges[1] : edges[4], edges[2] : edges[5]]
            assert inside.mean() > 0.3


def test_a_detector_of_volumes_learns_and_is_run_window_by_window(tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = squares.volume_config(epochs=2, repeats=2, learning_rate=0.01)
    task = squares.task_of(squares.prepare(tmp_path / "d", config, images=6, slices=squares.SLICES), config)
    history = train(task, "detection", checkpoint_dir=tmp_path / "c").history
    spec = {"recipe": "detection", "model": {"name": "cubes", "title": "Cubes"}, "data": {}}
    manifest = write_network(tmp_path / "p", task, spec, replace(task.output(), score_threshold=0.1))
    found = answer(Session(open_package(tmp_path / "p"), use_gpu=False), squares.series(2, "test", slices=32).volume)

    assert history[1]["losses"]["train_loss"] < history[0]["losses"]["train_loss"]
    assert manifest.output.tile == (16, 32, 32)  # type: ignore[union-attr]
    # Of 32 × 64 × 96 voxels.
    assert manifest.trained["parity"]["samples"] == manifest.trained["parity"]["of"] == 12
    assert len(found.boxes) == len([box for box in task._called(2, []) if box.score >= 0.1])


# What is refused, and what is chosen


def test_what_cannot_be_learnt_is_refused(tmp_path: Path, flat: Path) -> None:
    with pytest.raises(InvalidError, match="multiples of 32"):
        squares.task_of(flat, squares.config(rows=0, size=40))
    with pytest.raises(InvalidError, match="tile must not be 0"):
        squares.task_of(flat, squares.config(size=0, rows=0))
    config = squares.config()
    with pytest.raises(InvalidError, match=r"Series 2\.25\.1000 has a box of the class"):
        DetectionTask(Prepared(flat, ("other",)), config, input_spec(config, ["CT"]))
    bare = [replace(squares.series(k, split), boxes=()) for k, split in enumerate(["train", "validation"])]
    write_prepared(tmp_path / "bare", input_spec(config, ["CT"]), bare)
    with pytest.raises(InvalidError, match="no sample of the class 'bright'"):
        squares.task_of(tmp_path / "bare", config)


def test_empty_slices_are_seen_as_often_as_asked_for(tmp_path: Path) -> None:
    config = squares.config(foreground=0.5)
    stack = replace(
        squares.series(0, "train", slices=20),
        boxes=(Box("bright", (3, 4, 4), (5, 9, 9)), Box("dim", (4, 4, 4), (5, 9, 9))),
    )
    write_prepared(tmp_path / "d", input_spec(config, ["CT"]), [stack, replace(stack, split="validation")])
    task = squares.task_of(tmp_path / "d", config)
    shown = [index for _, index in task.epoch(0)]

    assert len(shown) == 4
    assert {3, 4} < set(shown)
    assert task.source.on_slice(0, 4).edges.tolist() == [[4, 4, 9, 9], [4, 4, 9, 9]]


def test_sets_of_boxes_are_compared_whatever_their_order() -> None:
    one = Box("a", (0, 0, 0), (1, 10, 10), 0.5)
    other = Box("a", (0, 20, 20), (1, 30, 30), 0.5004)
    weak = Box("a", (0, 40, 40), (1, 50, 50), 0.0503)

    same = box_differences([[one, other, weak]], [[other, one]], 0.05)
    assert same == {"boxes": 4, "unmatched": 0, "score": 0.0}
    assert box_differences([[one]], [[replace(one, score=0.5007)]], 0.05)["score"] == pytest.approx(0.0007)
    assert box_differences([[one]], [[replace(one, score=0.52)]], 0.05)["unmatched"] == 2
    assert box_differences([[one]], [[replace(one, label="b")]], 0.05)["unmatched"] == 2
    assert box_differences([[]], [[one]], 0.05)["unmatched"] == 1


def test_the_score_of_the_best_f1_is_chosen() -> None:
    truth = [[Box("a", (0, 0, 0), (1, 10, 10)), Box("a", (0, 20, 20), (1, 30, 30))]]
    found = [[replace(truth[0][0], score=0.8), replace(truth[0][1], score=0.6), Box("a", (0, 40, 0), (1, 50, 9), 0.4)]]

    assert 0.4 < choose_score_threshold(truth, found, ["a", "unseen"]) <= 0.6
    assert choose_score_threshold(truth, [[]], ["a"]) == 0.5


def test_settings_fit_the_size_of_the_boxes() -> None:
    cells = {"slices": 1, "rows": 480, "columns": 640, "channels": 3, "bits": 8, "box_px": [1, 101, 105], "series": 292}
    config = complete_config("detection", {}, cells)
    assert (config["size"], config["rows"], config["dimensions"], config["colour"]) == (320, 256, 2, True)
    assert input_spec(config, ["SM"]).size == (256, 320)

    chests = {"slices": 40, "rows": 256, "columns": 256, "spacing_mm_zyx": [6, 1.35, 1.35], "box_mm": [23, 23, 23]}
    config = complete_config("detection", {}, chests)
    assert (config["dimensions"], config["tile"] % 16, config["tile_slices"] % 16) == (3, 0, 0)
    assert config["pixel_mm"] == pytest.approx(2.875)
    assert config["slice_mm"] == 3


def test_boxes_lie_about_the_nodules_of_a_phantom() -> None:
    phantom = make_phantom(1000, "cancer")
    covered = np.zeros(phantom.mask.shape, bool)
    for box in boxes_of(phantom):
        assert box.label == NODULE
        low, high = np.floor(box.low).astype(int), np.ceil(box.high).astype(int)
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        assert phantom.mask[part].mean() > 0.3
        covered[part] = True

    assert phantom.mask[covered].sum() > 0.95 * phantom.mask.sum()
