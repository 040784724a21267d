"""Volumes and label maps in the layouts of public data sets: each map is of its own image, or of none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest

from medportal.cohorts.datasets.items import DataSet, Options
from medportal.cohorts.datasets.reading import read_dataset
from medportal.cohorts.datasets.requests import Request, SplitRule
from medportal.imaging.decoder import Decoder

SHAPE = (7, 6, 5)
AFFINE = np.diag([-0.8, -0.8, 3.0, 1.0])
CASES = 4


def image(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 900, SHAPE).astype(np.int16)


def mask(number: int) -> np.ndarray:
    return (image(number) > 500).astype(np.uint8)


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def read(root: Path, options: Options | None = None) -> DataSet:
    return read_dataset(Request(root, "nifti", "set", SplitRule(all_in="train"), options or Options()), Decoder())


def check(data: DataSet, number: int = CASES) -> list[Any]:
    """See that each mask is where its image is above 500."""
    loaded = [item.load(Decoder()) for item in data.items]
    assert len(loaded) == number, data.refused
    for one in loaded:
        assert one.mask is not None
        assert np.array_equal(one.mask > 0, one.pixels > 500)
    return loaded


LAYOUTS = {
    "folders of cases": ("images/case_{}/image.nii.gz", "labels/case_{}/image.nii.gz"),
    "folders of cases by other names": ("images/case_{}/image.nii.gz", "labels/case_{}/label.nii.gz"),
    "folders of cases and maps of their names": ("images/case_{}/ct.nii.gz", "labels/case_{}/ct.nii.gz"),
    "KiTS": ("case_{}/imaging.nii.gz", "case_{}/segmentation.nii.gz"),
    "LiTS": ("volume-{}.nii", "segmentation-{}.nii"),
    "hyphens": ("images/c{}.nii", "labels/c{}-label.nii"),
    "one folder": ("c{}_image.nii", "c{}_label.nii"),
    "folders of images alone": ("images/case_{}/image.nii.gz", "labels/case_{}.nii.gz"),
    "folders by other names": ("volumes/volume-{}.nii", "segmentations/segmentation-{}.nii"),
    "ACDC": ("p{}/p{}_frame01.nii.gz", "p{}/p{}_frame01_gt.nii.gz"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    for n in range(CASES):
        for name, array in zip(LAYOUTS[layout], (image(n), mask(n)), strict=True):
            save(tmp_path / name.replace("{}", str(n)), array)
    data = read(tmp_path)
    check(data)
    assert (data.classes, data.refused, data.notes) == (["foreground"], [], [])


def test_one_channel_of_several_is_read(tmp_path: Path) -> None:
    for n in range(CASES):
        for k, name in enumerate(("t2", "flair", "t1ce", "t1")):
            save(
                tmp_path / "brats" / f"B_{n}" / f"B_{n}_{name}.nii.gz", image(n) if name == "flair" else image(100 * k)
            )
        save(tmp_path / "brats" / f"B_{n}" / f"B_{n}_seg.nii.gz", mask(n))
        save(tmp_path / "nnunet" / "imagesTr" / f"c_{n}_0000.nii.gz", image(n))
        save(tmp_path / "nnunet" / "imagesTr" / f"c_{n}_0001.nii.gz", image(100))
        save(tmp_path / "nnunet" / "labelsTr" / f"c_{n}.nii.gz", mask(n))
    for name, word in (("brats", "“flair” is read alone; not t1, t1ce, t2"), ("nnunet", "4 file(s) are not")):
        data = read(tmp_path / name)
        check(data)
        assert data.refused == []
        assert word in data.notes[0]
    alone = read(tmp_path / "brats", Options(is_images_only=True))
    assert [item.name for item in alone.items] == [f"B_{n}/B_{n}_flair.nii.gz" for n in range(CASES)]


def test_what_is_not_certain_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.nii", image(0))
    save(tmp_path / "a_seg.nii", mask(0))
    save(tmp_path / "a_mask.nii", mask(1))
    save(tmp_path / "b.nii", image(1))
    save(tmp_path / "b_image.nii", image(2))
    save(tmp_path / "b_seg.nii", mask(1))
    save(tmp_path / "c.nii", image(3))
    save(tmp_path / "c_seg.nii", mask(3))
    data = read(tmp_path)
    check(data, 1)
    reasons = dict(data.refused)
    assert "more than one label map: “a_mask.nii” and “a_seg.nii”" in reasons["a.nii"]
    assert "“b.nii” and “b_image.nii”" in reasons["b_seg.nii"]
    assert {"b.nii", "b_image.nii"} <= set(reasons)


@pytest.mark.parametrize(
    "labels", [{"0": "background", "1": "lung", "7": "cancer"}, {"lung": 1, "cancer": 7, "other": 9}]
)
def test_segments_are_named_by_the_description(tmp_path: Path, labels: dict[str, Any]) -> None:
    for n in range(2):
        save(tmp_path / "imagesTr" / f"{n}.nii.gz", image(n))
        save(tmp_path / "labelsTr" / f"{n}.nii.gz", mask(n) + 6 * (image(n) > 800).astype(np.uint8))
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    save(tmp_path / "imagesTs" / "9.nii.gz", image(9))
    data = read(tmp_path)
    assert data.classes == ["lung", "cancer"]
    assert any("The 1 volume(s) of imagesTs" in note for note in data.notes)
    assert check(data, 2)[0].segments[1] == {"value": 7, "label": "cancer"}
    assert read(tmp_path, Options(classes=("a", "b"))).classes == ["a", "b"]
    for broken in ("[", '{"labels": {"1": "lung"}}', '{"labels": {"whole": [1, 7], "lung": 1}}'):
        (tmp_path / "dataset.json").write_text(broken)
        assert read(tmp_path).classes == ["segment 1", "segment 7"]


def test_a_label_map_that_lost_its_place_is_laid_on_its_image(tmp_path: Path) -> None:
    save(tmp_path / "images" / "0.nii", image(0))
    save(tmp_path / "labels" / "0.nii", mask(0), np.eye(4))
    data = read(tmp_path)
    check(data, 1)
    assert any("laid on these" in note for note in data.notes)
    save(tmp_path / "labels" / "0.nii", mask(0)[1:], np.eye(4))
    with pytest.raises(Exception, match="another grid"):
        read(tmp_path).items[0].load(Decoder())


def test_the_first_of_four_dimensions(tmp_path: Path) -> None:
    save(tmp_path / "images" / "0.nii", np.stack([image(0), image(1)], -1))
    save(tmp_path / "labels" / "0.nii", mask(0))
    data = read(tmp_path)
    check(data, 1)
    assert any("first alone" in note for note in data.notes)
    with pytest.raises(Exception, match="three dimensions"):
        read(tmp_path, Options(is_images_only=True)).items[0].load(Decoder())


def test_headers_whose_data_lie_beside_them(tmp_path: Path) -> None:
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([0.8, 0.8, 3.0]),
        "space origin": [0, 0, 0],
    }
    for folder, array in (("images", image(0)), ("labels", mask(0))):
        (tmp_path / folder).mkdir()
        nrrd.write(str(tmp_path / folder / "0.nhdr"), array, header)
    check(read(tmp_path), 1)
    path = tmp_path / "images" / "0.nhdr"
    for name in ("../labels/0.raw.gz", "/etc/passwd", "LIST", "0.%d.raw 1 2 1"):
        lines = [
            f"data file: {name}" if line.startswith("data file") else line for line in path.read_text().splitlines()
        ]
        (tmp_path / "images" / "1.nhdr").write_text("\n".join(lines) + "\n")
        with pytest.raises(Exception, match="no single file in its own folder"):
            read(tmp_path, Options(is_images_only=True)).items[1].load(Decoder())


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for n in range(8):
        save(tmp_path / "plain" / ("AD", "CN")[n % 2] / f"{n}.nii.gz", image(n))
        save(tmp_path / "split" / ("train", "test")[n // 4] / ("AD", "CN")[n % 2] / f"{n}.nii.gz", image(n))
    data = read(tmp_path / "plain")
    assert (data.kind, data.classes) == ("classes", ["CN", "AD"])
    assert {item.name: item.labels for item in data.items}["AD/2.nii.gz"] == ("AD",)
    request = Request(tmp_path / "split", "nifti", "set")
    assert {item.split for item in read_dataset(request, Decoder()).items} == {"train", "test"}


def test_nothing_is_paired_between_cases(tmp_path: Path) -> None:
    save(tmp_path / "p1" / "t1.nii", image(0))
    save(tmp_path / "p1" / "t1_seg.nii", mask(0))
    save(tmp_path / "p2" / "t2.nii", image(1))
    save(tmp_path / "p3" / "t2_seg.nii", mask(1))
    data = read(tmp_path)
    check(data, 1)
    assert set(dict(data.refused)) == {"p2/t2.nii", "p3/t2_seg.nii"}


def test_what_was_refused_is_told_with_what_ends_the_whole(tmp_path: Path) -> None:
    save(tmp_path / "images" / "a.nii", image(0))
    save(tmp_path / "labels" / "b.nii", mask(0))
    with pytest.raises(Exception, match=r"2 in all: labels/b\.nii: .*; images/a\.nii: "):
        read(tmp_path, Options(classes=("lung",)))
