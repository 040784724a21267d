"""Frames come out of the decoder child as they went in, whichever codec they went through."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pydicom.data
import pytest

from medportal.errors import InvalidError, UnavailableError
from medportal.imaging.decoder import Decoder
from medportal.imaging.frames import PixelDescription, decode_native
from medportal.imaging.headers import read_header
from medportal.imaging.stacks import decode_source, sources_of
from tests import dicom

FILES = Path(pydicom.data.__file__).parent / "test_files"
GREY = dicom.noise(24, 40, seed=1)
COLOUR = dicom.noise(24, 40, seed=2, high=256, samples=3)
LOSSLESS = {
    dicom.JPEG_LOSSLESS: imagecodecs.ljpeg_encode,
    dicom.JPEG_LS: imagecodecs.jpegls_encode,
    dicom.JPEG_2000_LOSSLESS: lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k"),
    dicom.HTJ2K_LOSSLESS: imagecodecs.htj2k_encode,
}


def decoded(path, decoder, number=1):
    return decode_source(sources_of(path, read_header(path))[number - 1], decoder)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_grey(as_file, decoder, syntax):
    ds = dicom.dataset(GREY, BitsStored=12, HighBit=11)
    path = as_file(dicom.encapsulated(ds, [LOSSLESS[syntax](GREY)], syntax))
    np.testing.assert_array_equal(decoded(path, decoder), GREY)


@pytest.mark.parametrize("syntax", [dicom.JPEG_LS, dicom.JPEG_2000_LOSSLESS])
def test_lossless_signed(as_file, decoder, syntax):
    """Codecs see bits; the header says which of them is the sign."""
    pixels = GREY.astype(np.int16) - 2048
    ds = dicom.dataset(pixels, BitsStored=12, HighBit=11)
    as_bits = (pixels & 0xFFF).astype(np.uint16)
    path = as_file(dicom.encapsulated(ds, [LOSSLESS[syntax](as_bits)], syntax))
    frame = decoded(path, decoder)
    assert frame.dtype == np.int16
    np.testing.assert_array_equal(frame, pixels)


@pytest.mark.parametrize(
    ("syntax", "encode", "photometric"),
    [
        (dicom.JPEG_LS, imagecodecs.jpegls_encode, "RGB"),
        (dicom.JPEG_2000_LOSSLESS, lambda p: imagecodecs.jpeg2k_encode(p, codecformat="j2k", mct=False), "RGB"),
        (dicom.JPEG_2000_LOSSLESS, lambda p: imagecodecs.jpeg2k_encode(p, codecformat="j2k", mct=True), "YBR_RCT"),
    ],
    ids=["JPEG-LS", "JPEG 2000", "JPEG 2000 with transform"],
)
def test_lossless_colour(as_file, decoder, syntax, encode, photometric):
    ds = dicom.dataset(COLOUR, PhotometricInterpretation=photometric)
    path = as_file(dicom.encapsulated(ds, [encode(COLOUR)], syntax))
    np.testing.assert_array_equal(decoded(path, decoder), COLOUR)


def test_jpeg_xl(decoder):
    """No writer of ours knows its UID yet."""
    pixel = PixelDescription("1.2.840.10008.1.2.4.110", 24, 40, 1, 3, "RGB", 0, 8, 8, is_signed=False)
    np.testing.assert_array_equal(decoder.decode(imagecodecs.jpegxl_encode(COLOUR, lossless=True), pixel), COLOUR)


@pytest.mark.parametrize("pixels", [GREY, COLOUR, GREY.astype(np.int16) - 2048], ids=["grey", "colour", "signed"])
def test_run_lengths(as_file, decoder, pixels):
    ds = dicom.dataset(pixels)
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = dicom.EXPLICIT_LE
    ds.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    path = as_file(dicom.to_bytes(ds, dicom.RLE))
    np.testing.assert_array_equal(decoded(path, decoder), pixels)


@pytest.mark.parametrize(("photometric", "space"), [("YBR_FULL_422", "ycbcr"), ("RGB", "rgb")])
def test_baseline_colour(as_file, decoder, photometric, space):
    """Photometric Interpretation says what the stream's three channels are, not the stream."""
    smooth = np.zeros((32, 32, 3), np.uint8)
    smooth[..., 0], smooth[..., 1], smooth[..., 2] = 200, 100, 30
    stream = imagecodecs.jpeg8_encode(smooth, level=95, colorspace="rgb", outcolorspace=space)
    path = as_file(
        dicom.encapsulated(dicom.dataset(smooth, PhotometricInterpretation=photometric), [stream], dicom.JPEG_BASELINE)
    )
    assert np.abs(decoded(path, decoder).astype(int) - smooth).max() <= 3


