"""What is shown: windows, inverted grey, palettes and colour; and the metadata that go with it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image
from pydicom.pixels import apply_color_lut, apply_voi_lut, convert_color_space

from medportal.errors import InvalidError
from medportal.imaging.display import model_as_served, served_as, to_rgb
from medportal.imaging.geometry import planes_of
from medportal.imaging.headers import read_header
from medportal.imaging.stacks import decode_source, sources_of
from medportal.imaging.windowing import Voi, apply_window, thumbnail_jpeg, to_grey, voi_of
from tests import dicom

FILES = Path(pydicom.data.__file__).parent / "test_files"


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_as_pydicom_applies_them(function):
    values = np.arange(-200, 300, dtype=np.int16).reshape(20, 25)
    ds = dicom.dataset(values, WindowCenter=40, WindowWidth=200, VOILUTFunction=function)
    grey = apply_window(values, Voi(40, 200, function))
    # pydicom maps to the range of the stored values.
    expected = (apply_voi_lut(values, ds) + 32768) / 65535 * 255
    assert np.abs(grey - expected).max() < 1


def test_the_first_window_counts(header_of):
    attributes = header_of(dicom.ct_slice(WindowCenter=[-600, 40], WindowWidth=[1500, 400])).attributes
    assert voi_of(attributes) == Voi(-600.0, 1500.0, "LINEAR")
    assert voi_of(header_of(dicom.ct_slice()).attributes) is None
    assert voi_of(header_of(dicom.ct_slice(WindowCenter=40, WindowWidth=0)).attributes) is None


@pytest.mark.parametrize(("photometric", "first", "last"), [("MONOCHROME2", 0, 255), ("MONOCHROME1", 255, 0)])
def test_inverted_grey(header_of, photometric, first, last):
    ramp = np.arange(1024, 2048, dtype=np.uint16).reshape(32, 32)
    header = header_of(dicom.ct_slice(ramp, PhotometricInterpretation=photometric, WindowCenter=512, WindowWidth=900))
    (plane,) = planes_of(header.attributes, 1)
    grey = to_grey(ramp, plane, header.attributes, photometric)
    assert (grey[0, 0], grey[-1, -1]) == (first, last)


def test_without_a_window_the_values_fill_the_range(header_of):
    header = header_of(dicom.ct_slice(dicom.noise(64, 64)))
    grey = to_grey(dicom.noise(64, 64), planes_of(header.attributes, 1)[0], header.attributes, "MONOCHROME2")
    assert (grey.min(), grey.max()) == (0, 255)
    flat = to_grey(np.full((4, 4), 7, np.uint16), planes_of(header.attributes, 1)[0], header.attributes, "MONOCHROME2")
    assert flat.std() == 0


def test_thumbnails_are_small_jpegs():
    picture = Image.open(BytesIO(thumbnail_jpeg(np.zeros((1000, 500), np.uint8))))
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (128, 256), "L")


def shown(path, decoder):
    header = read_header(path)
    source = sources_of(path, header)[0]
    return to_rgb(decode_source(source, decoder), source.pixel, header.attributes)


def test_palettes_as_pydicom_applies_them(decoder):
    path = FILES / "examples_palette.dcm"
    ds = pydicom.dcmread(path)
    expected = apply_color_lut(ds.pixel_array, ds)
    expected = (expected >> 8).astype(np.uint8) if expected.dtype == np.uint16 else expected
    np.testing.assert_array_equal(shown(path, decoder), expected)


def test_native_ybr_as_pydicom_turns_it(decoder):
    path = FILES / "SC_ybr_full_422_uncompressed.dcm"
    ds = pydicom.dcmread(path)
    expected = convert_color_space(pydicom.pixels.pixel_array(ds, raw=True), "YBR_FULL", "RGB")
    assert np.abs(shown(path, decoder).astype(int) - expected).max() <= 1


def palette_object(data, *, descriptor=(256, 0, 16), **values):
    ds = dicom.dataset(np.arange(16, dtype=np.uint8).reshape(4, 4), PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", list(descriptor))
        if data is not None:
            setattr(ds, f"{colour}PaletteColorLookupTableData", data)
    return dicom.to_bytes(dicom.changed(ds, **values))


def test_palettes_in_segments(as_file, decoder):
    """PS3.3 C.7.9.2: discrete, linear, and a repetition of what came before."""
    words = [0, 2, 0x1000, 0x2000, 1, 2, 0x4000, 2, 1, 0, 0]
    segments = np.array(words, "<u2").tobytes()
    ds = dicom.dataset(np.arange(6, dtype=np.uint8).reshape(2, 3), PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [6, 0, 16])
        setattr(ds, f"Segmented{colour}PaletteColorLookupTableData", segments)
    found = shown(as_file(dicom.to_bytes(ds)), decoder)
    assert found[..., 0].ravel().tolist() == [0x10, 0x20, 0x30, 0x40, 0x10, 0x20]


@pytest.mark.parametrize("data", [None, b""], ids=["missing", "empty"])
def test_palettes_that_cannot_be_used(as_file, decoder, data):
    with pytest.raises(InvalidError):
        shown(as_file(palette_object(data)), decoder)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (dicom.ct_slice(), "stored"),
        (dicom.ct_slice(syntax=dicom.EXPLICIT_BE), "decoded"),
        (palette_object(bytes(512)), "rgb"),
        (dicom.encapsulated(dicom.dataset(dicom.noise()), [bytes(9)], dicom.JPEG_EXTENDED), "decoded"),
        (dicom.encapsulated(dicom.dataset(dicom.noise()), [bytes(9)], dicom.JPEG_2000_LOSSLESS), "stored"),
        (dicom.encapsulated(dicom.dataset(dicom.noise()), [bytes(9)], "1.2.840.10008.1.2.4.102"), ""),
        (dicom.ct_slice(dicom.noise(high=256, samples=3), PhotometricInterpretation="YBR_FULL"), "rgb"),
        (dicom.to_bytes(dicom.dataset()), ""),
    ],
    ids=["grey", "big endian", "palette", "12-bit JPEG", "JPEG 2000", "video", "native YBR", "no pixels"],
)
def test_how_frames_leave(header_of, data, expected):
    header = header_of(data)
    assert served_as(header.pixel, header.attributes.text("SOPClassUID")) == expected


def test_metadata_fit_the_frames(header_of):
    model = model_as_served(header_of(palette_object(bytes(512))).model, "rgb")
    assert model["00280004"]["Value"] == ["RGB"]
    assert model["00280002"]["Value"] == [3]
    assert not [tag for tag in model if tag.startswith(("0028110", "0028120"))]
    ds = pydicom.Dataset.from_json(model)
    assert (ds.BitsAllocated, ds.HighBit, ds.Rows) == (8, 7, 4)
