"""Real objects of many makers: taken or refused as they deserve, and their pixels are what other programs say."""

from __future__ import annotations

import csv
import shutil
import subprocess
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from medportal.archive.models import Series
from medportal.archive.reading import decoder, load_series_volume
from medportal.errors import MedportalError
from medportal.imaging.headers import read_header
from medportal.imaging.stacks import decode_source, load_files, sources_of
from tests import dicom
from tests.archive.conftest import address, failures, parts_of, stored
from tests.real import DATA, needs_real_data

pytestmark = [
    pytest.mark.django_db,
    needs_real_data,
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
# Cut short, without what an image needs, or with numbers that are none: refused, and why.
REFUSED = {
    "csa_slice_norm.dcm": "truncated",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    "badVR.dcm": "dimensions",
    "nested_priv_SQ.dcm": "dimensions",
    "meta_missing_tsyntax.dcm": "malformed",
}
# Kept, though nobody can show them: retired JPEG processes, a stream that its codec refuses.
NOT_SHOWN = {
    "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm",
    "CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm",
    "JPEG2000-embedded-sequence-delimiter.dcm",
}
NATIVE = {"", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
# Some have no UIDs, some are one image in several encodings under one UID, one describes a medium.
NOT_STORED = {"uid", "different_content", "dicomdir", "series_of_other_study"}
LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}


def single_objects(*, one_of_each: bool) -> list[Path]:
    """The single objects; or the smallest of each transfer syntax, colour and depth, and those that are refused."""
    if not (DATA / "manifest.csv").is_file():
        return []
    with (DATA / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "dicom"]
    chosen: dict[Any, Path] = {}
    for row in sorted(rows, key=lambda row: int(row["bytes"])):
        path = DATA / row["path"]
        kind = (row["transfer_syntax"], row["photometric"], row["bits"], row["frames"] == "1")
        is_special = path.name in REFUSED or path.name in NOT_SHOWN or not one_of_each
        chosen.setdefault(path if is_special else kind, path)
    return list(chosen.values())


@pytest.fixture
def verdict(store: Callable[..., Any], tmp_path: Path) -> Callable[[Path], str]:
    """Return a function that stores an object and says what is wrong with what the archive makes of it; '' for nothing."""

    def judge(path: Path) -> str:
        try:
            sources = sources_of(path, read_header(path))
        except MedportalError as error:
            return "" if error.code == REFUSED.get(path.name) else error.code
        for source in {source.number: source for source in (sources[:1] + sources[-1:])}.values():
            try:
                frame = decode_source(source, decoder())
            except MedportalError as error:
                return "" if path.name in NOT_SHOWN else error.code
            if difference := _difference(frame, path, source.number - 1, tmp_path):
                return difference
        try:
            store(path.read_bytes())
        except MedportalError as error:
            return "" if error.code in NOT_STORED else error.code
        return "" if path.name not in REFUSED else "not refused"

    return judge


def _difference(frame: np.ndarray, path: Path, index: int, folder: Path) -> str:
    """Say in what a frame differs from pydicom's, or dcmtk's where pydicom has no codec of its own here."""
    expected = _by_pydicom(path, index) if (found := _by_dcmtk(path, folder)) is None else _by_pydicom(found, index)
    if expected is None:
        return ""
    if expected.shape != frame.shape:
        return f"shape {frame.shape} for {expected.shape}"
    syntax = pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta.get("TransferSyntaxUID", "")
    # Codecs of lossy JPEG, and colour transforms, may round differently.
    tolerance = 3 if frame.ndim == 3 or syntax in LOSSY else 0
    worst = np.abs(expected.astype(float) - frame.astype(float)).max()
    return f"differs by {worst}" if worst > tolerance else ""


def _by_pydicom(path: Path, index: int) -> np.ndarray | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path, force=True)
        # Native colour is compared before it is turned into RGB.
        syntax = pydicom.uid.UID(ds.file_meta.get("TransferSyntaxUID", ""))
        if syntax and not syntax.is_transfer_syntax:
            return None
        try:
            return pixel_array(path, index=index, raw=syntax in NATIVE)
        except (RuntimeError, NotImplementedError, AttributeError):
            return None


