"""Finds the data set in a file: preamble, file meta group, or neither (PS3.10 7); inflates it with a limit."""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.elements import SHORT_VRS, UNDEFINED, Buffer
from medportal.imaging.limits import MIB, Limits
from medportal.imaging.uids import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, require_uid

_INFLATE_STEP = MIB
_LONG_META_VRS = (b"OB", b"UN", b"UT", b"SQ", b"OW", b"UC", b"UR")
# The first group of a data set that stands alone: 0008, or its first elements' groups in old objects.
_FIRST_GROUPS = (0x0008, 0x0010)


@contextmanager
def mapped(path: Path) -> Iterator[Buffer]:
    """Give a file's bytes without reading them all into memory."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            yield view


def find_data_set(data: Buffer, limits: Limits) -> tuple[int, str]:
    """Return (where the data set begins, Transfer Syntax UID) of a file with or without preamble and meta group.

    Raises InvalidError `not_dicom`, `truncated` or `uid`.
    """
    if data[128:132] == b"DICM" and (bare := _after_preamble(data, limits)):
        return bare
    if data[:4] in (b"\x02\x00\x00\x00", b"\x02\x00\x01\x00", b"\x02\x00\x02\x00", b"\x02\x00\x10\x00"):
        return _read_meta(data, 0, limits)
    # Before PS3.10: a bare data set.
    if len(data) >= 16 and (syntax := _bare_syntax(data, 0)):
        return 0, syntax
    raise InvalidError("not_dicom", "This is not a DICOM file.")


def _after_preamble(data: Buffer, limits: Limits) -> tuple[int, str] | None:
    if len(data) == 132:
        raise InvalidError("not_dicom", "This is not a DICOM file: nothing follows the DICM mark.")
    if data[132:134] == b"\x02\x00":
        return _read_meta(data, 132, limits)
    if len(data) >= 140 and (syntax := _bare_syntax(data, 132)):
        return 132, syntax
    # Either the letters stand in somebody's text by chance, or the file ends here.
    if _bare_syntax(data, 0):
        return None
    raise InvalidError("truncated", "The object is cut short in its file meta group.")


def _bare_syntax(data: Buffer, at: int) -> str:
    """Return the encoding in which an element of an early group stands at `at`; '' for none."""
    vr = bytes(data[at + 4 : at + 6])
    for order, explicit in (("<", EXPLICIT_LE), (">", EXPLICIT_BE)):
        group, element = struct.unpack_from(order + "HH", data, at)
        if group not in _FIRST_GROUPS or element > 0x2000:
            continue
        if vr in SHORT_VRS and struct.unpack_from(order + "H", data, at + 6)[0] < 1024:
            return explicit
        if order == "<" and struct.unpack_from("<I", data, at + 4)[0] < 1024:
            return IMPLICIT_LE
    return ""


def _read_meta(data: Buffer, start: int, limits: Limits) -> tuple[int, str]:
    """Walk the File Meta Information (PS3.10 7.1); return (its end, Transfer Syntax UID)."""
    position, syntax, element = start, "", 0
    while len(data) - position >= 8 and data[position : position + 2] == b"\x02\x00":
        element, vr = struct.unpack_from("<H", data, position + 2)[0], bytes(data[position + 4 : position + 6])
        head = 12 if vr in _LONG_META_VRS else 8
        if len(data) - position < head:
            break
        length = struct.unpack_from("<I" if head == 12 else "<H", data, position + head - (4 if head == 12 else 2))[0]
        end = position + head + length
        if length == UNDEFINED or end > len(data):
            raise InvalidError("truncated", f"The object is cut short in its file meta group, (0002,{element:04X}).")
        if element == 0x0010:
            syntax = bytes(data[position + head : end]).rstrip(b"\x00 ").decode("ascii", "replace")
        position = end
        if position - start > limits.header_bytes:
            raise TooLargeError("header_size", "The file meta group is larger than this site accepts.")
    if len(data) - position < 8:
        raise InvalidError("truncated", f"The object is cut short after (0002,{element:04X}) of its file meta group.")
    syntax = syntax or _bare_syntax(data, position)
    if not syntax:
        raise InvalidError("malformed", "The file meta group names no transfer syntax.")
    return position, require_uid(syntax, "TransferSyntaxUID")


def inflate(data: Buffer, start: int, limits: Limits) -> tuple[bytearray, bool]:
    """Return (inflated data set, whether it is whole) of a deflated object (PS3.5 A.5).

    Raises TooLargeError `inflated_size` as soon as the limit is passed, having inflated at most a step beyond it;
    InvalidError `malformed` for what is no deflate stream.
    """
    machine, out, position = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), start
    try:
        while not machine.eof:
            chunk = machine.unconsumed_tail or data[position : position + _INFLATE_STEP]
            if not machine.unconsumed_tail:
                position += len(chunk)
            if not chunk:
                return out, False
            out += machine.decompress(chunk, _INFLATE_STEP)
            if len(out) > limits.inflated_bytes:
                raise TooLargeError(
                    "inflated_size", f"The object inflates to more than {limits.inflated_bytes // MIB} MB."
                )
    except zlib.error as error:
        raise InvalidError("malformed", "The deflated data set cannot be inflated.") from error
    return out, True
