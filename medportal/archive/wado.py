"""WADO-RS (PS3.18 10.4): frames and objects in a form that the client takes."""

from __future__ import annotations

import zlib
import numpy as np

from medportal.archive import reading
from medportal.archive.accept import MediaRange, parse_accept
from medportal.archive.models import Instance
from medportal.errors import InvalidError, NotFoundError
from medportal.imaging.headers import Header
from medportal.imaging.uids import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, NATIVE, RLE

OCTETS = "application/octet-stream"
_J = "1.2.840.10008.1.2.4."
# PS3.18 table 8.7.3-5: the media type of a compressed frame.
MEDIA_TYPES = {
    RLE: "image/dicom-rle",
    **dict.fromkeys((_J + "50", _J + "51", _J + "57", _J + "70"), "image/jpeg"),
    **dict.fromkeys((_J + "80", _J + "81"), "image/jls"),
    **dict.fromkeys((_J + "90", _J + "91"), "image/jp2"),
    **dict.fromkeys((_J + "201", _J + "202", _J + "203"), "image/jphc"),
    **dict.fromkeys((_J + "110", _J + "111", _J + "112"), "image/jxl"),
}
# What browsers decode otherwise than the standard says, or not at all: these leave decoded.
ALWAYS_DECODED = frozenset({_J + "51", _J + "110", _J + "111", _J + "112"})


def frame_numbers(text: str) -> list[int]:
    """Return the numbers of a frame list such as `1,2,5`; raises InvalidError."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidError("frames", "Frames are named by numbers from 1, with commas between.") from None
    if not 0 < len(numbers) <= 2000:
        raise InvalidError("frames", "At most 2000 frames can be asked for at once.")
    return numbers


def choose(instance: Instance, accept: str) -> tuple[MediaRange, bool]:
    """Return (the media range to answer, whether frames go out as stored); raises InvalidError `not_acceptable`."""
    stored = instance.transfer_syntax_uid
    stored_type = MEDIA_TYPES.get(stored, OCTETS)
    can_go_as_stored = stored not in (EXPLICIT_BE, *ALWAYS_DECODED) and not _needs_conversion(instance)
    for wanted in parse_accept(accept):
        any_type = wanted.content in ("*/*", "", "*")
        if can_go_as_stored and _syntax_fits(wanted, stored):
            if wanted.content == stored_type or any_type or (wanted.content == OCTETS and wanted.transfer_syntax):
                return wanted, True
        if (wanted.content == OCTETS or any_type) and wanted.transfer_syntax in ("", "*", EXPLICIT_LE):
            return wanted, False
    raise InvalidError("not_acceptable", "These frames cannot be sent in any of the forms asked for.")


def _syntax_fits(wanted: MediaRange, stored: str) -> bool:
    """Say whether the stored syntax is asked for; without a word about it, native little endian is the default."""
    native = {IMPLICIT_LE, EXPLICIT_LE}
    if wanted.transfer_syntax in ("*", stored):
        return True
    if stored in NATIVE:
        return wanted.transfer_syntax in ("", EXPLICIT_LE) and stored in {*native, "1.2.840.10008.1.2.1.99"}
    return not wanted.transfer_syntax and wanted.content == MEDIA_TYPES.get(stored)


def _needs_conversion(instance: Instance) -> bool:
    """Palettes and 4:2:2 are turned into RGB here: viewers disagree about them."""
    kind = instance.photometric_interpretation
    return kind == "PALETTE COLOR" or (kind == "YBR_FULL_422" and instance.transfer_syntax_uid in NATIVE)


def frame(instance: Instance, number: int, *, as_stored: bool, header: Header | None) -> tuple[str, bytes]:
    """Return (content type, bytes) of a frame."""
    syntax = instance.transfer_syntax_uid
    if as_stored:
        content = MEDIA_TYPES.get(syntax, OCTETS)
        sent = EXPLICIT_LE if syntax in NATIVE else syntax
        return f"{content}; transfer-syntax={sent}", reading.frame_bytes(instance, number)
    header = header or reading.header_of(instance)
    if header.pixel is None:
        raise NotFoundError("no_frames", "The object has no pixel data.")
    array = reading.decode_frame(instance, number, header.pixel)
    if _needs_conversion(instance):
        array = reading.displayed(array, header)
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return f"{OCTETS}; transfer-syntax={EXPLICIT_LE}", little.tobytes()


def frames(instance: Instance, numbers: list[int], *, as_stored: bool) -> list[tuple[str, bytes]]:
    """Return the frames asked for, in order; the header is parsed once, and only when it is needed."""
    header = None if as_stored else reading.header_of(instance)
    return [frame(instance, number, as_stored=as_stored, header=header) for number in numbers]


def viewed_metadata(document: dict[str, dict[str, object]], instance: Instance) -> dict[str, dict[str, object]]:
    """Return metadata that fits the frames as this server sends them: RGB where it converts."""
    if not _needs_conversion(instance):
        return document
    colour = {
        "00280002": {"vr": "US", "Value": [3]},
        "00280004": {"vr": "CS", "Value": ["RGB"]},
        "00280006": {"vr": "US", "Value": [0]},
        "00280100": {"vr": "US", "Value": [8]},
        "00280101": {"vr": "US", "Value": [8]},
        "00280102": {"vr": "US", "Value": [7]},
        "00280103": {"vr": "US", "Value": [0]},
    }
    palette = {f"00281{table}{n}" for table in ("10", "20") for n in (1, 2, 3)}
    return {tag: element for tag, element in document.items() if tag not in palette} | colour


def gunzip(packed: bytes) -> bytes:
    """Inflate what `metadata.of_series` keeps, for the rare client that takes no gzip."""
    return zlib.decompress(packed, zlib.MAX_WBITS | 16)