def test_extended_of_twelve_bits(as_file, decoder):
    ramp = np.tile(np.arange(0, 4096, 64, dtype=np.uint16), (64, 1))
    stream = imagecodecs.jpeg_encode(ramp, level=98, bitspersample=12)
    ds = dicom.dataset(ramp, BitsStored=12, HighBit=11)
    frame = decoded(as_file(dicom.encapsulated(ds, [stream], dicom.JPEG_EXTENDED)), decoder)
    assert frame.max() > 3900
    assert np.abs(frame.astype(int) - ramp).max() < 64


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_implicit.dcm", "MR_small.dcm"),
        ("rtdose_rle_1frame.dcm", "rtdose_1frame.dcm"),
        ("rtdose_expb_1frame.dcm", "rtdose_1frame.dcm"),
        ("SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_16bit_2frame.dcm"),
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
        ("liver_1frame.dcm", "liver_1frame.dcm"),
    ],
)
def test_agrees_with_pydicom(decoder, name, original):
    expected = pydicom.dcmread(FILES / original).pixel_array
    expected = expected if expected.ndim == 2 or (expected.shape[-1] == 3 and expected.ndim == 3) else expected[0]
    np.testing.assert_array_equal(decoded(FILES / name, decoder), expected)


@pytest.mark.skipif(not shutil.which("dcmcjpeg"), reason="no dcmtk on this machine")
@pytest.mark.parametrize("program", [["dcmcjpeg", "+e1"], ["dcmcjpeg", "+el"], ["dcmcjpls"], ["dcmcrle"]], ids=" ".join)
def test_what_dcmtk_compresses(as_file, tmp_path, decoder, program):
    path, out = as_file(dicom.ct_slice(GREY, BitsStored=12, HighBit=11)), tmp_path / "compressed.dcm"
    subprocess.run([*program, path, out], check=True, capture_output=True)
    assert read_header(out).transfer_syntax_uid not in {dicom.EXPLICIT_LE, dicom.IMPLICIT_LE}
    np.testing.assert_array_equal(decoded(out, decoder), GREY)


def test_native_ybr_of_pairs():
    path = FILES / "SC_ybr_full_422_uncompressed.dcm"
    source = sources_of(path, read_header(path))[0]
    frame = decode_native(source.read(), source.pixel)
    expected = pydicom.pixels.pixel_array(path, raw=True)
    np.testing.assert_array_equal(frame, expected)


def test_bits_above_those_stored_are_dropped(as_file, decoder):
    pixels = GREY | np.uint16(0xA000)
    ds = dicom.dataset(pixels, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(decoded(as_file(dicom.to_bytes(ds)), decoder), GREY)


@pytest.mark.parametrize(
    ("stream", "values"),
    [
        (b"\xff\xd8 this is no JPEG" * 10, {}),
        (LOSSLESS[dicom.JPEG_LS](GREY)[:100], {}),
        (LOSSLESS[dicom.JPEG_LS](GREY), {"Rows": 23}),
    ],
    ids=["nonsense", "cut", "another size"],
)
def test_streams_that_are_refused(as_file, decoder, stream, values):
    path = as_file(dicom.encapsulated(dicom.dataset(GREY, **values), [stream], dicom.JPEG_LS))
    with pytest.raises(InvalidError) as caught:
        decoded(path, decoder)
    assert caught.value.code == "decoding"
    # The child is none the worse for it.
    assert (
        decoded(
            as_file(dicom.encapsulated(dicom.dataset(GREY), [LOSSLESS[dicom.JPEG_LS](GREY)], dicom.JPEG_LS)), decoder
        ).shape
        == GREY.shape
    )


def test_a_killed_child_is_replaced(as_file):
    decoder = Decoder(children=1)
    path = as_file(dicom.encapsulated(dicom.dataset(GREY), [LOSSLESS[dicom.JPEG_LS](GREY)], dicom.JPEG_LS))
    try:
        decoded(path, decoder)
        decoder._idle[0]._process.kill()
        decoder._idle[0]._process.wait()
        np.testing.assert_array_equal(decoded(path, decoder), GREY)
    finally:
        decoder.close()


def test_a_child_that_hangs_is_given_up(as_file):
    decoder = Decoder(children=1, timeout_s=0.5)
    path = as_file(dicom.encapsulated(dicom.dataset(GREY), [LOSSLESS[dicom.JPEG_LS](GREY)], dicom.JPEG_LS))
    child = decoder._take()
    decoder._give_back(child)
    os.kill(child._process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(UnavailableError) as caught:
            decoded(path, decoder)
        assert caught.value.code == "decoder_lost"
        assert child._process.poll() is not None
    finally:
        decoder.close()


def test_serves_threads_beside_each_other(as_file):
    decoder, found = Decoder(children=2), []
    paths = [
        as_file(dicom.encapsulated(dicom.dataset(p), [LOSSLESS[dicom.JPEG_LS](p)], dicom.JPEG_LS))
        for p in (dicom.noise(seed=n) for n in range(6))
    ]

    def work(n):
        found.append(np.array_equal(decoded(paths[n], decoder), dicom.noise(seed=n)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    decoder.close()
    assert found == [True] * 6
