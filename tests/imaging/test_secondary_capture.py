"""Images that come from elsewhere are whole DICOM objects, with UIDs of their content."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from medportal.imaging.decoder import Decoder
from medportal.imaging.headers import read_header
from medportal.imaging.secondary_capture import Provenance, stack_objects, volume_objects
from medportal.imaging.stacks import load_files
from medportal.imaging.volumes import Volume
from tests.dicom import noise

FROM = Provenance(patient_id="p1", issuer="set", source_name="ill-7.png", source_format="imagefolder")
WANTED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID", "IssuerOfPatientID")


def uids(content: bytes) -> tuple[str, ...]:
    ds = pydicom.dcmread(io.BytesIO(content))
    return tuple(str(ds[name].value) for name in WANTED[:4])


@pytest.mark.parametrize("shape", [(1, 5, 7), (1, 5, 7, 3), (4, 5, 7), (4, 5, 7, 3)])
def test_a_stack_is_an_object_pixel_by_pixel(
    shape: tuple[int, ...], as_file: Callable[[bytes], Path], decoder: Decoder
) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    (content,) = stack_objects(array, FROM)
    assert np.array_equal(load_files([as_file(content)], decoder).array, array)
    ds = pydicom.dcmread(io.BytesIO(content))
    assert np.array_equal(ds.pixel_array.reshape(shape), array)
    assert all(ds[name].value for name in WANTED)
    assert (ds.ImageType[0], ds.ConversionType, "SyntheticData" in ds) == ("DERIVED", "WSD", False)
    assert "ill" not in str(ds.to_json_dict()).replace("milli", "")


def test_sixteen_bits_are_kept(as_file: Callable[[bytes], Path], decoder: Decoder) -> None:
    array = noise(6, 6, high=65_536)[None]
    (content,) = stack_objects(array, FROM)
    assert np.array_equal(load_files([as_file(content)], decoder).array, array)


def test_uids_are_of_all_that_is_written() -> None:
    array = noise(5, 7, high=256)[None]
    (content,) = stack_objects(array, FROM)
    assert list(stack_objects(array.copy(), FROM)) == [content]
    seen = {uids(content)[1:3]}
    changes: list[dict[str, Any]] = [
        {"patient_id": "p2"},
        {"issuer": "other"},
        {"source_name": "b.png"},
        {"source_format": "csv"},
        {"modality": "CT"},
        {"is_synthetic": True},
    ]
    for change in changes:
        (other,) = stack_objects(array, replace(FROM, **change))
        assert uids(other)[1:3] not in seen, change
        seen.add(uids(other)[1:3])
    (another,) = stack_objects(array[:, ::-1], FROM)
    assert uids(another)[1:3] not in seen
    assert uids(another)[3] == uids(content)[3]


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_a_volume_is_slices_at_their_places(modality: str, as_file: Callable[[bytes], Path], decoder: Decoder) -> None:
    array = np.random.default_rng(0).integers(-1000, 3000, (4, 5, 6)).astype(np.int16)
    # Turned by 30° about the row's axis.
    orientation = (1.0, 0.0, 0.0, 0.0, 0.866025, 0.5)
    volume = Volume(array, (2.5, 0.7, 0.8), (-10.5, 20.25, -300.125), orientation, modality=modality)
    contents = list(volume_objects(volume, replace(FROM, modality=modality)))
    assert len(contents) == 4
    found = load_files([as_file(content) for content in reversed(contents)], decoder)
    assert np.array_equal(found.array, array)
    assert found.modality == modality
    assert np.allclose(found.spacing_mm_zyx, volume.spacing_mm_zyx, atol=1e-5)
    assert np.allclose(found.origin_mm, volume.origin_mm, atol=1e-5)
    assert np.allclose(found.orientation, orientation, atol=1e-5)
    header = read_header(as_file(contents[0]))
    assert header.attributes.text("Modality") == modality
    assert len({uids(content)[1] for content in contents}) == 4
    assert len({uids(content)[2] for content in contents}) == 1


def test_fractions_are_quantised_finely(as_file: Callable[[bytes], Path], decoder: Decoder) -> None:
    array = np.random.default_rng(0).normal(0, 1, (2, 8, 8)).astype(np.float32)
    contents = list(volume_objects(Volume(array, (1.0, 1.0, 1.0), modality="MR"), FROM))
    found = load_files([as_file(content) for content in contents], decoder)
    assert np.abs(found.array - array).max() < (array.max() - array.min()) / 65_535
