"""What is wrong with a data set is told by name, and the rest goes on; what is hostile gets nowhere."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError

from medportal.archive.models import Series
from medportal.cohorts.models import CohortVersion
from tests.cohorts import sets

Import = Callable[..., dict[str, Any]]


def reasons(report: dict[str, Any]) -> dict[str, str]:
    return {one["item"]: one["reason"] for one in report["refused"]}


def test_a_broken_image_is_named_and_the_others_go_on(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"ill": 5, "normal": 5})
    whole = (root / "ill" / "ill-0.png").read_bytes()
    (root / "ill" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "ill" / "text.png").write_text("no picture")
    (root / "normal" / "empty.jpg").write_bytes(b"")
    report = import_set(root, "imagefolder")
    assert set(reasons(report)) == {"ill/cut.png", "ill/text.png", "normal/empty.jpg"}
    assert "broken" in reasons(report)["ill/cut.png"]
    assert report["images"] == 10


def test_nothing_readable_is_an_error(import_set: Import, tmp_path: Path) -> None:
    (tmp_path / "set" / "ill").mkdir(parents=True)
    (tmp_path / "set" / "ill" / "a.png").write_text("no picture")
    with pytest.raises(CommandError, match=r"a\.png"):
        import_set(tmp_path / "set", "imagefolder", "--split", "all:train")
    with pytest.raises(CommandError, match="no folder"):
        import_set(tmp_path / "nowhere", "imagefolder")
    assert not CohortVersion.objects.exists()


def test_what_was_refused_is_told_with_what_ends_the_whole(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"ill": 2, "normal": 2})
    rows = [{"path": f"{name}.png", "label": "a", "group": 1} for name in range(3)]
    path = sets.table(tmp_path / "table", rows)
    path.write_text(path.read_text() + "gone.png,b,2\n")
    with pytest.raises(CommandError, match=r"too few.*Refused by then, 1 in all: gone\.png: line 5"):
        import_set(path, "csv")
    for n in range(12):
        (root / "ill" / f"{n:02d}.png").write_text("no picture")
    for path in (*root.glob("ill/ill*"), *root.glob("normal/*")):
        path.write_text("no picture")
    with pytest.raises(CommandError, match=r"16 in all: ill/00\.png: .*; ill/09\.png: [^;]*…"):
        import_set(root, "imagefolder", "--split", "all:train")


def test_labels_that_contradict_are_told(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"ill": 5, "normal": 5})
    for name in ("ill/same.png", "normal/same.png", "ill/one.png", "normal/other.png"):
        sets.save(root / name, sets.picture(70 if "same" in name else 71))
    report = import_set(root, "imagefolder", "--split", "all:train")
    found = reasons(report)
    assert set(found) == {"ill/same.png", "normal/same.png"}
    assert "“ill” contradicts “normal” of “normal/same.png”" in found["ill/same.png"]
    assert report["images"] == 12
    assert any("“ill/one.png” and “normal/other.png”" in note for note in report["notes"])


def test_a_picture_that_claims_too_much_is_refused(import_set: Import, tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    root = sets.imagefolder(tmp_path / "set", {"ill": 4, "normal": 4})
    (root / "ill" / "bomb.png").write_bytes(bomb)
    assert "MB" in reasons(import_set(root, "imagefolder"))["ill/bomb.png"]


TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "a label that is missing": ({"label": ""}, "no label"),
    "an image that is missing": ({"path": "gone.png", "_gone": True}, "missing"),
    "a path out of the folder": ({"path": "../secret.png"}, "leads out"),
    "an absolute path": ({"path": "/etc/passwd"}, "leads out"),
}


@pytest.mark.parametrize("fault", TABLES)
def test_a_bad_row_is_refused_with_its_line(import_set: Import, tmp_path: Path, fault: str) -> None:
    changes, reason = TABLES[fault]
    changes = dict(changes)
    is_gone = changes.pop("_gone", False)
    rows = sets.patients(8)
    path = sets.table(tmp_path / "set", rows)
    lines = path.read_text().splitlines()
    bad = {**rows[0], "path": "img/0-0.png", **changes}
    path.write_text("\n".join([*lines, ",".join(str(bad[column]) for column in rows[0])]) + "\n")
    report = import_set(path, "csv")
    (refused,) = report["refused"]
    assert reason in refused["reason"]
    assert is_gone or "line 18" in refused["reason"]
    assert report["images"] == 16


def test_tables_that_are_none(import_set: Import, tmp_path: Path) -> None:
    path = sets.table(tmp_path, sets.patients(4))
    for arguments, words in (
        (("--label-column", "truth"), "no column “truth”"),
        (("--where", "set=x"), "no column “set”"),
        (("--where", "label=x"), "no rows"),
        (("--classes", "a,b"), "labels are normal, ill"),
        (("--split", "train=1,train=0"), "no split"),
        (("--split", "column:group"), "is no split"),
        (("--split", "half"), "no split"),
    ):
        with pytest.raises(CommandError, match=words):
            import_set(path, "csv", *arguments)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="UTF-8"):
        import_set(path, "csv")


def test_a_class_with_too_few_patients(import_set: Import, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"“normal” has 2 group.*3 splits"):
        import_set(sets.table(tmp_path, sets.patients(3)), "csv")
    assert not Series.objects.exists()
    with pytest.raises(CommandError, match="too few"):
        import_set(sets.masks(tmp_path / "masks", 2), "masks")


def test_masks_that_do_not_fit(import_set: Import, tmp_path: Path) -> None:
    root = sets.masks(tmp_path / "set", 6)
    sets.save(root / "masks" / "00.png", np.ones((8, 9), np.uint8))
    (root / "masks" / "01.png").unlink()
    sets.save(root / "masks" / "alone.png", np.ones((16, 16), np.uint8))
    sets.save(root / "masks" / "02.png", sets.picture(1, colour=True))
    report = import_set(root, "masks", "--split", "all:train")
    found = reasons(report)
    assert "8 × 9" in found["images/00.jpg"]
    assert "no mask" in found["images/01.jpg"]
    assert "without an image" in found["masks/alone.png"]
    assert "colours" in found["masks/02.png"]
    assert report["images"] == 3
    with pytest.raises(CommandError, match="numbers 1, 2"):
        import_set(root, "masks", "--classes", "a,b,c")


def test_boxes_are_cut_to_the_image(import_set: Import, tmp_path: Path) -> None:
    root = sets.voc(tmp_path / "set", 6)
    boxes = [("cell", -5, 3, 8, 900), ("cell", 40, 40, 50, 50), ("cell", 5, 5, 4, 4)]
    (root / "annotations" / "0.xml").write_text(sets.voc_xml(boxes))
    (root / "annotations" / "1.xml").write_text(sets.voc_xml([("cell", 1, 1, 4, 4)], rows=99))
    (root / "annotations" / "2.xml").write_text("<annotation><object>")
    entity = '<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>'
    (root / "annotations" / "3.xml").write_text(entity)
    (root / "annotations" / "lost.xml").write_text(sets.voc_xml([]))
    report = import_set(root, "voc", "--split", "all:train")
    found = reasons(report)
    assert "99 × 16" in found["images/1.png"]
    assert "no XML" in found["images/2.png"]
    assert "document type" in found["images/3.png"]
    assert "without an image" in found["annotations/lost.xml"]
    kept = [member.boxes for member in CohortVersion.objects.get().members.all()]
    (cut,) = next(of for of in kept if of and of[0]["high"][1] == 16)
    assert (cut["low"], cut["high"]) == ([0, 2, 0], [1, 16, 8])


def test_coco_that_is_wrong(import_set: Import, tmp_path: Path) -> None:
    root = sets.coco(tmp_path / "set", 4)
    document = json.loads((root / "instances.json").read_text())
    for changes in ({"categories": []}, {"images": document["images"][1:]}, {"annotations": [{"bbox": [1]}]}):
        (root / "instances.json").write_text(json.dumps(document | changes))
        with pytest.raises(CommandError, match=r"instances\.json"):
            import_set(root, "coco")
    (root / "instances.json").write_text("[" * 100_000)
    with pytest.raises(CommandError, match="no COCO"):
        import_set(root, "coco")
    document["images"][0]["file_name"] = "../../secret.png"
    (root / "instances.json").write_text(json.dumps(document))
    assert "leads out" in reasons(import_set(root, "coco", "--split", "all:train"))["../../secret.png"]


def npy(array: np.ndarray, **options: Any) -> bytes:
    import io

    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


def test_arrays_that_are_hostile(import_set: Import, tmp_path: Path) -> None:
    good = np.zeros((4, 28, 28), np.uint8)
    huge = npy(good).replace(b"(4, 28, 28)", b"(4000000, 28, 28)")
    faults: dict[str, dict[str, bytes]] = {
        "no plain array": {"train_images.npy": npy(np.asarray([{}, {}], object), allow_pickle=True)},
        "cut short": {"train_images.npy": huge},
        "plain array": {"train_images.npy": npy(good).replace(b"(4, 28, 28)", b"(-4, -28, 28)")},
        "of no split": {"more_images.npy": npy(good)},
        "no images": {"other.npy": npy(good)},
        "no array “train_labels”": {"train_images.npy": npy(good)},
        "8- or 16-bit": {"train_images.npy": npy(good - 0.5), "train_labels.npy": npy(np.zeros(4, int))},
        "to 99999": {"x_train.npy": npy(good.astype(int) + 99_999), "y_train.npy": npy(np.zeros(4, int))},
        "no pictures": {"x_train.npy": npy(np.zeros((4, 28, 28, 4), np.uint8)), "y_train.npy": npy(np.zeros(4, int))},
        "“pixels”": {"pixels.npy": npy(good), "y_train.npy": npy(np.zeros(4, int))},
        "whole numbers": {"train_images.npy": npy(good), "train_labels.npy": npy(np.zeros(3, int))},
    }
    for words, files in faults.items():
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        with pytest.raises(CommandError, match=words):
            import_set(tmp_path / "a.npz", "npz")
    (tmp_path / "a.npz").write_bytes(b"no zip")
    with pytest.raises(CommandError, match="no NPZ"):
        import_set(tmp_path / "a.npz", "npz")
    assert not Series.objects.exists()


def test_arrays_that_find_no_room_together(import_set: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sets.npz(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes_labels.npy", bytes(100_000))
    size = sum(info.file_size for info in zipfile.ZipFile(path).infolist()) - 100_000
    monkeypatch.setattr("medportal.cohorts.datasets.npz_files.ARRAYS_BYTES", size - 1)
    with pytest.raises(CommandError, match="unpack to more than"):
        import_set(path, "npz")
    monkeypatch.setattr("medportal.cohorts.datasets.npz_files.ARRAYS_BYTES", size)
    assert import_set(path, "npz")["images"]


def test_links_out_of_the_data_set(import_set: Import, tmp_path: Path) -> None:
    secret = sets.save(tmp_path / "secret.png", sets.picture(99))
    root = sets.imagefolder(tmp_path / "set", {"ill": 5, "normal": 5})
    (root / "ill" / "link.png").symlink_to(root / "ill" / "ill-0.png")
    (root / "normal" / "link.png").symlink_to(secret)
    with pytest.raises(CommandError, match=r"normal/link\.png.*leads out"):
        import_set(root, "imagefolder")
    assert not Series.objects.exists()
    rows = sets.patients(8)
    path = sets.table(tmp_path / "table", rows)
    (tmp_path / "table" / rows[0]["path"]).unlink()
    (tmp_path / "table" / rows[0]["path"]).symlink_to(secret)
    report = import_set(path, "csv")
    assert [("leads out" in one["reason"]) for one in report["refused"]] == [True]


def test_a_name_that_cannot_stand_in_an_address(import_set: Import, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="name"):
        import_set(tmp_path, "imagefolder", cohort="../x")
