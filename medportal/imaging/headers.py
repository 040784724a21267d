"""Reads the header of an object that may be hostile: guarded walk first, pydicom on the header alone after."""

from __future__ import annotations

import mmap
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.elements import UNDEFINED, Buffer, PixelElement, Walker, frame_ranges
from medportal.imaging.frames import PixelDescription
from medportal.imaging.limits import DEFAULT_LIMITS, Limits
from medportal.imaging.uids import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, require_uid

INFLATE_STEP = 1024 * 1024


@dataclass(frozen=True)
class Header:
    """An object's data set without its pixel data, and where its frames lie."""

    dataset: Dataset
    transfer_syntax_uid: str
    # Per frame [offset, length, offset, length, …] in the file (in the inflated data set for a deflated one).
    frame_ranges: list[list[int]]
    # None for an object without pixel data.
    pixel: PixelDescription | None

    def text(self, keyword: str, limit: int = 64) -> str:
        """Return an attribute as text, '' where it is absent or cannot be read, cut to `limit` characters."""
        try:
            value = self.dataset.get(keyword)
            text = "" if value is None else "\\".join(map(str, value)) if _is_multi(value) else str(value)
        except Exception:  # noqa: BLE001 - pydicom converts values on access, and hostile ones raise anything
            return ""
        return text.replace("\x00", "").strip()[:limit]

    def number(self, keyword: str) -> float | None:
        """Return an attribute as a number, None where it is absent or is none."""
        try:
            value = self.dataset.get(keyword)
            return None if value is None or _is_multi(value) else float(value)
        except Exception:  # noqa: BLE001 - see text()
            return None

    def numbers(self, keyword: str, count: int) -> list[float] | None:
        """Return a multi-valued attribute of exactly `count` numbers, else None."""
        try:
            value = self.dataset.get(keyword)
            found = [float(part) for part in value] if _is_multi(value) else []
        except Exception:  # noqa: BLE001 - see text()
            return None
        return found if len(found) == count else None

    def uid(self, keyword: str) -> str:
        """Return a required UID; raises InvalidError `uid`."""
        return require_uid(self.text(keyword, 128), keyword)


def _is_multi(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes) and type(value).__name__ != "PersonName"


@contextmanager
def mapped(path: Path) -> Iterator[Buffer]:
    """Give a file's bytes without reading them all into memory."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            yield view


def read_header(path: Path, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read the header of a DICOM file (PS3.10 7).

    Raises InvalidError with code `not_dicom`, `truncated` (naming the element), `malformed`, `nesting`, `dimensions`
    or `uid`; TooLargeError with code `inflated_size`, `header_size`, `elements` or `pixel_limit`.
    """
    with mapped(path) as data, warnings.catch_warnings():
        # Values that break rules of their VR are the sender's; what matters is checked below.
        warnings.simplefilter("ignore")
        start, syntax = _find_data_set(data, limits)
        body, body_start = inflated(data, start, syntax, limits)
        implicit, big = syntax == IMPLICIT_LE, syntax == EXPLICIT_BE
        walk = Walker(body, body_start, implicit=implicit, big_endian=big, limits=limits).walk()
        dataset = _parse(bytes(body[body_start : walk.header_end]), implicit=implicit, big=big)
        return _describe(dataset, syntax, body, walk.pixel, limits)


def data_set_start(data: Buffer) -> int:
    """Return where the data set of a file begins that has been read before."""
    return _find_data_set(data, DEFAULT_LIMITS)[0]


def _find_data_set(data: Buffer, limits: Limits) -> tuple[int, str]:
    """Return (where the data set begins, transfer syntax) of a file with or without preamble and meta group."""
    if len(data) >= 132 and data[128:132] == b"DICM":
        return _read_meta(data, 132, limits)
    if len(data) >= 16 and data[:4] == b"\x02\x00\x00\x00":
        return _read_meta(data, 0, limits)
    # Before PS3.10: a bare data set. It begins with a group 0008 element, in implicit or explicit encoding.
    if len(data) >= 132 and data[:2] == b"\x08\x00" and data[2:4] < b"\x20\x00":
        if data[4:6].isalpha() and data[4:6].isupper():
            return 0, EXPLICIT_LE
        if struct.unpack_from("<I", data, 4)[0] < 1024:
            return 0, IMPLICIT_LE
    raise InvalidError("not_dicom", "This is not a DICOM file.")


