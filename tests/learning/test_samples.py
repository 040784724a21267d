"""What the network is shown: balanced draws, augmentation, mosaic, labels dealt out anew."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from medportal.errors import InvalidError
from medportal.learning.dataset import BalancedSampler, Prepared, shuffle_labels
from medportal.learning.transforms import augmentation, mosaic
from tests.learning import chests


@pytest.fixture(scope="module")
def prepared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chests.prepare(tmp_path_factory.mktemp("prepared") / "data", chests.config())


def test_a_draw_has_all_rare_samples_and_a_few_others_anew_each_time() -> None:
    labels = [1] * 4 + [0] * 100
    sampler = BalancedSampler(labels, ratio=3, repeats=2, seed=1)

    first = list(sampler)
    sampler.epoch = 1
    second = list(sampler)

    assert len(first) == len(sampler) == 2 * (4 + 12)
    assert all(Counter(first)[i] == 2 for i in range(4))
    assert {i for i in first if i >= 4} != {i for i in second if i >= 4}


def test_the_same_epoch_is_drawn_the_same_again() -> None:
    draws = [BalancedSampler([0, 1, 0, 0, 1], ratio=1, repeats=3, seed=7) for _ in range(2)]
    assert list(draws[0]) == list(draws[1])


def test_augmentation_depends_on_its_seed_alone_and_keeps_shape() -> None:
    config = chests.config(deform_probability=1.0)
    image = torch.rand(3, chests.SIZE, chests.SIZE)
    transform = augmentation(config, 5)
    first = transform(image)
    transform.set_random_state(seed=5)

    assert first.shape == image.shape
    assert torch.equal(first, transform(image))
    assert not torch.equal(first, image)


@pytest.mark.parametrize(
    "setting",
    [
        {"rotate_degrees": 40.0},
        {"scale_fraction": 0.4},
        {"crop_fraction": 0.3},
        {"flip": True},
        {"intensity": 0.4},
        {"deform_probability": 1.0},
    ],
)
def test_each_augmentation_can_be_asked_for_alone(setting: dict[str, float]) -> None:
    none = {"rotate_degrees": 0.0, "scale_fraction": 0.0, "crop_fraction": 0.0, "flip": False, "intensity": 0.0}
    image = torch.rand(1, chests.SIZE, chests.SIZE)
    still = augmentation(chests.config(**none), 1)
    moved = augmentation(chests.config(**none | setting), 1)

    assert all(torch.allclose(still(image), image, atol=1e-4) for _ in range(4))
    assert any(not torch.allclose(moved(image), image, atol=1e-2) for _ in range(12))


def test_mosaic_changes_negatives_alone_and_only_by_quarters_of_negatives() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 0])
    images = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 1, 8, 8).clone()
    mixed = mosaic(images, labels, 1.0, torch.Generator().manual_seed(2))

    assert torch.equal(mixed[labels == 1], images[labels == 1])
    assert not torch.equal(mixed[labels == 0], images[labels == 0])
    for number in (0, 2, 4, 5):
        assert set(mixed[number].unique().tolist()) <= {0.0, 2.0, 4.0, 5.0}
        assert (mixed[number] == number).float().mean() >= 0.75


def test_shuffled_labels_are_as_many_as_before_and_leave_the_test_split_alone(prepared_dir: Path) -> None:
    before, after = (Prepared(prepared_dir, chests.CLASSES) for _ in range(2))
    shuffle_labels(after, seed=1)

    def count(prepared: Prepared, split: str) -> Counter[str | None]:
        return Counter(row.label for row in prepared.rows if row.split == split)

    for split in ("train", "validation", "test"):
        assert count(before, split) == count(after, split)
    changed = {a.split for a, b in zip(before.rows, after.rows, strict=True) if a.label != b.label}
    assert changed == {"train", "validation"}


def test_a_split_without_a_class_is_refused_by_name(tmp_path: Path) -> None:
    chests.prepare(tmp_path / "data", chests.config(), patients=7)
    with pytest.raises(InvalidError, match="test split has no sample of the class 'lung cancer'"):
        Prepared(tmp_path / "data", chests.CLASSES)


def test_neighbours_of_a_slice_are_of_its_own_series(prepared_dir: Path) -> None:
    prepared = Prepared(prepared_dir, chests.CLASSES)
    first, last = prepared.span[prepared.rows[chests.SLICES].series_uid]
    sample = prepared.sample(first, 1)

    np.testing.assert_array_equal(sample[0], sample[1])
    np.testing.assert_array_equal(sample[2], prepared.slices[first + 1].astype(np.float32))
    assert last - first == chests.SLICES
