"""DICOM objects for tests: whole ones of many kinds, and ones that are wrong in exactly one way."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any
from uuid import uuid4

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTIFRAME_GREY = "1.2.840.10008.5.1.4.1.1.7.3"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
UNDEFINED = 0xFFFFFFFF


def new_uid() -> str:
    return f"2.25.{uuid4().int}"


def noise(rows: int = 16, columns: int = 16, *, seed: int = 0, high: int = 4096, samples: int = 1) -> np.ndarray:
    """Pixels that no codec can guess."""
    shape = (rows, columns) if samples == 1 else (rows, columns, samples)
    return np.random.default_rng(seed).integers(0, high, shape).astype(np.uint8 if high <= 256 else np.uint16)


def dataset(pixels: np.ndarray | None = None, **values: Any) -> Dataset:
    """A data set without pixels unless they are given: (rows, columns), (rows, columns, 3) or, by `NumberOfFrames`, more."""
    ds = Dataset()
    ds.SOPClassUID = CT_IMAGE if pixels is not None else BASIC_TEXT_SR
    ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID = new_uid(), new_uid(), new_uid()
    ds.PatientID, ds.PatientName, ds.PatientSex = "P-1", "Test^Patient", "O"
    ds.PatientBirthDate, ds.AccessionNumber, ds.StudyID = "19700101", "A-1", "S-1"
    ds.StudyDate, ds.StudyTime, ds.StudyDescription = "20260102", "030405", "A study"
    ds.ReferringPhysicianName = "Referring^Physician"
    ds.Modality, ds.SeriesNumber, ds.SeriesDescription = ("CT" if pixels is not None else "SR"), 1, "A series"
    ds.InstanceNumber = 1
    if pixels is not None:
        _describe(ds, pixels)
    return changed(ds, **values)


def changed(ds: Dataset, **values: Any) -> Dataset:
    """The data set with other values; None takes an attribute away."""
    for keyword, value in values.items():
        if value is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, value)
    return ds


def _describe(ds: Dataset, pixels: np.ndarray) -> None:
    is_colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    frames = pixels.shape[:-3] if is_colour else pixels.shape[:-2]
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if is_colour else pixels.shape[-2:]
    if frames:
        ds.NumberOfFrames = frames[0]
    ds.SamplesPerPixel = 3 if is_colour else 1
    ds.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"


def ct_dataset(pixels: np.ndarray | None = None, *, slice_mm: float = 0.0, **values: Any) -> Dataset:
    """A CT slice in HU + 1024, at its place."""
    pixels = noise() if pixels is None else pixels
    ds = dataset(pixels)
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [-10.0, -20.0, slice_mm], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.5, 0.75], 2.0
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.FrameOfReferenceUID = new_uid()
    return changed(ds, **values)


def to_bytes(ds: Dataset, syntax: str = EXPLICIT_LE, *, preamble: bytes = b"\0" * 128) -> bytes:
    """The data set as a file (PS3.10), written by pydicom."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", CT_IMAGE)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", new_uid())
    ds.file_meta.ImplementationClassUID = UID("2.25.1")
    if syntax == EXPLICIT_BE and "PixelData" in ds and ds["PixelData"].VR == "OW":
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
        ds["PixelData"].VR = "OW"
    ds.preamble = preamble
    out = BytesIO()
    dcmwrite(out, ds, implicit_vr=syntax == IMPLICIT_LE, little_endian=syntax != EXPLICIT_BE, enforce_file_format=True)
    return out.getvalue()


def ct_slice(pixels: np.ndarray | None = None, *, syntax: str = EXPLICIT_LE, **values: Any) -> bytes:
    return to_bytes(ct_dataset(pixels, **values), syntax)


def ct_series(count: int, *, rows: int = 16, spacing_mm: float = 2.5, **values: Any) -> list[bytes]:
    """A series whose slices arrive in another order than they lie in the body."""
    study, series, frame = new_uid(), new_uid(), new_uid()
    common = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "FrameOfReferenceUID": frame, **values}
    slices = [
        ct_slice(noise(rows, rows, seed=n), slice_mm=n * spacing_mm, InstanceNumber=n + 1, **common)
        for n in range(count)
    ]
    return slices[1::2] + slices[::2]


def encapsulated(
    ds: Dataset,
    frames: list[bytes],
    syntax: str,
    *,
    fragments: int = 1,
    offsets: str = "basic",
) -> bytes:
    """The data set with compressed frames for its pixels; `offsets` is `basic`, `extended` or `` (none)."""
    if offsets == "extended":
        data, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    else:
        data = encapsulate(frames, fragments_per_frame=fragments, has_bot=offsets == "basic")
    ds.PixelData = data
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return to_bytes(ds, syntax)


# Encoding by hand: what no writer would write.


def element(tag: int, vr: bytes, value: bytes = b"", *, length: int | None = None) -> bytes:
    """An element in explicit little endian; `length` is what it claims, whatever it holds."""
    claimed = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"OD", b"OF"):
        return head + vr + b"\0\0" + struct.pack("<I", claimed) + value
    return head + vr + struct.pack("<H", claimed & 0xFFFF) + value


def item(content: bytes = b"", *, length: int | None = None) -> bytes:
    """An item; without a length it ends at its delimiter."""
    if length is None:
        return struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + content + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack("<HHI", 0xFFFE, 0xE000, length) + content


SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def with_tail(tail: bytes, **values: Any) -> bytes:
    """An object without pixels that is whole up to `tail`."""
    return to_bytes(dataset(**values)) + tail


def nested(depth: int, **values: Any) -> bytes:
    """An object whose ContentSequence holds a ContentSequence, and so on, `depth` of them."""
    begin = element(0x0040A730, b"SQ", length=UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + SEQUENCE_END
    return with_tail(begin * depth + end * depth, **values)


def deflate_bomb(gigabytes: int = 2) -> bytes:
    """An object of 2 MB that inflates to gigabytes of pixels, as many as its header says."""
    ds = dataset(noise(4, 4), Rows=32768, Columns=32768, NumberOfFrames=gigabytes // 2)
    meta = to_bytes(ds, DEFLATED_LE)[: data_set_offset(to_bytes(ds, DEFLATED_LE))]
    plain = to_bytes(ds)
    header = plain[data_set_offset(plain) : pixel_offset(plain)]
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = machine.compress(header + element(0x7FE00010, b"OW", length=gigabytes * 2**30))
    head += machine.flush(zlib.Z_FULL_FLUSH)
    # After a full flush a block stands for itself: it can be said again and again.
    block = machine.compress(bytes(16 * 2**20)) + machine.flush(zlib.Z_FULL_FLUSH)
    return meta + head + block * (gigabytes * 64) + machine.flush()


def data_set_offset(data: bytes) -> int:
    """Where the data set begins, by the group length of the file's meta group."""
    return 144 + int(struct.unpack_from("<I", data, 140)[0])


def pixel_offset(data: bytes) -> int:
    """Where the pixel data's element begins in a file in explicit little endian."""
    return data.rindex(b"\xe0\x7f\x10\x00O")


def items(**values: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds
