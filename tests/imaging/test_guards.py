"""Objects that are cut, bent or meant to hurt are refused with a reason, and before they cost anything."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib

import pytest

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.headers import read_header
from medportal.imaging.limits import Limits
from tests import dicom


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"This is a text about DICM and other letters." * 20,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
        bytes(131),
        bytes(128) + b"DICM",
        bytes(4096),
    ],
    ids=["empty", "one byte", "text", "png", "131 bytes", "mark alone", "zeros"],
)
def test_what_is_not_dicom(refusal_of, data):
    assert refusal_of(data).code == "not_dicom"


def test_cut_anywhere(as_file):
    """At each of 200 offsets, and between any two elements, where no length tells."""
    whole = dicom.ct_slice(dicom.noise(32, 32))
    path = as_file(whole)
    header = read_header(path)
    boundaries = [at for at in range(133, len(whole)) if whole[at : at + 4] in _tags(header.model)]
    for at in random.Random(2).sample(range(133, len(whole)), 200) + boundaries:
        path.write_bytes(whole[:at])
        with pytest.raises(InvalidError) as caught:
            read_header(path)
        assert caught.value.code == "truncated", at
        assert "(0" in caught.value.detail or "(7" in caught.value.detail or "meta" in caught.value.detail, at


def _tags(model):
    return {struct.pack("<HH", int(tag[:4], 16), int(tag[4:], 16)) for tag in model}


def test_cut_names_the_element(refusal_of):
    whole = dicom.ct_slice()
    error = refusal_of(whole[:-10])
    assert error.detail == ("The object is cut short in (7FE0,0010) PixelData: 512 bytes are declared, 502 are there.")


@pytest.mark.parametrize("syntax", [dicom.IMPLICIT_LE, dicom.EXPLICIT_BE, dicom.DEFLATED_LE])
def test_cut_in_other_encodings(refusal_of, syntax):
    whole = dicom.ct_slice(dicom.noise(32, 32), syntax=syntax)
    for at in range(160, len(whole) - 8, 101):
        assert refusal_of(whole[:at]).code == "truncated", at


def test_cut_in_the_fragments(refusal_of):
    whole = dicom.encapsulated(dicom.dataset(dicom.noise()), [b"\xff\xd8" + bytes(98)] * 2, dicom.JPEG_BASELINE)
    for at in range(len(whole) - 220, len(whole) - 2, 7):
        assert refusal_of(whole[:at]).code == "truncated", at


def test_two_megabytes_that_inflate_to_two_gigabytes(as_file):
    bomb = dicom.deflate_bomb()
    assert len(bomb) < 2.2 * 2**20
    path = as_file(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError) as caught:
            read_header(path)
        assert caught.value.code == "inflated_size"
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


def test_deflated_within_the_limit(as_file):
    path = as_file(dicom.ct_slice(dicom.noise(64, 64), syntax=dicom.DEFLATED_LE))
    assert read_header(path).pixel.rows == 64
    with pytest.raises(TooLargeError):
        read_header(path, Limits(inflated_bytes=4096))


def test_what_only_says_that_it_is_deflated(refusal_of):
    whole = dicom.ct_slice(syntax=dicom.DEFLATED_LE)
    start = dicom.data_set_offset(whole)
    assert refusal_of(whole[:start] + b"\xff" * 500).code == "malformed"
    # A deflated data set that is itself cut short.
    plain = dicom.ct_slice()
    inner = plain[dicom.data_set_offset(plain) :][:-100]
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    assert refusal_of(whole[:start] + machine.compress(inner) + machine.flush()).code == "truncated"


@pytest.mark.parametrize(("depth", "is_held"), [(99, True), (100, True), (101, False), (200, False), (100_000, False)])
def test_sequences_within_sequences(header_of, refusal_of, depth, is_held):
    if is_held:
        model, found = header_of(dicom.nested(depth)).model, 0
        while "0040A730" in model:
            model, found = model["0040A730"]["Value"][0], found + 1
        assert found == depth
    else:
        assert refusal_of(dicom.nested(depth)).code == "nesting"


def test_sequences_hidden_in_unknown_elements(refusal_of):
    """A sequence may come as UN of a defined length; it is looked into as far as any other."""
    inner = b""
    for _ in range(150):
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
        inner = struct.pack("<HHI", 0x0040, 0xA730, len(item)) + item
    hidden = dicom.element(0x0040A730, b"UN", struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner)
    assert refusal_of(dicom.with_tail(hidden)).code == "nesting"


@pytest.mark.parametrize("length", [0xFFFFFFF0, 0x80000000, 0x7FFFFFFF, 1 << 20])
def test_lengths_beyond_the_end(refusal_of, length):
    assert refusal_of(dicom.with_tail(dicom.element(0x0040A160, b"UT", b"text", length=length))).code == "truncated"


@pytest.mark.parametrize(
    "tail",
    [
        # Undefined length where no sequence can be.
        dicom.element(0x0040A160, b"UT", b"some text that is no item ", length=dicom.UNDEFINED),
        # An item longer than its sequence; an element longer than its item.
        dicom.element(0x0040A730, b"SQ", dicom.item(bytes(8), length=800) + bytes(900), length=16),
        dicom.element(
            0x0040A730, b"SQ", dicom.item(dicom.element(0x0040A160, b"UT", bytes(40)), length=20) + bytes(60), length=28
        ),
        # Delimiters where nothing is to be delimited.
        dicom.SEQUENCE_END,
        struct.pack("<HHI", 0xFFFE, 0xE00D, 0),
        dicom.element(0x0040A730, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE00D, 0), length=dicom.UNDEFINED),
    ],
    ids=[
        "undefined length",
        "item beyond sequence",
        "element beyond item",
        "sequence end",
        "item end",
        "end in sequence",
    ],
)
def test_what_does_not_fit_together(refusal_of, tail):
    error = refusal_of(dicom.with_tail(tail))
    assert error.code in {"malformed", "truncated"}
    assert "(" in error.detail


def test_more_elements_than_anybody_needs(as_file):
    many = b"".join(dicom.element(0x00110000 + n, b"LO", b"xx") for n in range(0x1000, 0x1100))
    path = as_file(dicom.to_bytes(dicom.dataset()) + many)
    with pytest.raises(TooLargeError) as caught:
        read_header(path, Limits(elements=200))
    assert caught.value.code == "elements"
    sequence = dicom.element(0x0040A730, b"SQ", dicom.item() * 40 + dicom.SEQUENCE_END, length=dicom.UNDEFINED)
    with pytest.raises(TooLargeError) as caught:
        read_header(as_file(dicom.with_tail(sequence)), Limits(items=39))
    assert caught.value.code == "items"


def test_a_text_of_megabytes(as_file):
    path = as_file(dicom.with_tail(dicom.element(0x0040A160, b"UT", b"x" * 2**20)))
    with pytest.raises(TooLargeError) as caught:
        read_header(path, Limits(header_bytes=2**19))
    assert caught.value.code == "header_size"
    assert "0040A160" not in read_header(path).model


@pytest.mark.parametrize(
    "values",
    [
        {"Rows": 65535, "Columns": 65535, "NumberOfFrames": 1000},
        {"Rows": 0},
        {"Rows": None},
        {"SamplesPerPixel": 65535},
        {"BitsAllocated": 0},
        {"BitsAllocated": 7},
        {"BitsAllocated": 64},
        {"NumberOfFrames": 2**31 - 1},
        {"NumberOfFrames": -1},
    ],
    ids=str,
)
def test_dimensions_that_make_no_sense(refusal_of, values):
    assert refusal_of(dicom.ct_slice(**values)).code == "dimensions"


def test_a_frame_too_large_to_decode(refusal_of):
    ds = dicom.dataset(dicom.noise(2, 2), Rows=30_000, Columns=30_000)
    assert refusal_of(dicom.encapsulated(ds, [bytes(1000)], dicom.RLE)).code == "pixel_limit"


def test_pixels_not_encoded_as_the_syntax_says(refusal_of):
    compressed = dicom.encapsulated(dicom.dataset(dicom.noise()), [bytes(512)], dicom.RLE)
    assert refusal_of(compressed.replace(dicom.RLE.encode(), dicom.EXPLICIT_LE.encode())).code == "malformed"
    native = dicom.ct_slice()
    assert refusal_of(native.replace(dicom.EXPLICIT_LE.encode(), dicom.RLE.encode())).code == "malformed"


@pytest.mark.parametrize("uid", ["../../etc", "1.2.x", "1.2." + "3" * 70, "1..2"])
def test_transfer_syntaxes_are_uids(refusal_of, uid):
    whole = dicom.ct_slice()
    name = dicom.element(0x00020010, b"UI", dicom.EXPLICIT_LE.encode() + b"\0")
    other = dicom.element(0x00020010, b"UI", uid.encode() + b"\0" * (len(uid) % 2))
    assert refusal_of(whole.replace(name, other)).code == "uid"


def test_files_without_preamble_or_meta_group(header_of):
    whole = dicom.ct_slice()
    for data in (whole[128 + 4 :], whole[dicom.data_set_offset(whole) :]):
        header = header_of(data)
        assert (header.transfer_syntax_uid, header.pixel.rows) == (dicom.EXPLICIT_LE, 16)
    for syntax in (dicom.IMPLICIT_LE, dicom.EXPLICIT_BE):
        whole = dicom.ct_slice(syntax=syntax)
        assert header_of(whole[dicom.data_set_offset(whole) :]).transfer_syntax_uid == syntax


def test_trailing_zeros_are_padding(header_of):
    assert header_of(dicom.ct_slice() + bytes(1000)).pixel.rows == 16
