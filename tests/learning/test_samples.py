"""What the network is shown: balanced draws, augmentation, mosaic, labels dealt out anew, controls."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medportal.errors import InvalidError
from medportal.learning import augment
from medportal.learning.splits import with_validation
from medportal.learning.store import Prepared, blank_middles, shuffle_labels
from tests.learning import chests


@pytest.fixture(scope="module")
def prepared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chests.prepare(tmp_path_factory.mktemp("prepared") / "data", chests.config())


def test_a_draw_has_all_rare_samples_and_a_few_others_anew_each_time(prepared_dir: Path) -> None:
    task = chests.task_of(prepared_dir, chests.config(negatives_per_positive=1.0, repeats=2))
    first, second = task.epoch(0), task.epoch(1)
    positive = [ref for ref in set(first) if task.target(ref)[1]]  # type: ignore[attr-defined]

    assert all(Counter(first)[ref] == 2 for ref in positive)
    assert len(first) == 2 * (len(positive) + len(positive))
    assert set(first) != set(second)
    assert task.epoch(0) == first


def test_augmentation_depends_on_its_seed_alone_and_keeps_shape(prepared_dir: Path) -> None:
    task = chests.task_of(prepared_dir, chests.config(deform_probability=1.0))
    refs = task.epoch(0)[:4]
    one, two = (task.batch(refs, torch.Generator().manual_seed(5)) for _ in range(2))

    assert one[0].shape == (4, 1, chests.SIZE, chests.SIZE)
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[0], task.stacked(refs))  # type: ignore[attr-defined]


STILL: dict[str, Any] = {
    "rotate_degrees": 0.0,
    "scale_fraction": 0.0,
    "crop_fraction": 0.0,
    "flip": False,
    "intensity": 0.0,
}


@pytest.mark.parametrize("size", [(24, 32), (8, 24, 32)])
@pytest.mark.parametrize(
    "setting",
    [
        {"rotate_degrees": 40.0},
        {"scale_fraction": 0.4},
        {"crop_fraction": 0.3},
        {"flip": True},
        {"deform_probability": 1.0},
    ],
)
def test_each_move_can_be_asked_for_alone(size: tuple[int, ...], setting: dict[str, Any]) -> None:
    images = torch.rand(6, 1, *size)

    def moved(**changes: Any) -> torch.Tensor:
        moves = augment.draw_moves(6, size, STILL | changes, torch.Generator().manual_seed(1))
        return augment.moved(images, augment.grid_of(moves, size))

    torch.testing.assert_close(moved(), images, atol=1e-4, rtol=0)
    assert not torch.allclose(moved(**setting), images, atol=1e-2)


def test_a_turned_disc_stays_a_disc_where_rows_and_columns_differ() -> None:
    rows, columns = np.mgrid[:40, :64]
    disc = torch.from_numpy((np.hypot(rows - 19.5, columns - 31.5) < 10).astype(np.float32))[None, None]
    moves = augment.draw_moves(1, (40, 64), STILL | {"rotate_degrees": 90.0}, torch.Generator().manual_seed(3))
    turned = augment.moved(disc, augment.grid_of(moves, (40, 64)))

    assert float((turned - disc).abs().mean()) < 0.02


def test_boxes_go_where_their_pixels_go() -> None:
    size = (40, 64)
    image = torch.zeros(1, 1, *size)
    image[0, 0, 10:20, 30:45] = 1
    changes = {"crop_fraction": 0.1, "scale_fraction": 0.2, "flip": True}
    for seed in range(5):
        moves = augment.draw_moves(1, size, STILL | changes, torch.Generator().manual_seed(seed))
        shown = augment.moved(image, augment.grid_of(moves, size))[0, 0] > 0.5
        (box,) = augment.moved_boxes(torch.tensor([[10.0, 30.0, 20.0, 45.0]]), moves.theta[0], size)
        there = torch.nonzero(shown)
        expected = torch.cat([there.amin(0), there.amax(0) + 1]).float()

        torch.testing.assert_close(box, expected, atol=1.0, rtol=0)


def test_intensity_changes_values_and_nothing_else() -> None:
    images = torch.linspace(0.1, 0.9, 32).reshape(1, 1, 1, 32).expand(4, 1, 32, 32).clone()
    changed = augment.change_intensity(images, 0.3, torch.Generator().manual_seed(1))

    assert changed.shape == images.shape
    assert not torch.allclose(changed, images, atol=1e-2)
    assert torch.equal(augment.change_intensity(images, 0.0, torch.Generator()), images)
    # What was brighter still is.
    assert bool((changed.mean((1, 2)).diff(dim=-1) > -0.05).all())


def test_mosaic_takes_quarters_of_samples_of_the_same_class() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 0])
    images = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 1, 8, 8).clone()
    mixed = augment.mosaic(images, labels, 1.0, torch.Generator().manual_seed(2))

    assert not torch.equal(mixed, images)
    for number, label in enumerate(labels.tolist()):
        assert {int(v) for v in mixed[number].unique()} <= {k for k in range(6) if int(labels[k]) == label}
        assert (mixed[number] == number).float().mean() >= 0.75


def test_where_a_small_place_decides_mosaic_leaves_findings_alone(prepared_dir: Path) -> None:
    task = chests.task_of(prepared_dir, chests.config(pooling="maximum"))
    targets = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    alike = task._alike(targets)  # type: ignore[attr-defined]

    assert alike[0] == alike[2]
    assert len(set(alike.tolist())) == 3


def test_mixing_mixes_images_and_truths_alike() -> None:
    images = torch.eye(4)[:, None, :, None]
    targets = torch.eye(4)
    mixed, truths = augment.mixed(images, targets, 0.5, torch.Generator().manual_seed(1))

    torch.testing.assert_close(mixed[:, 0, :, 0], truths)
    torch.testing.assert_close(truths.sum(1), torch.ones(4))


def test_shuffled_labels_are_as_many_as_before_and_leave_the_test_split_alone(prepared_dir: Path) -> None:
    before, after = (Prepared(prepared_dir, chests.CLASSES) for _ in range(2))
    shuffle_labels(after, seed=1)

    def count(prepared: Prepared, split: str) -> Counter[str | None]:
        return Counter(label for number in prepared.of_split(split) for label in prepared.items[number].slice_labels)

    for split in ("train", "validation", "test"):
        assert count(before, split) == count(after, split)
    changed = {a.split for a, b in zip(before.items, after.items, strict=True) if a.slice_labels != b.slice_labels}
    assert changed <= {"train", "validation"}
    assert "train" in changed


def test_the_control_of_the_border_blanks_the_middle_alone(prepared_dir: Path) -> None:
    prepared = Prepared(prepared_dir, chests.CLASSES)
    whole = np.array(prepared.image(0), np.float32)
    blank_middles(prepared)
    image = np.asarray(prepared.image(0), np.float32)
    edge = round(chests.SIZE * 0.15)

    assert not image[..., edge:-edge, edge:-edge].any()
    np.testing.assert_array_equal(image[..., :edge, :], whole[..., :edge, :])


def test_a_split_without_a_class_is_refused_by_name(tmp_path: Path) -> None:
    chests.prepare(tmp_path / "data", chests.config(), patients=5)
    with pytest.raises(InvalidError, match="validation split has no sample of the class 'lung cancer'"):
        chests.task_of(tmp_path / "data", chests.config())


def test_neighbours_of_a_slice_are_of_its_own_series(prepared_dir: Path) -> None:
    prepared = Prepared(prepared_dir, chests.CLASSES)
    sample = prepared.sample(1, 0, 1)

    np.testing.assert_array_equal(sample[0], sample[1])
    np.testing.assert_array_equal(sample[2], prepared.image(1)[0, 1])
    assert prepared.image(1).shape == (1, chests.SLICES, chests.SIZE, chests.SIZE)


def test_validation_is_taken_from_the_training_by_whole_groups_of_each_class() -> None:
    members = [(f"g{n // 2}", "ab"[n // 2 % 2], "train") for n in range(40)]
    splits = with_validation(members, seed=1)
    side: dict[str, set[str]] = {}
    for (group, _, _), split in zip(members, splits, strict=True):
        side.setdefault(group, set()).add(split)

    assert all(len(one) == 1 for one in side.values())
    taken = {(label, split) for (_, label, _), split in zip(members, splits, strict=True)}
    assert taken == {("a", "train"), ("a", "validation"), ("b", "train"), ("b", "validation")}
    assert with_validation(members, seed=1) == splits
    made_up = [(f"SYNTHETIC-{n}", "a", "train") for n in range(100)]
    assert with_validation([*members, *made_up], seed=1) == [*splits, *["train"] * 100]
    given = [("a", "x", "train"), ("b", "x", "validation")]
    assert with_validation(given, seed=1) == ["train", "validation"]
    for too_few in ([("a", "x", "train")], [("a", "x", "test")]):
        with pytest.raises(InvalidError, match="split"):
            with_validation(too_few, seed=1)
