"""`manage.py predict` for every task: JSON at the end of standard output, files where they are wanted, honest exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from medportal.archive.models import Series
from tests import dicom
from tests.chests import make_chest, store_chest
from tests.packages import register
from tests.rails import People

Predict = Callable[..., Any]


@pytest.fixture
def predict(people: People, capsys: pytest.CaptureFixture[str]) -> Predict:
    """Return a function that runs `predict` for a new team and returns the JSON line; `predict.team` is the team.

    No worker runs: the command does the work itself.
    """
    team = people.team
    people.member("reader")

    def predict(*words: str) -> Any:
        capsys.readouterr()
        call_command("predict", *words, "--team", team.slug, "--json")
        return json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    predict.team = team  # type: ignore[attr-defined]
    return predict


@pytest.fixture
def series(predict: Any) -> Any:
    return store_chest(predict.team, 2, has_cancer=True)


def test_a_verdict_of_a_series(predict: Any, series: Any, tmp_path: Path) -> None:
    version = register(predict.team, tmp_path, variants=("fp16",))
    report = predict("--model", "bright", "--series", series.series_instance_uid)
    assert set(report) == {"job", "model", "version", "provider", "result"}
    assert (report["model"], report["version"], report["provider"]) == ("bright", 1, "CPU")
    assert report["result"]["verdict"]["value"] == "lung cancer"
    assert report["result"]["sha256"] == version.sha256
    half = predict("--model", "bright@1", "--series", series.series_instance_uid, "--precision", "fp16")
    assert half["result"]["parameters"]["precision"] == "fp16"


def test_a_mask_is_written(predict: Any, series: Any, tmp_path: Path) -> None:
    register(predict.team, tmp_path, name="segments", task="segmentation")
    out = tmp_path / "mask.npz"
    report = predict("--model", "segments", "--series", series.series_instance_uid, "--mask", str(out))
    assert report["mask"] == str(out)
    with np.load(out) as file:
        mask, labels = file["mask"], file["labels"].tolist()
    assert labels == ["lesion", "bone"]
    chest = make_chest(2, has_cancer=True)
    assert mask.shape == chest.mask.shape
    np.testing.assert_array_equal(mask == 2, chest.mask)
    assert report["result"]["mask"]["shape"] == list(mask.shape)


def test_boxes_and_anomalies(predict: Any, series: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(predict.team, tmp_path, name="boxes", task="detection", output={"score_threshold": 0.9})
    register(predict.team, tmp_path, name="usual", task="autoencoder")
    uid = ("--series", series.series_instance_uid)
    boxes = predict("--model", "boxes", *uid)["result"]["boxes"]
    assert boxes
    assert set(boxes[0]) == {"label", "low", "high", "score"}
    assert predict("--model", "usual", *uid)["result"]["verdict"]["measures"]["compression"] == 16
    call_command("predict", "--model", "boxes", *uid, "--team", predict.team.slug)
    printed = capsys.readouterr().out
    assert "nodule" in printed
    assert "Not for diagnosis." in printed


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_is_imported_and_read(predict: Any, tmp_path: Path, suffix: str) -> None:
    spec = {"modalities": ["OT"], "scaling": {"kind": "window", "low": 0.0, "high": 255.0}}
    register(predict.team, tmp_path, name="segments", task="segmentation", input=spec)
    picture = np.zeros((40, 60), np.uint8)
    picture[10:20, 15:40] = 255
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(picture).save(path, quality=95)
    out = tmp_path / "mask.npz"
    report = predict("--model", "segments", "--path", str(path), "--mask", str(out))
    with np.load(out) as file:
        np.testing.assert_array_equal(file["mask"][0] > 0, picture > 127)
    series = Series.objects.get(team=predict.team)
    assert (series.modality, report["result"]["series_instance_uid"]) == ("OT", series.series_instance_uid)
    predict("--model", "segments", "--path", str(path))
    assert Series.objects.filter(team=predict.team).count() == 1


def test_a_picture_is_of_the_modality_that_the_model_reads(predict: Any, tmp_path: Path) -> None:
    register(predict.team, tmp_path, name="boxes", task="detection", input={"modalities": ["DX", "CR"]})
    path = tmp_path / "x.png"
    Image.fromarray(dicom.noise(20, 24, high=256)).save(path)
    predict("--model", "boxes", "--path", str(path))
    assert Series.objects.get(team=predict.team).modality == "DX"


def test_a_volume_file_is_imported_and_read(predict: Any, tmp_path: Path) -> None:
    import nibabel

    register(predict.team, tmp_path, name="segments", task="segmentation", dimensions=3)
    chest = make_chest(2, has_cancer=True)
    path = tmp_path / "chest.nii.gz"
    affine = np.diag([-2.0, -2.0, 5.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(chest.array.transpose(2, 1, 0), affine), path)
    out = tmp_path / "mask.npz"
    predict("--model", "segments", "--path", str(path), "--mask", str(out))
    with np.load(out) as file:
        np.testing.assert_array_equal(file["mask"] == 2, chest.mask)
    assert Series.objects.get(team=predict.team).modality == "CT"


def test_dicom_files_are_imported_and_read(predict: Any, tmp_path: Path) -> None:
    register(predict.team, tmp_path, name="usual", task="autoencoder")
    folder = tmp_path / "series"
    folder.mkdir()
    for number, content in enumerate(dicom.ct_series(4)):
        (folder / f"{number}.dcm").write_bytes(content)
    (folder / "notes.txt").write_text("no DICOM")
    report = predict("--model", "usual", "--path", str(folder))
    assert len(report["result"]["slices"]) == 4
    one = predict("--model", "usual", "--path", str(folder / "0.dcm"))
    assert one["result"]["series_instance_uid"] == report["result"]["series_instance_uid"]


def test_images_are_made_and_written(predict: Any, tmp_path: Path) -> None:
    register(predict.team, tmp_path, name="gan", task="generation")
    words = ("--model", "gan", "--count", "3", "--class", "lung cancer", "--seed", "5", "--out", str(tmp_path / "out"))
    report = predict(*words)
    assert (report["result"]["count"], report["result"]["seed"], report["result"]["class"]) == (3, 5, "lung cancer")
    assert len(report["files"]) == 3
    with Image.open(report["files"][0]) as image:
        assert (image.size, image.mode) == ((16, 16), "L")
        assert "SYNTHETIC" in image.text["Comment"]
        assert 0.6 < np.asarray(image).mean() / 255 < 0.8
    assert Series.objects.get(team=predict.team).series_instance_uid == report["result"]["series_instance_uid"]


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "no series": (("--model", "bright"), "Name a series"),
    "no such series": (("--model", "bright", "--series", "1.2.3"), "no such series"),
    "no such model": (("--model", "nothing", "--series", "1.2.3"), "no model"),
    "no number": (("--model", "bright@x", "--series", "1.2.3"), "not MODEL or MODEL@NUMBER"),
    "nothing there": (("--model", "bright", "--path", "/nowhere"), "nothing at"),
    "a broken picture": (("--model", "bright", "--path", "{tmp}/broken.png"), "picture"),
    "no DICOM": (("--model", "bright", "--path", "{tmp}/notes.txt"), "holds 0"),
    "a mask of a classifier": (("--model", "bright", "--series", "1", "--mask", "{tmp}/x.npz"), "no use for --mask"),
    "images of a classifier": (("--model", "bright", "--series", "1", "--class", "a"), "no use for --class"),
    "a mask in no folder": (("--model", "bright", "--series", "1", "--mask", "/nowhere/x.npz"), "folder that is there"),
    "a series for a generator": (("--model", "gan", "--series", "1"), "no use for --series"),
    "no such class": (("--model", "gan", "--class", "cat"), "no class"),
    "too many": (("--model", "gan", "--count", "65"), "1 to 64"),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_cannot_be_done_ends_with_the_reason(predict: Any, tmp_path: Path, fault: str) -> None:
    register(predict.team, tmp_path)
    register(predict.team, tmp_path, name="gan", task="generation")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    (tmp_path / "notes.txt").write_text("no DICOM")
    words, reason = BAD[fault]
    with pytest.raises(CommandError, match=reason):
        predict(*(word.format(tmp=tmp_path) for word in words))
