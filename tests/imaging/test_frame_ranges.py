"""Where each frame lies in the file: its bytes there are its bytes."""

from __future__ import annotations

import numpy as np
import pytest

from medportal.errors import InvalidError
from medportal.imaging.stacks import read_frame
from tests import dicom


def frames_of(path, header):
    return [read_frame(path, ranges, header.transfer_syntax_uid) for ranges in header.frame_ranges]


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT_LE, dicom.IMPLICIT_LE, dicom.DEFLATED_LE])
@pytest.mark.parametrize("count", [1, 5])
def test_native(as_file, header_of, syntax, count):
    pixels = np.stack([dicom.noise(7, 9, seed=n) for n in range(count)])
    data = dicom.to_bytes(dicom.dataset(pixels, SOPClassUID=dicom.MULTIFRAME_GREY), syntax)
    found = frames_of(as_file(data), header_of(data))
    assert found == [frame.tobytes() for frame in pixels]


def test_native_of_single_bits(header_of, as_file):
    """Frames of 15 bits begin within bytes: the range covers whole bytes."""
    bits = np.random.default_rng(1).integers(0, 2, (4, 3, 5))
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    ds = dicom.dataset(np.zeros((4, 3, 5), np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed)
    data = dicom.to_bytes(ds)
    header = header_of(data)
    assert [length for _, length in header.frame_ranges] == [2, 3, 3, 3]
    found = frames_of(as_file(data), header)
    for n, (raw, frame) in enumerate(zip(found, bits, strict=True)):
        first = n * 15 % 8
        unpacked = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[first : first + 15]
        assert (unpacked == frame.ravel()).all(), n


def compressed(count):
    return [b"\xff\xd8" + bytes([n]) * (100 + 2 * n) + b"\xff\xd9" for n in range(count)]


@pytest.mark.parametrize(
    ("fragments", "offsets"),
    [(1, "basic"), (1, ""), (1, "extended"), (3, "basic"), (3, "")],
    ids=["table", "no table", "extended table", "fragments and table", "fragments alone"],
)
@pytest.mark.parametrize("count", [1, 4])
def test_encapsulated(as_file, header_of, fragments, offsets, count):
    ds = dicom.dataset(np.zeros((4, 4), np.uint8), NumberOfFrames=count)
    data = dicom.encapsulated(ds, compressed(count), dicom.JPEG_BASELINE, fragments=fragments, offsets=offsets)
    header = header_of(data)
    assert [len(ranges) // 2 for ranges in header.frame_ranges] == [fragments] * count
    assert frames_of(as_file(data), header) == compressed(count)


def test_a_table_that_lies_is_not_believed(as_file, header_of):
    ds = dicom.dataset(np.zeros((4, 4), np.uint8), NumberOfFrames=3)
    data = bytearray(dicom.encapsulated(ds, compressed(3), dicom.JPEG_BASELINE, fragments=2))
    at = dicom.pixel_offset(bytes(data)) + 12 + 8
    data[at + 4 : at + 8] = (17).to_bytes(4, "little")
    assert frames_of(as_file(bytes(data)), header_of(bytes(data))) == compressed(3)


def test_frames_that_cannot_be_told_apart(refusal_of):
    ds = dicom.dataset(np.zeros((4, 4), np.uint8), NumberOfFrames=2)
    frames = [b"\x01" * 60, b"\x02" * 60]
    error = refusal_of(dicom.encapsulated(ds, frames, dicom.RLE, fragments=3, offsets=""))
    assert (error.code, isinstance(error, InvalidError)) == ("malformed", True)


@pytest.mark.parametrize("frames", [3, 100])
def test_fewer_frames_than_promised(refusal_of, frames):
    native = dicom.dataset(np.zeros((2, 4, 4), np.uint8), NumberOfFrames=frames)
    assert refusal_of(dicom.to_bytes(native)).code == "dimensions"
    ds = dicom.dataset(np.zeros((4, 4), np.uint8), NumberOfFrames=frames)
    assert refusal_of(dicom.encapsulated(ds, compressed(2), dicom.JPEG_BASELINE)).code == "dimensions"


def test_an_object_without_pixels(header_of):
    header = header_of(dicom.to_bytes(dicom.dataset()))
    assert (header.frame_ranges, header.pixel) == ([], None)