def _read_meta(data: Buffer, start: int, limits: Limits) -> tuple[int, str]:
    """Walk the File Meta Information (PS3.10 7.1); return (its end, Transfer Syntax UID)."""
    position, syntax = start, ""
    while len(data) - position >= 8 and data[position : position + 2] == b"\x02\x00":
        element, vr = struct.unpack_from("<H", data, position + 2)[0], bytes(data[position + 4 : position + 6])
        is_long = vr in (b"OB", b"UN", b"UT", b"SQ", b"OW")
        head = 12 if is_long else 8
        if len(data) - position < head:
            break
        length = struct.unpack_from("<I" if is_long else "<H", data, position + (8 if is_long else 6))[0]
        end = position + head + length
        if length == UNDEFINED or end > len(data):
            raise InvalidError("truncated", f"The object is cut short in its file meta group, (0002,{element:04X}).")
        if element == 0x0010:
            syntax = bytes(data[position + head : end]).rstrip(b"\x00 ").decode("ascii", "replace")
        position = end
        if position - start > limits.header_bytes:
            raise TooLargeError("header_size", "The file meta group is larger than this site accepts.")
    if position >= len(data) - 7:
        if position == start:
            raise InvalidError("not_dicom", "This is not a DICOM file: nothing follows the DICM mark.")
        raise InvalidError("truncated", "The object is cut short: nothing follows its file meta group.")
    if not syntax:
        raise InvalidError("malformed", "The file meta group names no transfer syntax.")
    return position, require_uid(syntax, "TransferSyntaxUID")


def inflated(data: Buffer, start: int, syntax: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Buffer, int]:
    """Return (data, start) as they are, or for a deflated object (its inflated data set, 0).

    Raises TooLargeError `inflated_size` as soon as the limit is passed, never having inflated more than a step beyond.
    """
    if syntax != DEFLATED_LE:
        return data, start
    machine, out, position = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), start
    try:
        while not machine.eof:
            chunk = machine.unconsumed_tail or data[position : position + INFLATE_STEP]
            if not machine.unconsumed_tail:
                position += len(chunk)
            if not chunk:
                raise InvalidError("truncated", "The deflated data set is cut short.")
            out += machine.decompress(chunk, INFLATE_STEP)
            if len(out) > limits.inflated_bytes:
                megabytes = limits.inflated_bytes // 2**20
                raise TooLargeError("inflated_size", f"The object inflates to more than {megabytes} MB.")
    except zlib.error as error:
        raise InvalidError("malformed", "The deflated data set cannot be inflated.") from error
    return bytes(out), 0


def _parse(header: bytes, *, implicit: bool, big: bool) -> Dataset:
    try:
        return read_dataset(BytesIO(header), implicit, not big)
    except Exception as error:
        raise InvalidError("malformed", "The header of the object cannot be read.") from error


def _describe(dataset: Dataset, syntax: str, body: Buffer, pixel: PixelElement | None, limits: Limits) -> Header:
    """Check that the pixel description makes sense and that the frames it promises are there."""
    bare = Header(dataset, syntax, [], None)
    if pixel is None or not (pixel.length or pixel.fragments):
        return bare
    description = _pixel_description(bare, syntax, pixel, limits)
    extended = _extended_offsets(dataset)
    if description.bits_allocated == 1 and description.rows * description.columns % 8:
        # Frames that begin within a byte have no byte range; the object is kept, and shown by nobody yet.
        return Header(dataset, syntax, [], description)
    ranges = frame_ranges(body, pixel, description.number_of_frames, description.frame_bytes, extended)
    return Header(dataset, syntax, ranges, description)


def _pixel_description(header: Header, syntax: str, pixel: PixelElement, limits: Limits) -> PixelDescription:
    def integer(keyword: str, default: int | None = None) -> int:
        value = header.number(keyword)
        if value is None and default is not None:
            return default
        if value is None or value != int(value) or value < 0:
            raise InvalidError("dimensions", f"{keyword} is missing or makes no sense.")
        return int(value)

    rows, columns = integer("Rows"), integer("Columns")
    frames, samples = integer("NumberOfFrames", 1) or 1, integer("SamplesPerPixel", 1)
    bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(pixel.tag) or integer("BitsAllocated")
    if not (0 < rows <= limits.side and 0 < columns <= limits.side):
        raise InvalidError("dimensions", f"Rows × Columns is {rows} × {columns}.")
    if samples not in (1, 3, 4) or bits not in (1, 8, 16, 32, 64):
        raise InvalidError("dimensions", f"SamplesPerPixel is {samples} and BitsAllocated {bits}.")
    if frames > limits.frames or rows * columns > limits.frame_pixels:
        raise InvalidError("dimensions", f"{frames} frames of {rows} × {columns} pixels are beyond this site's limits.")
    return PixelDescription(
        transfer_syntax_uid=syntax,
        rows=rows,
        columns=columns,
        number_of_frames=frames,
        samples_per_pixel=samples,
        photometric_interpretation=header.text("PhotometricInterpretation", 16),
        planar_configuration=int(header.number("PlanarConfiguration") or 0),
        bits_allocated=bits,
        bits_stored=integer("BitsStored", bits),
        is_signed=bool(header.number("PixelRepresentation")),
        is_float=pixel.tag != 0x7FE00010,
    )


def _extended_offsets(dataset: Dataset) -> tuple[int, ...]:
    """Return the Extended Offset Table (PS3.3 C.7.6.3.1.8), or ()."""
    element = dataset.get_item(0x7FE00001) if 0x7FE00001 in dataset else None
    value = getattr(element, "value", None)
    if not isinstance(value, bytes) or len(value) % 8:
        return ()
    return struct.unpack(f"<{len(value) // 8}Q", value)
