"""From an element's bytes to values of the DICOM JSON model (PS3.18 F.2), for each value representation (PS3.5 6.2)."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pydicom.charset import decode_bytes, python_encoding

DEFAULT_CHARSET = ("latin-1",)
# Text that may hold backslashes: it has one value (PS3.5 6.2).
_SINGLE_TEXT = frozenset(("LT", "ST", "UT"))
_CHARSET_TEXT = frozenset(("LO", "SH", "UC", "PN", "LT", "ST", "UT"))
_NUMBERS = {
    "US": ("H", 2), "SS": ("h", 2), "UL": ("I", 4), "SL": ("i", 4), "UV": ("Q", 8), "SV": ("q", 8),
    "FL": ("f", 4), "FD": ("d", 8), "AT": ("HH", 4),
}  # fmt: skip
# Words of binary data, which JSON holds in little endian (PS3.18 F.2.7).
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_DELIMITERS = {0x0A, 0x0C, 0x0D, 0x09}
_PN_DELIMITERS = _DELIMITERS | {0x5E, 0x3D}
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


@lru_cache(maxsize=256)
def charset_of(terms: bytes) -> tuple[str, ...]:
    """Return the codecs that a Specific Character Set (PS3.3 C.12.1.1.2) names; unknown terms read as Latin-1."""
    names = [term.strip().upper().replace("_", " ") for term in terms.decode("ascii", "replace").split("\\")]
    known = {key.upper().replace("_", " "): codec for key, codec in python_encoding.items()}
    found = tuple(known.get(name.rstrip("\x00 "), "latin-1") for name in names)
    return found or DEFAULT_CHARSET


def decode(raw: bytes, vr: str, charset: tuple[str, ...], *, big_endian: bool = False) -> list[Any] | str | None:
    """Return the list of an element's values, base64 text for binary data, or None for an empty element.

    Never raises for what an element holds: a value that breaks the rules of its VR comes as text or not at all.
    """
    if not raw:
        return None
    if (numbers := _NUMBERS.get(vr)) is not None:
        return _numbers(raw, vr, *numbers, big_endian=big_endian)
    if (convert := _TEXT.get(vr)) is not None:
        return convert(_text(raw, vr, charset))
    return _binary(raw, vr, big_endian=big_endian)


def _numbers(raw: bytes, vr: str, code: str, size: int, *, big_endian: bool) -> list[Any] | None:
    count = len(raw) // size
    found = struct.unpack(f"{'>' if big_endian else '<'}{code * count}", raw[: count * size])
    if vr == "AT":
        return [f"{g:04X}{e:04X}" for g, e in zip(found[::2], found[1::2], strict=True)] or None
    if vr in ("FL", "FD"):
        return [_finite(value) for value in found] or None
    return list(found) or None


def _finite(value: float) -> float | str:
    """JSON has no words for what is not a number (PS3.18 F.2.3): those go as text."""
    return value if math.isfinite(value) else str(value)


def _binary(raw: bytes, vr: str, *, big_endian: bool) -> str:
    if big_endian and (size := _WORD_BYTES.get(vr)) and len(raw) % size == 0:
        # Each word turned round: reverse all bytes, then the order of the words.
        words = [raw[at : at + size][::-1] for at in range(0, len(raw), size)]
        raw = b"".join(words)
    return base64.b64encode(raw).decode("ascii")


def _text(raw: bytes, vr: str, charset: tuple[str, ...]) -> str:
    if vr not in _CHARSET_TEXT or (raw.isascii() and 0x1B not in raw):
        return raw.decode("ascii" if raw.isascii() else "latin-1")
    if len(charset) == 1 and 0x1B not in raw:
        return raw.decode(charset[0], "replace")
    # ISO 2022: each value and each part of a name begins anew in the first character set (PS3.5 6.1.2.5.3).
    delimiters = _PN_DELIMITERS if vr == "PN" else _DELIMITERS
    try:
        return "\\".join(decode_bytes(part, list(charset), delimiters) for part in raw.split(b"\\"))
    except (LookupError, ValueError):
        return raw.decode("latin-1")


def _strings(text: str) -> list[Any] | None:
    values: list[Any] = [part.strip("\x00 ") or None for part in text.split("\\")]
    return values if any(value is not None for value in values) else None


def _single(text: str) -> list[Any] | None:
    text = text.rstrip("\x00 ")
    return [text] if text else None


def _names(text: str) -> list[Any] | None:
    values: list[Any] = []
    for name in text.rstrip("\x00 ").split("\\"):
        groups = (part.rstrip("\x00 ") for part in name.split("="))
        values.append({key: part for key, part in zip(_PN_GROUPS, groups, strict=False) if part} or None)
    return values if any(values) else None


def _decimals(text: str) -> list[Any] | None:
    return _converted(text, lambda part: _finite(float(part)))


def _integers(text: str) -> list[Any] | None:
    return _converted(text, _integer)


def _integer(part: str) -> int | str:
    # Twelve characters at most (PS3.5 6.2); "7.0" is wrong but common.
    return int(part) if len(part) <= 20 and part.lstrip("+-").isdigit() else int(float(part))


def _converted(text: str, convert: Callable[[str], Any]) -> list[Any] | None:
    values: list[Any] = []
    for part in text.split("\\"):
        word = part.strip("\x00 ")
        try:
            values.append(convert(word) if word else None)
        except (ValueError, OverflowError):
            values.append(word)
    return values if any(value is not None for value in values) else None


_TEXT: dict[str, Callable[[str], list[Any] | None]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI", "LO", "SH", "UC"), _strings),
    **dict.fromkeys(("LT", "ST", "UT", "UR"), _single),
    "PN": _names,
    "DS": _decimals,
    "IS": _integers,
}
