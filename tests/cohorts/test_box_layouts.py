"""Boxes come to their own images and splits, in the layouts that VOC and COCO data sets are given away in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.errors import MedportalError
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


def yolo(root: Path, layout: str) -> Path:
    """A text for each picture, whose names are the same in each split."""
    for split, number in SPLITS.items():
        for n in range(number):
            sets.save(root / f"{layout.format(kind='images', split=split)}/{n}.jpg", sets.picture(100 * len(split) + n))
            text = root / f"{layout.format(kind='labels', split=split)}/{n}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(f"1 {(number + 1) / 16} 0.5 0.125 0.25\n\n" if n else "")
    return root


NAMES = {
    "data.yaml": [
        "names: ['a b', \"cell\"]\nnc: 2\n",
        "nc: 2\nnames:\n- a b\n- cell\n",
        "names:\n  0: a b\n  1: 'cell' # it\nnc: 2\n",
        # A list that would be read for ever by who tries every end of a name.
        f"names:\n- a b\n- cell{' ' * 400_000}# it\n- last{' ' * 400_000}one\n",
    ],
    "classes.txt": ["a b\ncell\n"],
}


@pytest.mark.parametrize("layout", ["{kind}/{split}", "{split}/{kind}", "{split}"])
def test_the_layouts_of_yolo(import_set: Read, read_set: Read, tmp_path: Path, layout: str) -> None:
    root = yolo(tmp_path / "set", layout)
    for file, texts in NAMES.items():
        for text in texts:
            (root / file).write_text(text)
            read = read_set(root, "voc")
            assert (read.data.classes, read.refused) == (["cell"], {})
            assert Counter(read.splits.values()) == {"train": 6, "validation": 3, "test": 3}
            (root / file).unlink()
    assert read_set(root, "voc").data.classes == ["1"]
    for split, number in SPLITS.items():
        (box,) = read[f"{layout.format(kind='images', split=split)}/1.jpg"].boxes
        assert (box.low, box.high) == ((0, 6, number), (1, 10, number + 2))
        assert read[f"{layout.format(kind='images', split=split)}/0.jpg"].boxes == []
    assert import_set(root, "voc")["splits"] == {"train": 6, "validation": 3, "test": 3}


def test_texts_that_are_no_boxes(read_set: Read, tmp_path: Path) -> None:
    root = yolo(tmp_path, "{kind}/{split}")
    (root / "classes.txt").write_text("a\nb\n")
    for n, text in enumerate(("0 0.1 0.1 0.9 0.1 0.9 0.8", "7 0.5 0.5 0.1 0.1", "0 5 5 2 2", "0 0.5 0.5 0.1", "a b c")):
        (root / "labels" / "train" / f"{n}.txt").write_text(text)
    read = read_set(root, "voc")
    (box,) = read["images/train/0.jpg"].boxes
    assert np.allclose([box.low, box.high], [(0, 1.6, 1.6), (1, 12.8, 14.4)])
    reasons = [read.refused[f"images/train/{n}.jpg"] for n in range(1, 5)]
    assert [
        word in reason for word, reason in zip(("known class", "sides", "polygon", "known class"), reasons, strict=True)
    ] == [True] * 4


def cocos(root: Path, document: str, folder: str) -> Path:
    """A document for each split, whose images have the same names in each."""
    for split, number in SPLITS.items():
        words = {"split": split, "valid": split.replace("val", "valid")}
        images, annotations = [], []
        for n in range(number):
            sets.save(root / folder.format(**words) / f"{n}.png", sets.picture(100 * number + n + len(split)))
            images.append({"id": n, "file_name": f"{n}.png", "width": sets.SIDE, "height": sets.SIDE})
            annotations.append({"id": n, "image_id": n, "category_id": 1, "bbox": [len(split), 2, 6, 6], "iscrowd": 0})
        path = root / document.format(**words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]})
        )
    return root


@pytest.mark.parametrize(
    ("document", "folder"),
    [
        ("annotations/instances_{split}2017.json", "{split}2017"),
        ("annotations/instances_{split}2017.json", "images/{split}2017"),
        ("{valid}/_annotations.coco.json", "{valid}"),
    ],
)
def test_the_layouts_of_coco(import_set: Read, read_set: Read, tmp_path: Path, document: str, folder: str) -> None:
    root = cocos(tmp_path / "set", document, folder)
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / "captions_train2017.json").write_text("{}")
    if "instances" not in document:
        (root / "annotations" / "captions_train2017.json").unlink()
    read = read_set(root, "coco")
    assert read.refused == {}
    for split, number in SPLITS.items():
        name = folder.format(split=split, valid=split.replace("val", "valid")) + "/1.png"
        assert np.array_equal(read[name].stack[0], sets.picture(100 * number + 1 + len(split)))
        assert left_edge(read, name) == len(split)
    assert import_set(root, "coco")["splits"] == {"train": 6, "validation": 3, "test": 3}


def test_an_annotation_without_a_box_costs_its_image_alone(read_set: Read, tmp_path: Path) -> None:
    root = sets.coco(tmp_path, 4)
    document = json.loads((root / "instances.json").read_text())
    first, second, third, _ = document["annotations"]
    del first["bbox"], second["bbox"]
    second["segmentation"] = [[3, 4, 9, 4, 9, 12]]
    document["annotations"].append({**third, "id": 9, "iscrowd": 1, "bbox": [0, 0, 16, 16]})
    (root / "instances.json").write_text(json.dumps(document))
    read = read_set(root, "coco")
    assert read.refused == {"0.png": "its annotation 1 has no box."}
    (box,) = read["images/1.png"].boxes
    assert (box.low, box.high) == ((0, 4, 3), (1, 12, 9))
    assert len(read["images/2.png"].boxes) == 1
    assert "1 box(es) of crowds" in read.notes


def test_pictures_that_no_document_lists_are_counted(read_set: Read, tmp_path: Path) -> None:
    root = sets.coco(tmp_path, 4)
    assert read_set(root, "coco").notes == ""
    sets.save(root / "images" / "more.png", sets.picture(70))
    assert "1 picture(s) that no JSON lists" in read_set(root, "coco").notes


def test_several_documents_of_no_split(read_set: Read, tmp_path: Path) -> None:
    root = sets.coco(tmp_path, 4)
    (root / "more.json").write_text((root / "instances.json").read_text())
    with pytest.raises(MedportalError, match="several JSON"):
        read_set(root, "coco")
