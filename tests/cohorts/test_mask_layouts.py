"""A mask comes to its own image, however folders and files are called; where that is unclear, it is said by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.errors import MedportalError
from tests.cohorts import sets

Read = Callable[..., Any]
SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def mask_of(number: int) -> np.ndarray:
    """A mask that looks like no other of the first hundred."""
    mask = np.zeros((sets.SIDE, sets.SIDE), np.uint8)
    mask[1 + number // 10, 1 : 2 + number % 10] = 255
    return mask


def put(root: Path, names: dict[str, str]) -> Path:
    """Write images with their masks under such names, the n-th with the n-th mask."""
    for number, (image, mask) in enumerate(names.items()):
        sets.save(root / image, sets.picture(number))
        sets.save(root / mask, mask_of(number))
    return root


def require_own(read: Any, names: dict[str, str]) -> None:
    assert sorted(read.splits) == sorted(names)
    assert read.refused == {}
    for number, image in enumerate(names):
        assert np.array_equal(read[image].stack[0], sets.picture(number)), image
        assert np.array_equal(read[image].mask[0] > 0, mask_of(number) > 0), image


LAYOUTS: dict[str, Callable[[int], tuple[str, str]]] = {
    "names that repeat in patients": lambda n: (f"images/p{n // 4}/{n % 4}.png", f"masks/p{n // 4}/{n % 4}.png"),
    "masks in no folder of the image's": lambda n: (f"images/p{n // 4}/{n}.png", f"masks/{n}_gt.png"),
    "images in no folder of the mask's": lambda n: (f"images/{n}.png", f"masks/p{n // 4}/{n}.png"),
    "manual": lambda n: (f"images/{n}_training.tif", f"1st_manual/{n}_manual1.gif"),
    "Segmentation": lambda n: (f"images/ISIC_{n}.png", f"masks/ISIC_{n}_Segmentation.png"),
    "gt": lambda n: (f"images/c{n}.png", f"masks/c{n}_GT.png"),
    "image and mask before the number": lambda n: (f"images/image_{n}.png", f"masks/mask_{n}.png"),
    "Ground Truth": lambda n: (f"Original/{n}.png", f"Ground Truth/{n}.png"),
    "names of the folders": lambda n: (f"train/{n}.png", f"train_masks/{n}_mask.gif"),
    "one folder": lambda n: (f"benign/benign ({n}).png", f"benign/benign ({n})_mask.png"),
    "a folder for each patient": lambda n: (f"set/p{n // 4}/{n % 4}.tif", f"set/p{n // 4}/{n % 4}_mask.tif"),
    "a folder for each case": lambda n: (f"id{n}/images/id{n}.png", f"id{n}/masks/{n:x}-of-it.png"),
    "a folder for each class": lambda n: (f"{'ab'[n % 2]}/images/{n // 2}.png", f"{'ab'[n % 2]}/masks/{n // 2}.png"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mask_comes_to_its_image(read_set: Read, tmp_path: Path, layout: str) -> None:
    names = dict(LAYOUTS[layout](n) for n in range(12))
    require_own(read_set(put(tmp_path, names), "masks"), names)


@pytest.mark.parametrize("layout", ["{kind}/{split}/{n}.png", "{split}/{kind}/{n}.png"])
def test_folders_of_splits(import_set: Read, read_set: Read, tmp_path: Path, layout: str) -> None:
    names = {
        layout.format(kind="images", split=split, n=n): layout.format(kind="masks", split=split, n=n)
        for split in SPLITS
        for n in range(4)
    }
    read = read_set(put(tmp_path, names), "masks")
    require_own(read, names)
    assert read.splits == {name: next(s for w, s in SPLITS.items() if w in name.split("/")) for name in names}
    assert import_set(tmp_path, "masks")["splits"] == {"train": 4, "validation": 4, "test": 4}


def test_images_of_training_alone_are_split(read_set: Read, tmp_path: Path) -> None:
    names = {f"train/images/{n}.png": f"train/masks/{n}.png" for n in range(6)}
    read = read_set(put(tmp_path, names), "masks")
    assert set(read.splits.values()) == {""}
    assert "training alone" in read.notes


def test_masks_of_a_name_that_several_share_are_refused(read_set: Read, tmp_path: Path) -> None:
    put(tmp_path, {f"images/{n}.png": f"masks/{n}.png" for n in range(4)})
    sets.save(tmp_path / "images" / "train" / "9.png", sets.picture(90))
    sets.save(tmp_path / "images" / "test" / "9.png", sets.picture(91))
    sets.save(tmp_path / "masks" / "9.png", mask_of(9))
    sets.save(tmp_path / "images" / "train" / "8.png", sets.picture(80))
    sets.save(tmp_path / "masks" / "test" / "8.png", mask_of(8))
    sets.save(tmp_path / "masks" / "0_seg.png", mask_of(50))
    read = read_set(tmp_path, "masks")
    assert sorted(read.splits) == ["images/1.png", "images/2.png", "images/3.png"]
    assert "images/test/9.png, images/train/9.png" in read.refused["masks/9.png"]
    assert "masks/0.png, masks/0_seg.png" in read.refused["images/0.png"]
    assert "without an image" in read.refused["masks/test/8.png"]
    assert "no mask" in read.refused["images/train/8.png"]
    assert "no mask" in read.refused["images/train/9.png"]


def test_a_field_of_view_is_no_mask(read_set: Read, tmp_path: Path) -> None:
    """As DRIVE comes: the test has no vessels, but fields of view as the training has."""
    names = {f"training/images/{n}_training.tif": f"training/1st_manual/{n}_manual1.gif" for n in range(21, 27)}
    put(tmp_path, names)
    for split, numbers in (("training", range(21, 27)), ("test", range(1, 4))):
        for n in numbers:
            sets.save(
                tmp_path / split / "mask" / f"{n}_{split}_mask.gif", np.full((sets.SIDE, sets.SIDE), 255, np.uint8)
            )
            if split == "test":
                sets.save(tmp_path / split / "images" / f"{n}_test.tif", sets.picture(n))
    read = read_set(tmp_path, "masks")
    require_own(read, names)
    assert "test/images, test/mask, training/mask" in read.notes


def test_several_masks_of_one_image(read_set: Read, tmp_path: Path) -> None:
    """In one folder they are joined; from several folders they are segments called after these; or objects."""
    for n in range(4):
        sets.save(tmp_path / "one" / "a" / f"{n}.png", sets.picture(n))
        for index, ending in enumerate(("_mask", "_mask_1")):
            sets.save(tmp_path / "one" / "a" / f"{n}{ending}.png", mask_of(2 * n + index))
        sets.save(tmp_path / "two" / "images" / f"{n}.png", sets.picture(n))
        for index, side in enumerate(("left", "right")):
            sets.save(tmp_path / "two" / "masks" / side / f"{n}.png", mask_of(20 + 20 * index + n))
    one = read_set(tmp_path / "one", "masks")
    assert (one.data.classes, len(one.splits)) == (["foreground"], 4)
    assert "4 image(s) have several masks" in one.notes
    assert np.array_equal(one["a/3.png"].mask[0] > 0, (mask_of(6) > 0) | (mask_of(7) > 0))
    two = read_set(tmp_path / "two", "masks")
    assert two.data.classes == ["left", "right"]
    assert "left, right" in two.notes
    assert np.array_equal(two["images/3.png"].mask[0] == 2, mask_of(43) > 0)
    assert np.array_equal(two["images/3.png"].mask[0] == 1, mask_of(23) > 0)
    objects = read_set(tmp_path / "two", "masks", instances=True)
    assert objects.data.classes == ["object"]
    assert np.unique(objects["images/3.png"].mask).tolist() == [0, 1, 2]


def test_images_that_share_names_with_the_masks_are_theirs(read_set: Read, tmp_path: Path) -> None:
    names = {f"CXR_png/{n}.png": f"masks/{n}_mask.png" for n in range(4)}
    sets.save(put(tmp_path, names) / "test" / "more.png", sets.picture(70))
    read = read_set(tmp_path, "masks")
    require_own(read, names)
    assert "1 picture(s) in folders that are not read are left out: test." in read.notes


def test_folders_that_are_left_out_and_folders_that_are_none(read_set: Read, tmp_path: Path) -> None:
    root = put(tmp_path / "set", {f"images/{n}.png": f"masks/{n}.png" for n in range(4)})
    sets.save(root / "superpixels" / "0.png", sets.picture(0))
    (root / "images" / "5.webp").write_bytes(b"RIFF")
    sets.save(root / "more" / "images" / "0.png", sets.picture(0))
    read = read_set(root, "masks")
    assert "2 picture(s) in folders that are not read are left out: more/images, superpixels." in read.notes
    assert "1 .webp file(s) are not read." in read.notes
    sets.save(tmp_path / "other" / "a" / "0.png", sets.picture(0))
    sets.save(tmp_path / "other" / "b" / "0.png", sets.picture(0))
    with pytest.raises(MedportalError, match="its folders are a, b"):
        read_set(tmp_path / "other", "masks")
