"""Walks the elements of a data set (PS3.5 7) without believing any length, before a parser may touch them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from mmap import mmap

from pydicom.datadict import dictionary_keyword, dictionary_VR

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.limits import Limits

Buffer = bytes | mmap
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = (0x7FE00010, 0x7FE00008, 0x7FE00009)
# VRs with a 32-bit length in the explicit encodings (PS3.5 7.1.2).
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


@dataclass
class PixelElement:
    """Where the pixel data lies: one run of bytes, or fragments of an encapsulated stream, as (offset, length)."""

    tag: int
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


def name_of(tag: int) -> str:
    """Return `(gggg,eeee) Keyword` of a tag, for messages."""
    try:
        keyword = dictionary_keyword(tag)
    except KeyError:
        keyword = "private" if (tag >> 16) & 1 else "unknown"
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


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
        position, pixel = self._start, None
        header_end = -1
        previous = -1
        while position < self._size:
            if self._size - position < 8:
                self._end_of_data(position)
                break
            tag, vr, value, length = self._element(position, self._implicit)
            if tag == 0 and self._is_padding(position):
                break
            if tag <= previous:
                raise InvalidError("malformed", f"{name_of(tag)} stands out of order.")
            previous = self._last_tag = tag
            if tag in PIXEL_DATA and pixel is None:
                header_end = position
                pixel, position = self._pixel(tag, value, length)
            elif length == UNDEFINED or self._is_sequence(vr, tag, value, length, self._implicit):
                position = self._sequence(vr, value, length, self._implicit)
            else:
                self._require(tag, value, length)
                position = value + length
        end = header_end if header_end >= 0 else min(position, self._size)
        if end - self._start > self._limits.header_bytes:
            raise TooLargeError("header_size", "The header of the object is larger than this site accepts.")
        return Walk(end, pixel)

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
        if vr not in LONG_VRS:
            if tag == 0:
                return tag, b"", position + 8, 0
            raise InvalidError("malformed", f"{name_of(tag)} has no valid value representation.")
        if self._size - position < 12:
            self._truncated(tag, 0, 0)
        return tag, vr, position + 12, self._long.unpack_from(self._data, position + 8)[0]

    def _is_sequence(self, vr: bytes, tag: int, value: int, length: int, implicit: bool) -> bool:
        """Say whether an element of defined length holds items."""
        if not implicit:
            return vr == b"SQ" and length > 0
        if length < 8 or tag >> 16 & 1:
            return False
        try:
            return dictionary_VR(tag) == "SQ"
        except KeyError:
            return False

    def _sequence(self, vr: bytes, value: int, length: int, implicit: bool) -> int:
        """Walk a sequence and all within it with a stack of our own; return where it ends."""
        # UN of undefined length is an implicit little endian sequence (PS3.5 6.2.2 note 2).
        nested_implicit = implicit or vr == b"UN"
        limit = self._size if length == UNDEFINED else self._bounded(self._last_tag, value, length, self._size)
        # Each frame: (is it an item, where it ends or None for undefined, its encoding).
        stack: list[tuple[bool, int | None, bool]] = [(False, None if length == UNDEFINED else limit, nested_implicit)]
        position = value
        while stack:
            is_item, end, enc = stack[-1]
            if end is not None and position >= end:
                if position > end:
                    raise InvalidError("malformed", f"A part of {name_of(self._last_tag)} is longer than the whole.")
                stack.pop()
                continue
            if self._size - position < 8:
                self._truncated(self._last_tag, 8, self._size - position)
            tag, inner_vr, inner, inner_length = self._element(position, enc)
            if tag in (ITEM_END, SEQUENCE_END):
                if end is not None or is_item != (tag == ITEM_END):
                    raise InvalidError("malformed", f"{name_of(self._last_tag)} holds a delimiter out of place.")
                stack.pop()
                position = inner
                continue
            if is_item:
                position = self._inner_element(stack, tag, inner_vr, inner, inner_length, enc, end)
                continue
            if tag != ITEM:
                raise InvalidError("malformed", f"{name_of(self._last_tag)} holds something that is not an item.")
            stack.append(
                (True, None if inner_length == UNDEFINED else self._bounded(tag, inner, inner_length, end), enc)
            )
            position = inner
        return position

    def _inner_element(
        self,
        stack: list[tuple[bool, int | None, bool]],
        tag: int,
        vr: bytes,
        value: int,
        length: int,
        implicit: bool,
        end: int | None,
    ) -> int:
        """Step over an element of an item, or into it when it is a sequence; return the next position."""
        if length != UNDEFINED and not self._is_sequence(vr, tag, value, length, implicit):
            return self._bounded(tag, value, length, end)
        if tag in PIXEL_DATA:  # an icon: its fragments look like items
            return self._fragments(tag, value)[1]
        # Each sequence and each item is a frame of the stack.
        if len(stack) // 2 + 1 > self._limits.nesting:
            raise InvalidError("nesting", f"Sequences are nested deeper than {self._limits.nesting}.")
        inner_end = None if length == UNDEFINED else self._bounded(tag, value, length, end)
        stack.append((False, inner_end, implicit or vr == b"UN"))
        return value

    def _pixel(self, tag: int, value: int, length: int) -> tuple[PixelElement, int]:
        """Return the pixel data's place, and where it ends."""
        if length != UNDEFINED:
            self._require(tag, value, length)
            return PixelElement(tag, value, length), value + length
        (table_offset, table_length), *fragments = self._fragments(tag, value)[0] or [(value, 0)]
        end = self._fragments_end
        table = self._data[table_offset : table_offset + table_length]
        offsets = struct.unpack(f"<{table_length // 4}I", bytes(table[: table_length // 4 * 4]))
        return PixelElement(tag, value, UNDEFINED, True, list(fragments), offsets), end

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


def frame_ranges(
    data: Buffer, pixel: PixelElement, number_of_frames: int, frame_bytes: int, extended: Sequence[int] = ()
) -> list[list[int]]:
    """Return for each frame the flat list [offset, length, offset, length, …] of its parts in the data (PS3.5 A.4).

    `frame_bytes` is the length of a native frame; `extended` the Extended Offset Table, relative to the first
    fragment's item. Raises InvalidError `truncated` where there are fewer frames than declared.
    """
    if not pixel.is_encapsulated:
        if frame_bytes * number_of_frames > pixel.length:
            raise InvalidError(
                "truncated",
                f"{name_of(pixel.tag)} holds {pixel.length} bytes; its {number_of_frames} frames need "
                f"{frame_bytes * number_of_frames}.",
            )
        return [[pixel.offset + i * frame_bytes, frame_bytes] for i in range(number_of_frames)]
    if len(pixel.fragments) < number_of_frames:
        raise InvalidError(
            "truncated",
            f"{name_of(pixel.tag)} holds {len(pixel.fragments)} fragments for {number_of_frames} frames.",
        )
    if number_of_frames == 1:
        return [[part for fragment in pixel.fragments for part in fragment]]
    if len(pixel.fragments) == number_of_frames:
        return [list(fragment) for fragment in pixel.fragments]
    if offsets := extended or pixel.basic_offset_table:
        return _gather(pixel, _starts_by_table(pixel, offsets), number_of_frames)
    # Without a table, a frame begins where a code stream does: JPEG and JPEG-LS FF D8, JPEG 2000 FF 4F.
    marks = (b"\xff\xd8", b"\xff\x4f")
    starts = [i for i, (at, _) in enumerate(pixel.fragments) if data[at : at + 2] in marks]
    return _gather(pixel, starts, number_of_frames)


def _starts_by_table(pixel: PixelElement, offsets: Sequence[int]) -> list[int]:
    """Return the index of each frame's first fragment, as an offset table says."""
    base = pixel.fragments[0][0] - 8
    first_of = {offset - base - 8: index for index, (offset, _) in enumerate(pixel.fragments)}
    try:
        return [first_of[offset] for offset in offsets]
    except KeyError:
        raise InvalidError("malformed", "The offset table points at something that is not a fragment.") from None


def _gather(pixel: PixelElement, starts: list[int], number_of_frames: int) -> list[list[int]]:
    """Gather fragments into frames, given the fragment with which each begins."""
    if len(starts) != number_of_frames or starts != sorted(set(starts)) or starts[0] != 0:
        raise InvalidError("malformed", "It cannot be told which fragments make up which frame.")
    ends = [*starts[1:], len(pixel.fragments)]
    return [
        [part for fragment in pixel.fragments[start:end] for part in fragment]
        for start, end in zip(starts, ends, strict=True)
    ]
