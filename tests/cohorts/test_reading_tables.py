"""Tables as others write them: columns by other names, paths from other machines; nothing is paired by a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medportal.cohorts.datasets.items import DataSet, Options
from medportal.cohorts.datasets.reading import read_dataset
from medportal.cohorts.datasets.requests import Request, SplitRule
from medportal.errors import MedportalError
from medportal.imaging.decoder import Decoder
from tests.cohorts import sets
from tests.dicom import ct_series

Read = Callable[..., DataSet]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes a table beside four pictures and reads both."""
    for n in range(4):
        sets.save(tmp_path / "imgs" / f"ISIC_{n}.jpg", sets.picture(n))

    def read(*lines: str, options: Options | None = None, encoding: str = "utf-8", split: str = "train") -> DataSet:
        (tmp_path / "t.csv").write_text("\n".join(lines), encoding=encoding)
        rule = SplitRule(all_in=split)
        return read_dataset(Request(tmp_path / "t.csv", "csv", "set", rule, options or Options()), Decoder())

    return read


def pixels(data: DataSet) -> list[np.ndarray]:
    return [item.load(Decoder()).pixels for item in data.items]


NAMES = {
    "as they are": "imgs/ISIC_{}.jpg",
    "ids without an ending": "ISIC_{}",
    "names alone": "ISIC_{}.jpg",
    "another case": "IMGS/isic_{}.JPG",
    "of another machine": "/kaggle/input/ham/imgs/ISIC_{}.jpg",
    "of Windows": "C:\\data\\ham\\imgs\\ISIC_{}.jpg",
    "of a notebook": "../input/ham/imgs/ISIC_{}.jpg",
    "beneath a folder that is not there": "ham/imgs/ISIC_{}.jpg",
}


@pytest.mark.parametrize("kind", NAMES)
def test_files_are_found(read: Read, tmp_path: Path, kind: str) -> None:
    data = read("path,label", *(f"{NAMES[kind].format(n)},{n % 2}" for n in range(4)))
    assert data.refused == []
    for n, found in enumerate(pixels(data)):
        assert np.array_equal(found[0], np.asarray(Image.open(tmp_path / "imgs" / f"ISIC_{n}.jpg")))
    assert [item.labels for item in data.items] == [("0",), ("1",), ("0",), ("1",)]


def test_what_is_not_certain_is_refused(read: Read, tmp_path: Path) -> None:
    sets.save(tmp_path / "other" / "ISIC_0.png", sets.picture(9))
    data = read(
        "path,label", "ISIC_0,a", "imgs/ISIC_1.jpg,b", "train/ISIC_2.jpg,b", "ISIC_3.jpg,a", "x/imgs/ISIC_3.jpg,b"
    )
    reasons = dict(data.refused)
    assert "imgs/ISIC_0.jpg" in reasons["ISIC_0"]
    assert "other/ISIC_0.png" in reasons["ISIC_0"]
    # Another folder's picture of the same name is another picture.
    assert "missing" in reasons["train/ISIC_2.jpg"]
    assert "of “ISIC_3.jpg” and of “x/imgs/ISIC_3.jpg”" in reasons["x/imgs/ISIC_3.jpg"]
    assert [item.name for item in data.items] == ["imgs/ISIC_1.jpg", "ISIC_3.jpg"]


def test_copies_of_a_file_are_one(read: Read, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "ISIC_0.jpg"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / "imgs" / "ISIC_0.jpg").read_bytes())
    assert read("path,label", "ISIC_0,a").refused == []


def test_columns_by_other_names(read: Read) -> None:
    rows = [f"p{n // 2},ISIC_{n},{'nv' if n % 2 else 'mel'},histo,40" for n in range(4)]
    data = read("patient_id,image_id,dx,dx_type,age", *rows)
    assert data.classes == ["mel", "nv"]
    assert [item.group for item in data.items] == ["p0", "p0", "p1", "p1"]
    (note,) = data.notes
    assert all(word in note for word in ("“image_id” as path", "“dx” as label", "“patient_id” as group"))
    assert read("Path,LABEL", "ISIC_0,a").items[0].labels == ("a",)
    named = read("Path,Truth", "ISIC_0,a", options=Options(label_columns=("truth",)))
    assert named.items[0].labels == ("a",)


def test_columns_that_might_be_meant_are_not_guessed(read: Read) -> None:
    with pytest.raises(MedportalError, match=r"no column “label”.*diagnosis, finding"):
        read("path,diagnosis,finding", "ISIC_0,a,b")
    with pytest.raises(MedportalError, match="no column “path”"):
        read("image,img,label", "ISIC_0,a,b")


def test_a_set_column_is_a_split_only_where_it_names_splits(read: Read) -> None:
    assert [item.split for item in read("path,label,set", "ISIC_0,a,train", "ISIC_1,a,TEST", split="").items] == [
        "train",
        "test",
    ]
    assert any("“set” is read as split" in note for note in read("path,label,set", "ISIC_0,a,train").notes)
    assert read("path,label,set", "ISIC_0,a,lung", "ISIC_1,a,train").notes == []


def test_tables_of_editors(read: Read) -> None:
    assert len(read("path,label,,", "ISIC_0,a,,", "ISIC_1,b,,", ",,,").items) == 2
    assert len(read(",path,label", "0,ISIC_0,a", "1,ISIC_1,b").items) == 2
    assert len(read("path\tlabel", "ISIC_0\ta", encoding="utf-16").items) == 1


def test_what_is_uncertain_counts_as_absent(read: Read) -> None:
    options = Options(label_columns=("Edema", "Effusion"))
    data = read("Path,Edema,Effusion", "ISIC_0,1.0,-1.0", "ISIC_1,-1,1", "ISIC_2,,0.0", options=options)
    assert [item.labels for item in data.items] == [("Edema",), ("Effusion",), ()]
    assert any("2 label(s) are uncertain" in note for note in data.notes)


def test_dicom_files_of_a_series_are_one_image(read: Read, tmp_path: Path) -> None:
    for n in range(3):
        for k, content in enumerate(ct_series(2, PatientID=f"P{n}")):
            (tmp_path / f"{n}-{k}.dcm").write_bytes(content)
    lines = ["0-0.dcm,a", "0-1.dcm,a", "1-0,b", "2-0.dcm,a", "2-1.dcm,b"]
    data = read("path,label", *lines)
    assert [(item.name, item.labels, item.group) for item in data.items] == [
        ("0-0.dcm", ("a",), "P0"),
        ("1-0", ("b",), "P1"),
    ]
    assert [len(one) for one in pixels(data)] == [2, 1]
    assert [name for name, _ in data.refused] == ["2-0.dcm", "2-1.dcm"]
    assert "lines 5 and 6" in data.refused[0][1]
