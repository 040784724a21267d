"""Walks the elements of a data set (PS3.5 7) without believing any length, before a parser may touch them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache
from mmap import mmap

from pydicom.datadict import dictionary_keyword, dictionary_VR, private_dictionary_VR

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.limits import Limits

Buffer = bytes | bytearray | mmap
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = (0x7FE00010, 0x7FE00008, 0x7FE00009)
PER_FRAME_GROUPS = 0x52009230
EXTENDED_OFFSET_TABLE = 0x7FE00001
# VRs with a 32-bit length in the explicit encodings (PS3.5 7.1.2).
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


@dataclass
class PixelElement:
    """Where the pixel data lies: one run of bytes, or fragments of an encapsulated stream, as (offset, length)."""

    tag: int
    vr: bytes
    offset: int
    length: int
    is_encapsulated: bool = False
    fragments: list[tuple[int, int]] = field(default_factory=list)
    basic_offset_table: tuple[int, ...] = ()


@dataclass
class Walk:
    """What a walk over a data set found."""

    # Where the header ends: at the pixel data's element, or at the end of the data set.
    header_end: int
    pixel: PixelElement | None
    last_tag: int
    extended_offsets: tuple[int, ...] = ()


@dataclass
class _Level:
    """A sequence, or an item of one, that the walk is within."""

    tag: int
    # None: it ends at its delimiter.
    end: int | None
    implicit: bool
    is_item: bool = False
    items: int = 0


def name_of(tag: int) -> str:
    """Return `(gggg,eeee) Keyword` of a tag, for messages."""
    try:
        keyword = dictionary_keyword(tag)
    except KeyError:
        keyword = "private" if (tag >> 16) & 1 else "unknown"
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


@lru_cache(maxsize=8192)
def vr_of(tag: int, creator: str = "") -> str:
    """Return the VR that the dictionary (PS3.6) or a private dictionary gives a tag; UN for an unknown one."""
    try:
        if (tag >> 16) & 1:
            if tag & 0xFF00 == 0:
                return "LO" if tag & 0xFF else "UN"
            return private_dictionary_VR(tag, creator) if creator else "UN"
        return dictionary_VR(tag)
    except KeyError:
        return "UL" if tag & 0xFFFF == 0 else "UN"


class Walker:
    """One pass over a data set; `walk()` raises InvalidError or TooLargeError at the first thing that does not hold."""

    def __init__(self, data: Buffer, start: int, *, implicit: bool, big_endian: bool, limits: Limits) -> None:
        self._data = data
        self._size = len(data)
        self._start = start
        self._implicit = implicit
        order = ">" if big_endian else "<"
        self._tag_format = struct.Struct(order + "HH")
        self._long = struct.Struct(order + "I")
        self._short = struct.Struct(order + "H")
        self._limits = limits
        self._count = 0
        self._last_tag = 0

    def walk(self) -> Walk:
        """Check the whole data set and find the pixel data."""
        position, pixel, extended = self._start, None, ()
        header_end = -1
        while position < self._size:
            if self._size - position < 8:
                self._end_of_data(position)
                break
            tag, vr, value, length = self._element(position, self._implicit)
            if tag == 0 and self._is_padding(position):
                break
            if tag >> 16 == 0xFFFE or (tag in PIXEL_DATA and pixel is not None):
                raise InvalidError("malformed", f"{name_of(tag)} stands where it cannot.")
            self._last_tag = tag
            if tag in PIXEL_DATA:
                header_end = position
                pixel, position = self._pixel(tag, vr, value, length)
            elif length == UNDEFINED or self._is_sequence(vr, tag, length, self._implicit):
                position = self._sequence(vr, value, length, self._implicit)
            else:
                self._require(tag, value, length)
                position = value + length
                if tag == EXTENDED_OFFSET_TABLE:
                    extended = struct.unpack(f"<{length // 8}Q", bytes(self._data[value : value + length // 8 * 8]))
        end = header_end if header_end >= 0 else min(position, self._size)
        if end - self._start > self._limits.header_bytes:
            raise TooLargeError("header_size", "The header of the object is larger than this site accepts.")
        return Walk(end, pixel, self._last_tag, extended)

    def _element(self, position: int, implicit: bool) -> tuple[int, bytes, int, int]:
        """Read (tag, VR, offset of the value, length) of the element at `position`."""
        self._count += 1
        if self._count > self._limits.elements:
            raise TooLargeError("elements", f"The object has more than {self._limits.elements} elements.")
        group, element = self._tag_format.unpack_from(self._data, position)
        tag = group << 16 | element
        if implicit or group == 0xFFFE:
            return tag, b"", position + 8, self._long.unpack_from(self._data, position + 4)[0]
        vr = bytes(self._data[position + 4 : position + 6])
        if vr in SHORT_VRS:
            return tag, vr, position + 8, self._short.unpack_from(self._data, position + 6)[0]
        if vr not in LONG_VRS and not (vr.isalpha() and vr.isupper()):
            # Some writers fall into the implicit encoding for private elements; zeros after the end are padding.
            return tag, b"", position + 8, 0 if tag == 0 else self._long.unpack_from(self._data, position + 4)[0]
        # VRs that are yet to be defined have the long form (PS3.5 6.2).
        if self._size - position < 12:
            self._truncated(tag, 4, self._size - position - 8)
        return tag, vr, position + 12, self._long.unpack_from(self._data, position + 8)[0]

    def _is_sequence(self, vr: bytes, tag: int, length: int, implicit: bool) -> bool:
        """Say whether an element of defined length holds items."""
        if vr or not implicit:
            return vr == b"SQ" and length > 0
        return length >= 8 and not tag >> 16 & 1 and vr_of(tag) == "SQ"

    def _sequence(self, vr: bytes, value: int, length: int, implicit: bool) -> int:
        """Walk a sequence and all within it with a stack of our own; return where it ends."""
        end = None if length == UNDEFINED else self._bounded(self._last_tag, value, length, self._size)
        # UN of undefined length is an implicit little endian sequence (PS3.5 6.2.2 note 2).
        stack = [_Level(self._last_tag, end, implicit or vr == b"UN")]
        position = value
        while stack:
            level = stack[-1]
            if level.end is not None and position >= level.end:
                if position > level.end:
                    raise InvalidError("malformed", f"A part of {name_of(self._last_tag)} is longer than the whole.")
                stack.pop()
                continue
            if self._size - position < 8:
                self._truncated(self._last_tag, 8, self._size - position)
            tag, inner_vr, inner, inner_length = self._element(position, level.implicit)
            if tag in (ITEM_END, SEQUENCE_END):
                if level.end is not None or level.is_item != (tag == ITEM_END):
                    raise InvalidError("malformed", f"{name_of(self._last_tag)} holds a delimiter out of place.")
                stack.pop()
                position = inner
            elif level.is_item:
                position = self._inner_element(stack, tag, inner_vr, inner, inner_length)
            else:
                position = self._item(stack, tag, inner, inner_length)
        return position

    def _item(self, stack: list[_Level], tag: int, value: int, length: int) -> int:
        """Step into an item of the sequence on top of the stack."""
        level = stack[-1]
        if tag != ITEM:
            raise InvalidError("malformed", f"{name_of(self._last_tag)} holds something that is not an item.")
        level.items += 1
        if level.items > self._limits.items and level.tag != PER_FRAME_GROUPS:
            raise TooLargeError("items", f"{name_of(level.tag)} has more than {self._limits.items} items.")
        end = None if length == UNDEFINED else self._bounded(tag, value, length, level.end)
        stack.append(_Level(level.tag, end, level.implicit, is_item=True))
        return value

    def _inner_element(self, stack: list[_Level], tag: int, vr: bytes, value: int, length: int) -> int:
        """Step over an element of an item, or into it when it is a sequence; return the next position."""
        item = stack[-1]
        if length != UNDEFINED and not self._is_sequence(vr, tag, length, item.implicit):
            return self._bounded(tag, value, length, item.end)
        if tag in PIXEL_DATA:  # an icon: its fragments look like items
            return self._fragments(tag, value)[1]
        # Each sequence and each item is a level of the stack.
        if len(stack) // 2 + 1 > self._limits.nesting:
            raise InvalidError("nesting", f"Sequences are nested deeper than {self._limits.nesting}.")
        end = None if length == UNDEFINED else self._bounded(tag, value, length, item.end)
        stack.append(_Level(tag, end, item.implicit or vr == b"UN"))
        return value

    def _pixel(self, tag: int, vr: bytes, value: int, length: int) -> tuple[PixelElement, int]:
        """Return the pixel data's place, and where it ends."""
        if length != UNDEFINED:
            self._require(tag, value, length)
            return PixelElement(tag, vr, value, length), value + length
        (table_offset, table_length), *fragments = self._fragments(tag, value)[0] or [(value, 0)]
        end = self._fragments_end
        table = self._data[table_offset : table_offset + table_length]
        offsets = struct.unpack(f"<{table_length // 4}I", bytes(table[: table_length // 4 * 4]))
        return PixelElement(tag, vr, value, UNDEFINED, True, list(fragments), offsets), end

    def _fragments(self, tag: int, position: int) -> tuple[list[tuple[int, int]], int]:
        """Return the items of an encapsulated stream (PS3.5 A.4), the offset table first, and where it ends."""
        fragments: list[tuple[int, int]] = []
        while True:
            if self._size - position < 8:
                self._truncated(tag, 8, self._size - position)
            item, _, value, length = self._element(position, implicit=True)
            if item == SEQUENCE_END:
                self._fragments_end = value
                return fragments, value
            if item != ITEM or length == UNDEFINED:
                raise InvalidError("malformed", f"{name_of(tag)} holds something that is not a fragment.")
            self._require(tag, value, length)
            fragments.append((value, length))
            position = value + length

    def _bounded(self, tag: int, value: int, length: int, end: int | None) -> int:
        """Return where a value ends; it must lie within what holds it, and within the file."""
        self._require(tag, value, length)
        if end is not None and value + length > end:
            raise InvalidError("malformed", f"{name_of(tag)} is longer than what holds it.")
        return value + length

    def _require(self, tag: int, value: int, length: int) -> None:
        if value + length > self._size:
            self._truncated(tag, length, max(self._size - value, 0))

    def _truncated(self, tag: int, declared: int, there: int) -> None:
        raise InvalidError(
            "truncated", f"The object is cut short in {name_of(tag)}: {declared} bytes are declared, {there} are there."
        )

    def _is_padding(self, position: int) -> bool:
        """Say whether nothing but zeros follows, at most a page of them."""
        return self._size - position <= 65_536 and not any(self._data[position : self._size])

    def _end_of_data(self, position: int) -> None:
        if any(self._data[position : self._size]):
            self._truncated(self._last_tag, 8, self._size - position)
