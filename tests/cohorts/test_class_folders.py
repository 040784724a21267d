"""Folders of classes are found within wrappers, splits and patients; what is read of none of them is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cohorts import sets

Read = Callable[..., Any]
CLASSES = ("NORMAL", "PNEUMONIA")


def splits_in(root: Path, names: dict[str, int], classes: tuple[str, ...] = CLASSES) -> Path:
    """So many pictures of each class in each split's folder."""
    number = 0
    for split, count in names.items():
        for label in classes:
            for _ in range(count):
                sets.save(root / split / label / f"{number}.png", sets.picture(number))
                number += 1
    return root


def labels_of(read: Any) -> dict[str, int]:
    return dict(Counter(label for item in read.data.items for label in item.labels))


def test_folders_around_and_beside_those_of_the_splits(import_set: Read, tmp_path: Path) -> None:
    """As the chest X-rays at Kaggle come: the set again within itself, and a Mac's shadows."""
    splits_in(tmp_path / "set" / "chest_xray", {"train": 4, "val": 2, "test": 3})
    splits_in(tmp_path / "set" / "chest_xray" / "chest_xray", {"train": 4, "val": 2, "test": 3})
    for shadows in (tmp_path / "set" / "__MACOSX", tmp_path / "set" / "chest_xray" / "__MACOSX"):
        sets.save(shadows / "train" / "NORMAL" / "a.png", sets.picture(99))
    report = import_set(tmp_path / "set", "imagefolder")
    assert (report["classes"], report["splits"]) == (list(CLASSES), {"train": 8, "validation": 4, "test": 6})
    assert any("left out: chest_xray" in note for note in report["notes"])


@pytest.mark.parametrize(
    "names",
    [
        ("train_set", "test_set"),
        ("Training", "Testing"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train2017", "val2017"),
        ("TrainDataset", "TestDataset"),
    ],
)
def test_what_splits_are_called(read_set: Read, tmp_path: Path, names: tuple[str, str]) -> None:
    read = read_set(splits_in(tmp_path, {names[0]: 4, names[1]: 2}), "imagefolder")
    assert labels_of(read) == {"NORMAL": 6, "PNEUMONIA": 6}
    assert Counter(read.splits.values()) == {"train": 8, "validation" if "val" in names[1] else "test": 4}


def test_folders_of_classes_that_hold_those_of_splits(read_set: Read, tmp_path: Path) -> None:
    for number in range(12):
        split = ("train", "train", "test")[number // 2 % 3]
        sets.save(tmp_path / "images" / CLASSES[number % 2] / split / f"{number}.png", sets.picture(number))
    read = read_set(tmp_path, "imagefolder")
    assert labels_of(read) == {"NORMAL": 6, "PNEUMONIA": 6}
    assert Counter(read.splits.values()) == {"train": 8, "test": 4}


def test_a_class_that_is_called_like_a_split(read_set: Read, tmp_path: Path) -> None:
    read = read_set(sets.imagefolder(tmp_path, {"train": 4, "bus": 4}), "imagefolder")
    assert labels_of(read) == {"train": 4, "bus": 4}


def test_one_class_alone_is_no_wrapper(read_set: Read, tmp_path: Path) -> None:
    read = read_set(sets.imagefolder(tmp_path, {"normal": 4}), "imagefolder")
    assert labels_of(read) == {"normal": 4}


def test_pictures_of_no_class_are_counted(read_set: Read, tmp_path: Path) -> None:
    """As at Kaggle: a test without labels."""
    splits_in(tmp_path, {"train": 4})
    for number in range(3):
        sets.save(tmp_path / "test" / f"{number}.png", sets.picture(50 + number))
    (tmp_path / "train" / "NORMAL" / "a.webp").write_bytes(b"RIFF")
    (tmp_path / "README.txt").write_text("about it")
    read = read_set(tmp_path, "imagefolder")
    assert labels_of(read) == {"NORMAL": 4, "PNEUMONIA": 4}
    assert set(read.splits.values()) == {""}
    assert "3 picture(s) in no class's folder are left out: test/0.png, test/1.png, test/2.png" in read.notes
    assert "1 .webp file(s) are not read." in read.notes
    assert ".txt" not in read.notes


def patients(root: Path, number: int, names: tuple[str, ...], *, prefix: str) -> Path:
    for patient in range(number):
        for place, name in enumerate(names):
            sets.save(root / f"{prefix}{patient}" / name / "0.png", sets.picture(10 * patient + place))
    return root


def test_folders_of_patients_with_those_of_classes_within(read_set: Read, tmp_path: Path) -> None:
    read = read_set(patients(tmp_path, 8, ("0", "1"), prefix="1025"), "imagefolder", split="all:train")
    assert labels_of(read) == {"0": 8, "1": 8}
    assert {item.group for item in read.data.items} == {f"1025{n}" for n in range(8)}
    assert "taken for patients" in read.notes


def test_folders_of_classes_with_those_of_something_else_within(read_set: Read, tmp_path: Path) -> None:
    patients(tmp_path / "sides", 4, ("left", "right"), prefix="grade ")
    read = read_set(tmp_path / "sides", "imagefolder", split="all:train")
    assert labels_of(read) == {f"grade {n}": 2 for n in range(4)}
    assert "say nothing of class or group: left, right." in read.notes


def test_a_set_that_lies_within_itself_again(read_set: Read, tmp_path: Path) -> None:
    for root in (tmp_path / "cells", tmp_path / "cells" / "cells"):
        sets.imagefolder(root, {"infected": 4, "uninfected": 4})
    read = read_set(tmp_path, "imagefolder")
    assert labels_of(read) == {"infected": 4, "uninfected": 4}
    assert "left out: cells." in read.notes


def test_masks_beside_images_are_no_images_of_a_class(read_set: Read, tmp_path: Path) -> None:
    for number in range(4):
        for label in ("benign", "normal"):
            sets.save(tmp_path / label / f"{label} ({number}).png", sets.picture(number))
            sets.save(tmp_path / label / f"{label} ({number})_mask.png", sets.picture(20))
        sets.save(tmp_path / "COVID" / "images" / f"{number}.png", sets.picture(number + 10))
        sets.save(tmp_path / "COVID" / "masks" / f"{number}.png", sets.picture(21))
    sets.save(tmp_path / "benign" / "benign (3)_mask_1.png", sets.picture(22))
    sets.save(tmp_path / "normal" / "a mask.png", sets.picture(30))
    read = read_set(tmp_path, "imagefolder")
    assert labels_of(read) == {"benign": 4, "normal": 5, "COVID": 4}
    assert "13 mask(s) beside their images are left out" in read.notes
