"""Volumes and DICOM series come in as data sets, their label maps right on their slices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np

from medportal.archive.models import Series
from medportal.cohorts.models import CohortMember, CohortVersion
from medportal.cohorts.reading import load_member
from tests.dicom import ct_series
from tests.segmentations import series_with_segmentation

Import = Callable[..., dict[str, Any]]
SHAPE = (8, 9, 5)


def members(report: dict[str, Any]) -> list[CohortMember]:
    version = CohortVersion.objects.get(cohort__name=report["cohort"], number=report["version"])
    return list(version.members.select_related("version", "series__team"))


def volume(seed: int, low: int = -1000) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, 1000, SHAPE).astype(np.int16)


AFFINE = np.diag([-0.7, 0.7, 2.5, 1.0])


def test_nifti_with_label_maps(import_set: Import, tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for n in range(4):
        array = volume(n)
        nibabel.save(nibabel.Nifti1Image(array, AFFINE), tmp_path / "images" / f"case{n}.nii.gz")
        # Stored the other way round.
        label, affine = (array > 500).astype(np.uint8)[::-1], AFFINE.copy()
        affine[0, 0], affine[0, 3] = 0.7, -0.7 * (SHAPE[0] - 1)
        nibabel.save(nibabel.Nifti1Image(label, affine), tmp_path / "labels" / f"case{n}.nii.gz")
    nibabel.save(nibabel.Nifti1Image(volume(9), AFFINE), tmp_path / "images" / "alone.nii")
    (tmp_path / "images" / "broken.nii").write_bytes(b"nothing")
    (tmp_path / "labels" / "broken.nii").write_bytes(b"nothing")
    report = import_set(tmp_path, "nifti", "--split", "train=.5,test=.5")
    assert (report["kind"], report["classes"], report["images"]) == ("masks", ["foreground"], 4)
    assert {one["item"] for one in report["refused"]} == {"images/alone.nii", "images/broken.nii"}
    for member in members(report):
        one = load_member(member)
        assert one.mask is not None
        assert np.array_equal(one.mask == 1, one.volume.array > 500)
        assert one.volume.modality == "CT"
        assert one.volume.spacing_mm_zyx == (2.5, 0.7, 0.7)
    version = CohortVersion.objects.get()
    assert version.fingerprint["spacing_mm_zyx"] == [2.5, 0.7, 0.7]
    assert (version.fingerprint["slices"], version.fingerprint["rows"], version.fingerprint["bits"]) == (5, 9, 16)
    assert import_set(tmp_path, "nifti", "--split", "train=.5,test=.5")["is_new"] is False
    assert Series.objects.count() == 4


def test_nrrd_in_one_folder_and_instances(import_set: Import, tmp_path: Path) -> None:
    for n in range(3):
        array = volume(n, low=0)
        header = {
            "space": "left-posterior-superior",
            "space directions": np.diag([0.5, -0.5, 2.0]),
            "space origin": [0, 0, 0],
        }
        nrrd.write(str(tmp_path / f"brain{n}_image.nrrd"), array, header)
        nrrd.write(str(tmp_path / f"brain{n}_label.nrrd"), (array // 300).astype(np.int32), header)
    report = import_set(tmp_path, "nifti", "--instances", "--classes", "lesion", "--split", "all:train")
    assert (report["classes"], report["images"]) == (["lesion"], 3)
    for member in members(report):
        one = load_member(member)
        assert one.is_instances
        assert one.mask is not None
        assert np.array_equal(one.mask, one.volume.array // 300)
        assert one.volume.modality == "MR"


def test_volumes_in_a_table(import_set: Import, tmp_path: Path) -> None:
    for n in range(6):
        nibabel.save(nibabel.Nifti1Image(volume(n), AFFINE), tmp_path / f"{n}.nii.gz")
    lines = ["path,label,group", *(f"{n}.nii.gz,{('no', 'yes')[n % 2]},{n}" for n in range(6))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    report = import_set(tmp_path / "table.csv", "csv")
    assert (report["classes"], report["images"]) == (["no", "yes"], 6)
    assert load_member(members(report)[0]).volume.array.shape == SHAPE[::-1]


def put(folder: Path, contents: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n, content in enumerate(contents):
        (folder / f"{n}.dcm").write_bytes(content)


def test_dicom_with_segmentations(import_set: Import, tmp_path: Path) -> None:
    wanted = {}
    for n in range(3):
        slices, segmentation, mask = series_with_segmentation(PatientID=f"P{n}")
        put(tmp_path / f"p{n}", [*slices, segmentation])
        wanted[f"P{n}"] = mask
    put(tmp_path / "alone", ct_series(2, PatientID="P9"))
    (tmp_path / "notes.txt").write_text("no object")
    report = import_set(tmp_path, "dicom")
    assert (report["kind"], report["classes"], report["images"]) == ("masks", ["liver", "tumour"], 3)
    (refused,) = report["refused"]
    assert "no segmentation" in refused["reason"]
    for member in members(report):
        one = load_member(member)
        assert one.mask is not None
        assert np.array_equal(one.mask, wanted[member.group])
    # The segmentations themselves are in the archive too.
    assert Series.objects.filter(modality="SEG").count() == 3
    only = import_set(tmp_path, "dicom", "--classes", "tumour", cohort="tumours")
    assert only["classes"] == ["tumour"]
    one = load_member(members(only)[0])
    assert one.mask is not None
    assert one.mask.max() == 1


def test_dicom_with_a_table_of_labels(import_set: Import, tmp_path: Path) -> None:
    lines = ["path,label"]
    for n in range(6):
        put(tmp_path / "set" / f"p{n}", ct_series(2, PatientID=f"P{n}"))
        lines.append(f"P{n},{('normal', 'ill')[n % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    report = import_set(tmp_path / "set", "dicom", "--table", str(tmp_path / "table.csv"))
    assert (report["kind"], report["classes"], report["images"]) == ("classes", ["normal", "ill"], 6)
    assert {member.group: member.label for member in members(report)}["P3"] == "ill"
    alone = import_set(tmp_path / "set", "dicom", cohort="alone")
    assert (alone["kind"], alone["images"]) == ("images", 6)


def test_the_first_number_of_a_uid_is_no_name(import_set: Import, tmp_path: Path) -> None:
    """Patients that are called 1, 2, … are told from series whose UIDs begin with these numbers."""
    lines = ["path,label"]
    for n in range(1, 5):
        uids = {"StudyInstanceUID": f"2.25.{n}", "SeriesInstanceUID": f"1.2.{n}"}
        put(tmp_path / "set" / f"p{n}", ct_series(2, PatientID=str(n), **uids))
        lines.append(f"{n},{('normal', 'ill')[n % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    report = import_set(tmp_path / "set", "dicom", "--table", str(tmp_path / "table.csv"), "--split", "all:train")
    found = {member.group: member.label for member in members(report)}
    assert found == {"1": "ill", "2": "normal", "3": "ill", "4": "normal"}
