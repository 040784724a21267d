"""A data set as the DICOM JSON model (PS3.18 F.2), straight from its bytes: ten times quicker than by way of a parser."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.elements import (
    ITEM,
    ITEM_END,
    LONG_VRS,
    PIXEL_DATA,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    Buffer,
    vr_of,
)
from medportal.imaging.limits import DEFAULT_LIMITS, Limits
from medportal.imaging.values import DEFAULT_CHARSET, charset_of, decode

Model = dict[str, dict[str, Any]]
SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103
# Larger values are left out of the model, lookup tables excepted; the object itself has them.
_BINARY_BYTES, _OTHER_BYTES = 16 * 1024, 256 * 1024
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_TABLES = frozenset((0x00283006, *range(0x00281201, 0x00281204), *range(0x00281221, 0x00281224), 0x00281408))
_LITTLE = (struct.Struct("<HH2sH"), struct.Struct("<I"))
_BIG = (struct.Struct(">HH2sH"), struct.Struct(">I"))
# Of the file and the transfer, not of the data set.
_LEFT_OUT = frozenset((0x7FE00001, 0x7FE00002, 0xFFFCFFFC))


@dataclass(frozen=True)
class _Context:
    """What a data set hands on to the sequences within it."""

    implicit: bool
    big_endian: bool
    charset: tuple[str, ...] = DEFAULT_CHARSET
    is_signed: bool = False
    depth: int = 0


def read_model(
    data: Buffer, start: int, end: int, *, implicit: bool, big_endian: bool, limits: Limits = DEFAULT_LIMITS
) -> Model:
    """Return the data set that lies in `data[start:end]`, which a walk (`elements.Walker`) has found sound.

    Raises InvalidError `malformed` or `nesting`, or TooLargeError `elements`, for what the walk could not see, inside
    of elements of unknown VR.
    """
    reader = _Reader(data, limits)
    try:
        return reader.data_set(start, end, _Context(implicit, big_endian))[0]
    except (struct.error, IndexError) as error:
        raise InvalidError("malformed", "The header of the object cannot be read.") from error


class _Reader:
    """Reads nested data sets; positions are offsets in the data."""

    def __init__(self, data: Buffer, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._count = 0

    def data_set(self, position: int, end: int | None, context: _Context) -> tuple[Model, int]:
        """Read elements up to `end`, or to the item's delimiter for None; return them and where they end."""
        model: Model = {}
        creators: dict[int, str] = {}
        stop = len(self._data) if end is None else end
        while stop - position >= 8:
            tag, written_vr, length, value = self._element(position, context)
            if tag == ITEM_END:
                return model, value
            vr = written_vr if written_vr not in ("", "UN") else self._known_vr(tag, creators, context)
            # What came as UN is in implicit little endian (PS3.5 6.2.2 note 2).
            within = replace(context, implicit=True, big_endian=False) if written_vr == "UN" else context
            if written_vr == "UN" and vr == "SQ" and length != UNDEFINED:
                element, position = self._guessed(tag, value, length, within), value + length
            elif length == UNDEFINED or vr == "SQ":
                element, position = self._sequence(tag, value, length, within)
            else:
                element, position = self._value(tag, vr, value, length, within), value + length
            if element is not None:
                model[f"{tag:08X}"] = element
                context = self._noted(tag, value, length, element, context)
                if (tag >> 16) & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
                    creators[tag & 0xFFFF0000 | (tag & 0xFF) << 8] = str((element.get("Value") or [""])[0])
        return model, position if end is None else end

    def _guessed(self, tag: int, value: int, length: int, context: _Context) -> dict[str, Any] | None:
        """Return what came as UN and ought to be a sequence; the walk has not looked into it."""
        try:
            return self._sequence(tag, value, length, context)[0]
        except (struct.error, InvalidError) as error:
            if isinstance(error, InvalidError) and error.code == "nesting":
                raise
            return None

    def _element(self, position: int, context: _Context) -> tuple[int, str, int, int]:
        """Return (tag, VR or '' where none is written, length, offset of the value)."""
        self._count += 1
        if self._count > self._limits.elements:
            raise TooLargeError("elements", f"The object has more than {self._limits.elements} elements.")
        head, long = _BIG if context.big_endian else _LITTLE
        group, element, vr, length = head.unpack_from(self._data, position)
        tag = group << 16 | element
        if not context.implicit and group != 0xFFFE:
            if vr in SHORT_VRS:
                return tag, vr.decode(), length, position + 8
            if vr in LONG_VRS or (vr.isalpha() and vr.isupper()):
                known = vr.decode() if vr in LONG_VRS else "UN"
                return tag, known, long.unpack_from(self._data, position + 8)[0], position + 12
        return tag, "", long.unpack_from(self._data, position + 4)[0], position + 8

    def _known_vr(self, tag: int, creators: dict[int, str], context: _Context) -> str:
        creator = creators.get(tag & 0xFFFFFF00, "") if (tag >> 16) & 1 else ""
        vr = vr_of(tag, creator)
        if vr in ("US or SS", "US or SS or OW"):
            return "SS" if context.is_signed else "US"
        return "OW" if vr in ("OB or OW", "US or OW") else vr

    def _value(self, tag: int, vr: str, value: int, length: int, context: _Context) -> dict[str, Any] | None:
        """Return an element of the model; None for one that is not in it."""
        if tag in _LEFT_OUT or tag in PIXEL_DATA or not tag & 0xFFFF:
            return None
        if length > (_BINARY_BYTES if vr in _BINARY and tag not in _TABLES else _OTHER_BYTES):
            return None
        found = decode(bytes(self._data[value : value + length]), vr, context.charset, big_endian=context.big_endian)
        if found is None:
            return {"vr": vr}
        return {"vr": vr, "InlineBinary": found} if isinstance(found, str) else {"vr": vr, "Value": found}

    def _noted(self, tag: int, value: int, length: int, element: dict[str, Any], context: _Context) -> _Context:
        """Return the context as it is after an element that others are read by."""
        if tag == SPECIFIC_CHARACTER_SET:
            charset = charset_of(bytes(self._data[value : value + length]))
            # All values in the model are Unicode (PS3.18 F.2.2).
            element.update({"vr": "CS", "Value": ["ISO_IR 192"]})
            return replace(context, charset=charset)
        if tag == PIXEL_REPRESENTATION:
            return replace(context, is_signed=element.get("Value") == [1])
        return context

    def _sequence(self, tag: int, position: int, length: int, context: _Context) -> tuple[dict[str, Any] | None, int]:
        """Return a sequence as an element of the model (None for fragments of pixels), and where it ends."""
        if context.depth >= self._limits.nesting:
            raise InvalidError("nesting", f"Sequences are nested deeper than {self._limits.nesting}.")
        inner = replace(context, depth=context.depth + 1)
        end = len(self._data) if length == UNDEFINED else position + length
        items: list[Model] = []
        while end - position >= 8:
            item_tag, _, item_length, value = self._element(position, inner)
            if item_tag == SEQUENCE_END:
                end = value
                break
            if item_tag != ITEM:
                raise InvalidError("malformed", "A sequence of the object holds something that is not an item.")
            if tag in PIXEL_DATA:
                position = value + item_length
                continue
            model, position = self.data_set(value, None if item_length == UNDEFINED else value + item_length, inner)
            items.append(model)
        if tag in PIXEL_DATA:
            return None, end
        return ({"vr": "SQ", "Value": items} if items else {"vr": "SQ"}), end
