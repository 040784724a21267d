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


def numbered(root: Path) -> dict[str, str]:
    """Series of patients 1…12, whose UIDs and folders hold numbers too; returns group → label as the table has it."""
    lines, wanted = ["path,label,group"], {}
    for n in range(1, 13):
        put(root / str(13 - n), ct_series(2, PatientID=str(n), SeriesInstanceUID=f"1.2.826.0.1.{n}.5"))
        wanted[f"g{n}"] = "ab"[n % 2]
        lines.append(f"{n},{'ab'[n % 2]},g{n}")
    (root / "t.csv").write_text("\n".join([*lines, "99,a,g99"]))
    return wanted


def test_numbers_in_a_table_are_patients_and_nothing_in_a_uid(import_set: Import, tmp_path: Path) -> None:
    wanted = numbered(tmp_path / "set")
    report = import_set(tmp_path / "set", "dicom", "--table", str(tmp_path / "set" / "t.csv"), "--split", "all:train")
    assert {member.group: member.label for member in members(report)} == wanted
    for member in members(report):
        assert member.series is not None
        assert f"g{member.series.study.patient.patient_id}" == member.group
    assert any("“99”" in note for note in report["notes"])
    assert any("PatientID" in note for note in report["notes"])


def test_a_table_of_dicom_files(import_set: Import, tmp_path: Path) -> None:
    for n in range(4):
        put(tmp_path / "set" / f"p{n}", ct_series(1, PatientID=f"P{n}"))
    lines = ["p0/0.dcm,a", "p1/0.dcm,b", "p2/0,b"]
    (tmp_path / "t.csv").write_text("\n".join(["path,label", *lines]))
    report = import_set(tmp_path / "set", "dicom", "--table", str(tmp_path / "t.csv"), "--split", "all:train")
    assert {member.group: member.label for member in members(report)} == {"P0": "a", "P1": "b", "P2": "b"}
    (refused,) = report["refused"]
    assert "p3" in refused["item"]
    assert "not in the table" in refused["reason"]


def test_rows_that_say_two_things_of_a_series(import_set: Import, tmp_path: Path) -> None:
    for n in range(3):
        put(tmp_path / "set" / f"p{n}", ct_series(2, PatientID=f"P{n}"))
    (tmp_path / "t.csv").write_text("path,label\nP0,a\nP0,b\nP1,a\nP1,a\nP2,b\n")
    report = import_set(tmp_path / "set", "dicom", "--table", str(tmp_path / "t.csv"), "--split", "all:train")
    assert {member.group: member.label for member in members(report)} == {"P1": "a", "P2": "b"}
    (refused,) = report["refused"]
    assert "lines 2 and 3" in refused["reason"]