def _by_dcmtk(path: Path, folder: Path) -> Path | None:
    syntax = pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta.get("TransferSyntaxUID", "")
    program = {"57": "dcmdjpeg", "70": "dcmdjpeg", "80": "dcmdjpls", "81": "dcmdjpls"}.get(syntax.rsplit(".", 1)[-1])
    if program is None or not syntax.startswith("1.2.840.10008.1.2.4.") or not shutil.which(program):
        return None
    out = folder / "plain.dcm"
    done = subprocess.run([program, path, out], capture_output=True)
    return out if done.returncode == 0 else None


def test_objects_of_each_kind(verdict: Callable[[Path], str]) -> None:
    paths = single_objects(one_of_each=True)
    assert len(paths) > 60
    assert {path.name: found for path in paths if (found := verdict(path))} == {}


@pytest.mark.slow
def test_all_objects(verdict: Callable[[Path], str]) -> None:
    assert {path.name: found for path in single_objects(one_of_each=False) if (found := verdict(path))} == {}


def test_a_computed_tomography(team: Any, client_for: Any, stow: Callable[..., Any]) -> None:
    """Twenty slices in JPEG 2000 whose UIDs somebody has emptied: a volume as they lie; objects once they have UIDs."""
    paths = sorted((DATA / "dicom/totalsegmentator/ct-series-20").iterdir())
    refused = stow(client_for("reader"), *(path.read_bytes() for path in paths[:3]))
    assert (refused.status_code, {code for code, _ in failures(refused)}) == (409, {"uid"})
    datasets = _in_order(paths)
    study, series = dicom.new_uid(), dicom.new_uid()
    for ds in datasets:
        dicom.changed(ds, StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=dicom.new_uid())
        ds.SOPClassUID = dicom.CT_IMAGE
    objects = [_written(ds) for ds in datasets]
    volume = _stored_volume(client_for("reader"), stow, objects[::-1])
    expected = np.stack([ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept for ds in datasets])
    np.testing.assert_array_equal(volume.array, expected)
    _agrees(volume, datasets)
    np.testing.assert_array_equal(load_files(paths, decoder()).array, expected)
    client = client_for("viewer")
    for data in (objects[0], objects[-1]):
        url = address(team.slug, data)
        assert client.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"}).content == data
        accept = 'multipart/related; type="application/octet-stream"'
        ((_, frame),) = parts_of(client.get(url + "/frames/1", headers={"Accept": accept}))
        assert frame == pydicom.dcmread(BytesIO(data)).pixel_array.tobytes()


def _written(ds: pydicom.Dataset) -> bytes:
    out = BytesIO()
    ds.save_as(out)
    return out.getvalue()


def test_a_magnetic_resonance_study(client_for: Any, stow: Callable[..., Any]) -> None:
    """Neighbouring slices of a head, stacked along an axis that is none of the patient's three."""
    paths = sorted((DATA / "series/mr-t1-120").iterdir())[:24]
    volume = _stored_volume(client_for("reader"), stow, [path.read_bytes() for path in reversed(paths)])
    datasets = _in_order(paths)
    np.testing.assert_array_equal(volume.array, np.stack([ds.pixel_array for ds in datasets]))
    _agrees(volume, datasets)


def _stored_volume(client: Any, stow: Callable[..., Any], objects: list[bytes]) -> Any:
    answer = stow(client, *objects)
    assert (answer.status_code, failures(answer), len(stored(answer))) == (200, [], len(objects))
    return load_series_volume(Series.objects.get())


def _in_order(paths: list[Path]) -> list[pydicom.Dataset]:
    datasets = [pydicom.dcmread(path) for path in paths]
    normal = np.cross(datasets[0].ImageOrientationPatient[:3], datasets[0].ImageOrientationPatient[3:])
    return sorted(datasets, key=lambda ds: float(np.dot(normal, ds.ImagePositionPatient)))


def _agrees(volume: Any, datasets: list[pydicom.Dataset]) -> None:
    first, second = datasets[:2]
    gap = float(np.linalg.norm(np.subtract(second.ImagePositionPatient, first.ImagePositionPatient)))
    assert volume.spacing_mm_zyx == pytest.approx((gap, *first.PixelSpacing), rel=1e-3)
    assert volume.origin_mm == pytest.approx(tuple(first.ImagePositionPatient))
    assert volume.orientation == pytest.approx(tuple(first.ImageOrientationPatient))
    assert volume.sop_instance_uids == tuple(ds.SOPInstanceUID for ds in datasets)
