"""A small part of each real data set, where there is one: the layouts as they are out there."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medportal.annotations.models import Label
from medportal.cohorts.models import CohortMember, CohortVersion
from medportal.cohorts.reading import load_member
from tests.real import DATA, needs_real_data

pytestmark = needs_real_data
Import = Callable[..., dict[str, Any]]
SOME = 8


def members(report: dict[str, Any]) -> list[CohortMember]:
    version = CohortVersion.objects.get(cohort__name=report["cohort"], number=report["version"])
    return list(version.members.select_related("version", "series__team", "annotation_set"))


def some_of(folder: Path, target: Path, *parts: str) -> Path:
    """Copy the first few files of each part of a data set that have the same stems."""
    stems = sorted(path.stem for path in (folder / parts[0]).iterdir())[:SOME]
    for part in parts:
        (target / part).mkdir(parents=True)
        for path in sorted((folder / part).iterdir()):
            if path.stem in stems:
                shutil.copy(path, target / part)
    return target


def test_lung_ct_by_the_table_of_everything(import_set: Import, tmp_path: Path) -> None:
    with (DATA / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "classification-lung-ct"]
    chosen = [row for label in ("normal", "malignant", "benign") for row in rows if row["label"] == label][::20]
    path = tmp_path / "manifest.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(chosen)
    words = ("--root", str(DATA), "--where", "set=classification-lung-ct", "--group-column", "group")
    report = import_set(path, "csv", *words, "--classes", "normal,malignant")
    wanted = [row for row in chosen if row["label"] != "benign"]
    assert (report["classes"], report["images"]) == (["normal", "malignant"], len(wanted))
    assert report["groups"] == len({row["group"] for row in wanted})
    for member in members(report)[:3]:
        name = Label.objects.get(series=member.series).detail["file"]
        assert np.array_equal(load_member(member).volume.array[0], np.asarray(Image.open(DATA / name).convert("L")))


def test_nuclei(import_set: Import, tmp_path: Path) -> None:
    root = some_of(DATA / "segmentation" / "nuclei-dsb2018", tmp_path / "set", "images", "masks")
    report = import_set(root, "masks", "--instances", "--split", "all:train")
    assert (report["classes"], report["images"], report["refused"]) == (["object"], SOME, [])
    for member in members(report):
        one, name = load_member(member), str(member.annotation_set.parameters["file"])  # type: ignore[union-attr]
        wanted = np.asarray(Image.open(root / "masks" / Path(name).name))
        assert one.mask is not None
        assert len(np.unique(one.mask)) == len(np.unique(wanted))
        assert np.array_equal(one.mask[0] > 0, wanted > 0)


def test_lungs_in_chest_xrays(import_set: Import, tmp_path: Path) -> None:
    root = some_of(DATA / "segmentation" / "chest-xray-lungs", tmp_path / "set", "images", "masks")
    table = ("--table", str(DATA / "manifest.csv"), "--group-column", "group")
    report = import_set(root, "masks", "--classes", "left lung,right lung", *table, "--split", "all:test")
    assert (report["images"], report["refused"]) == (SOME, [])
    assert all(member.group.startswith("p") for member in members(report))


def test_blood_cells(import_set: Import, tmp_path: Path) -> None:
    root = some_of(DATA / "detection" / "blood-cells-bccd", tmp_path / "set", "images", "annotations")
    report = import_set(root, "voc", "--split", "all:train")
    assert (report["images"], report["refused"]) == (SOME, [])
    assert {"RBC", "WBC"} <= set(report["classes"])
    one = load_member(members(report)[0])
    assert one.volume.array.shape == (1, 480, 640, 3)
    assert len(one.boxes) > 5


def test_tumour_volumes(import_set: Import) -> None:
    report = import_set(DATA / "segmentation" / "tumour-volumes", "nifti", "--split", "all:train")
    assert (report["images"], report["refused"]) == (2, [])
    shapes = {load_member(member).volume.array.shape for member in members(report)}
    assert shapes == {(25, 256, 256), (21, 120, 45)}


def test_a_segmentation_of_another_program(import_set: Import, tmp_path: Path) -> None:
    """Made by dcmqi, of three slices of CT."""
    shutil.copytree(DATA / "dicom" / "dcmqi" / "ct-3slice", tmp_path / "ct")
    shutil.copy(DATA / "dicom" / "dcmqi" / "segmentations" / "liver.dcm", tmp_path)
    report = import_set(tmp_path, "dicom", "--split", "all:train")
    assert (report["kind"], report["classes"], report["images"]) == ("masks", ["Liver"], 1)
    one = load_member(members(report)[0])
    assert one.mask is not None
    # Liver is soft tissue: it lies where its numbers are.
    inside = one.volume.array[one.mask == 1]
    assert inside.size > 1000
    assert 20 < float(np.median(inside)) < 180


@pytest.mark.slow
def test_pneumonia_mnist(import_set: Import) -> None:
    (path,) = (DATA / "classification" / "pneumoniamnist").glob("*.npz")
    report = import_set(path, "npz", "--classes", "normal,pneumonia")
    assert (report["images"], report["splits"]) == (5232, {"train": 4708, "validation": 524})
