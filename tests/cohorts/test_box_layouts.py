"""Boxes come to their own images and splits, in the layouts that data sets are given away in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cohorts import sets

Read = Callable[..., Any]
SPLITS = {"train": 6, "val": 3, "test": 3}


def left_edge(read: Any, name: str) -> float:
    (box,) = read[name].boxes
    return float(box.low[2])


def test_pictures_and_xml_in_one_folder(read_set: Read, tmp_path: Path) -> None:
    """As LabelImg writes them; names repeat in the folders of splits."""
    for split, number in SPLITS.items():
        for n in range(number):
            sets.save(tmp_path / split / f"{n}.png", sets.picture(n))
            box = ("cell", 1 + n + number, 1, 14, 9)
            (tmp_path / split / f"{n}.xml").write_text(sets.voc_xml([box]))
    read = read_set(tmp_path, "voc")
    assert Counter(read.splits.values()) == {"train": 6, "validation": 3, "test": 3}
    assert read.refused == {}
    for split, number in SPLITS.items():
        assert left_edge(read, f"{split}/2.png") == 2 + number


def voc_with_lists(root: Path) -> Path:
    sets.voc(root, 12)
    (root / "images").rename(root / "JPEGImages")
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for split, numbers in (("train", range(6)), ("val", range(6, 9)), ("test", range(9, 12))):
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{n}\n" for n in numbers))
    (root / "ImageSets" / "Main" / "trainval.txt").write_text("".join(f"{n}\n" for n in range(9)))
    (root / "ImageSets" / "Main" / "cell_train.txt").write_text("0  1\n1 -1\n")
    return root


def test_the_lists_of_voc_are_its_splits(import_set: Read, read_set: Read, tmp_path: Path) -> None:
    root = voc_with_lists(tmp_path / "VOCdevkit" / "VOC2007")
    report = import_set(tmp_path / "VOCdevkit", "voc")
    assert report["splits"] == {"train": 6, "validation": 3, "test": 3}
    with (root / "ImageSets" / "Main" / "test.txt").open("a") as file:
        file.write("0\n")
    sets.save(root / "JPEGImages" / "more.png", sets.picture(70))
    (root / "annotations" / "more.xml").write_text(sets.voc_xml([]))
    read = read_set(root, "voc")
    assert "test, train" in read.refused["JPEGImages/0.png"]
    assert "no list" in read.refused["JPEGImages/more.png"]
    (root / "ImageSets" / "Main" / "train.txt").unlink()
    assert read_set(root, "voc").splits["JPEGImages/1.png"] == "train"


def test_an_image_of_two_annotations(read_set: Read, tmp_path: Path) -> None:
    sets.voc(tmp_path, 4)
    sets.save(tmp_path / "images" / "0.jpg", sets.picture(9))
    read = read_set(tmp_path, "voc")
    assert sorted(read.splits) == ["images/1.png", "images/2.png", "images/3.png"]
    assert "images/0.jpg, images/0.png" in read.refused["annotations/0.xml"]
