"""The numbers of masks mean what those who drew them meant: one foreground, colours, classes, void, or objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.cohorts import sets

Read = Callable[..., Any]
SHAPE = np.zeros((sets.SIDE, sets.SIDE), bool)
SHAPE[4:10, 3:9] = True
OTHER = np.roll(SHAPE, 6, 1)


def put(root: Path, masks: Sequence[np.ndarray | Image.Image], suffix: str = ".png", **options: Any) -> Path:
    for number, mask in enumerate(masks):
        sets.save(root / "images" / f"{number}.png", sets.picture(number))
        image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
        (root / "masks").mkdir(exist_ok=True)
        image.save(root / "masks" / f"{number}{suffix}", **options)
    return root


def palette(numbers: np.ndarray, colours: list[int]) -> Image.Image:
    picture = Image.fromarray(numbers.astype(np.uint8))
    picture.putpalette(colours + [0] * (768 - len(colours)))
    return picture


def masks_of(read: Any) -> list[np.ndarray]:
    assert read.refused == {}
    return [read[name].mask[0] for name in sorted(read.splits)]


def test_one_foreground_that_is_1_here_and_255_there(read_set: Read, tmp_path: Path) -> None:
    read = read_set(put(tmp_path, [(SHAPE * value).astype(np.uint8) for value in (1, 255, 1, 0)]), "masks")
    assert read.data.classes == ["foreground"]
    assert "0 and 255" in read.notes
    assert [int(mask.max()) for mask in masks_of(read)] == [1, 1, 1, 0]


def test_a_mask_that_was_scaled_is_cut_in_the_middle(read_set: Read, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soft = [np.where(SHAPE, 255, np.where(OTHER, rng.integers(0, 100, SHAPE.shape), 0)) for _ in range(4)]
    read = read_set(put(tmp_path, [mask.astype(np.uint8) for mask in soft]), "masks")
    assert read.data.classes == ["foreground"]
    assert "scaled" in read.notes
    for mask in masks_of(read):
        assert np.array_equal(mask > 0, SHAPE)


def test_void_is_background_unless_it_is_named(read_set: Read, tmp_path: Path) -> None:
    numbers = SHAPE * 1 + OTHER * 255
    root = put(tmp_path, [palette(numbers, [0, 0, 0, 128, 0, 0]) for _ in range(4)])
    read = read_set(root, "masks")
    assert read.data.classes == ["foreground"]
    assert "void" in read.notes
    for mask in masks_of(read):
        assert np.array_equal(mask, SHAPE)
    assert read_set(root, "masks", classes="organ,border").data.classes == ["organ", "border"]


def test_colours_are_numbered_alike_in_all_masks(read_set: Read, tmp_path: Path) -> None:
    red, green = np.array([255, 0, 0], np.uint8), np.array([0, 255, 0], np.uint8)
    both = SHAPE[..., None] * red + OTHER[..., None] * green
    masks = [both, SHAPE[..., None] * red, np.zeros(SHAPE.shape, np.uint8), palette(SHAPE, [0, 0, 0, 255, 0, 0])]
    read = read_set(put(tmp_path, masks), "masks")
    assert read.data.classes == ["segment 1", "segment 2"]
    assert "#00ff00 → 1, #ff0000 → 2" in read.notes
    first, second, third, fourth = masks_of(read)
    assert np.array_equal(first, SHAPE * 2 + OTHER)
    assert np.array_equal(second, SHAPE * 2)
    assert not third.any()
    assert np.array_equal(fourth, SHAPE * 2)


def test_black_is_the_background_wherever_a_palette_has_it(read_set: Read, tmp_path: Path) -> None:
    swapped = [palette(~SHAPE, [255, 255, 255, 0, 0, 0]) for _ in range(3)]
    for suffix in (".png", ".gif"):
        read = read_set(put(tmp_path / suffix, swapped, suffix), "masks")
        assert read.data.classes == ["foreground"]
        for mask in masks_of(read):
            assert np.array_equal(mask > 0, SHAPE), suffix


def test_numbers_of_which_each_is_in_one_mask_are_said_to_be_objects(read_set: Read, tmp_path: Path) -> None:
    root = put(tmp_path, [(SHAPE * (2 * n + 1) + OTHER * (2 * n + 2)).astype(np.uint8) for n in range(4)])
    assert "--instances" in read_set(root, "masks").notes
    read = read_set(root, "masks", instances=True)
    assert "--instances" not in read.notes
    for mask in masks_of(read):
        assert np.unique(mask).tolist() == [0, 1, 2]


def test_a_class_that_is_rare_is_no_object(read_set: Read, tmp_path: Path) -> None:
    root = put(tmp_path, [(SHAPE * 1 + OTHER * (2 if n == 2 else 0)).astype(np.uint8) for n in range(4)])
    read = read_set(root, "masks")
    assert (read.data.classes, read.notes) == (["segment 1", "segment 2"], "")


def test_grey_that_jpeg_tinted_is_grey(read_set: Read, tmp_path: Path) -> None:
    tinted = SHAPE[..., None] * np.array([255, 250, 255], np.uint8)
    read = read_set(put(tmp_path, [tinted] * 4, ".jpg", quality=90), "masks")
    assert "JPEG" in read.notes
    for mask in masks_of(read):
        assert np.array_equal(mask > 0, SHAPE)


def test_a_picture_in_the_place_of_a_mask_is_refused(read_set: Read, tmp_path: Path) -> None:
    photo = sets.picture(9, rows=40, columns=40, colour=True)
    root = put(tmp_path, [*[(SHAPE * 255).astype(np.uint8)] * 4, photo])
    Image.fromarray(photo).save(root / "masks" / "3.jpg")
    (root / "masks" / "3.png").unlink()
    read = read_set(root, "masks")
    assert "colours" in read.refused["masks/4.png"]
    assert "JPEG" in read.refused["masks/3.jpg"]
    assert len(read.splits) == 3
