"""Phantoms: the same each time, plausible in Hounsfield units, honest about what they are, with truth by construction."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from medportal.imaging.phantom_dicom import phantom_datasets
from medportal.imaging.phantoms import COLUMNS, ROWS, SLICES, Phantom, make_phantom
from medportal.imaging.written import to_file_bytes
from medportal.learning.phantom_data import POSITIVE_AREA_MM2, slice_labels


@pytest.fixture(scope="module")
def cancer() -> Phantom:
    return make_phantom(31, "cancer")


@pytest.fixture(scope="module")
def normal() -> Phantom:
    return make_phantom(31, "normal")


def test_a_seed_gives_the_same_chest_and_another_seed_another(cancer: Phantom) -> None:
    np.testing.assert_array_equal(cancer.array, make_phantom(31, "cancer").array)
    assert (cancer.array != make_phantom(32, "cancer").array).mean() > 0.5


def test_a_chest_has_air_lung_soft_tissue_and_bone(normal: Phantom) -> None:
    middle = normal.array[SLICES // 2]

    assert normal.array.shape == (SLICES, ROWS, COLUMNS)
    assert np.median(middle[:8, :8]) < -950
    assert 0.1 < ((middle > -950) & (middle < -700)).mean() < 0.5
    assert ((middle > -20) & (middle < 120)).mean() > 0.1
    assert (middle > 200).mean() > 0.002
    assert normal.array.min() >= -1024
    assert normal.array.max() <= 3071


def test_kinds_differ_where_the_nodules_are_and_nowhere_else(cancer: Phantom, normal: Phantom) -> None:
    far = np.abs(cancer.array.astype(int) - normal.array) > 120

    assert 1 <= len(cancer.nodules) <= 3
    assert not normal.nodules
    assert not normal.mask.any()
    # Spicules and blur reach a little beyond the mask.
    rows = np.argwhere(far)
    assert len(rows) > 20
    assert cancer.mask[far].mean() > 0.5
    assert cancer.array[cancer.mask].mean() > normal.array[cancer.mask].mean() + 300


def test_each_slice_of_which_there_is_no_doubt_has_its_label(cancer: Phantom) -> None:
    uids = [str(index) for index in range(SLICES)]
    labels = slice_labels(cancer, uids)
    area = cancer.mask_area_mm2()

    for uid, extent in zip(uids, area, strict=True):
        wanted = "lung cancer" if extent >= POSITIVE_AREA_MM2 else "normal" if extent == 0 else None
        assert labels.get(uid) == wanted
    assert "lung cancer" in labels.values()


def test_files_are_dicom_with_the_same_values_and_marked_as_synthetic(cancer: Phantom) -> None:
    files = [to_file_bytes(ds) for ds in phantom_datasets(cancer, 7)]
    read = [pydicom.dcmread(BytesIO(content)) for content in files]

    assert len({ds.SOPInstanceUID for ds in read}) == SLICES
    for index in (0, SLICES // 2, SLICES - 1):
        ds = read[index]
        np.testing.assert_array_equal(ds.pixel_array.astype(int) - 1024, np.clip(cancer.array[index], -1024, 3071))
        assert ds.SyntheticData == "YES"
        assert "ynthetic" in ds.SeriesDescription
        assert ds.PatientName == "Phantom^0007"
    z = [float(ds.ImagePositionPatient[2]) for ds in read]
    assert np.allclose(np.diff(z), cancer.spacing_mm_zyx[0])


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="dcmtk is not installed")
def test_dcmtk_reads_them_without_a_word(cancer: Phantom, tmp_path: Path) -> None:
    path = tmp_path / "slice.dcm"
    path.write_bytes(to_file_bytes(next(phantom_datasets(cancer, 7))))
    done = subprocess.run(["dcmdump", "+E", str(path)], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert not done.stderr
    assert "(0008,001c)" in done.stdout
