"""Which bytes of an object make up which frame: native pixel data, and fragments (PS3.5 A.4)."""

from __future__ import annotations

from collections.abc import Sequence

from medportal.errors import InvalidError
from medportal.imaging.elements import Buffer, PixelElement, name_of

# How a code stream begins: JPEG, JPEG-LS and JPEG XL; JPEG 2000; the last two in their boxes.
_BEGINNINGS = (b"\xff\xd8", b"\xff\x0a", b"\xff\x4f", b"\x00\x00\x00\x0c")


def native_ranges(
    pixel: PixelElement, number_of_frames: int, frame_bits: int, *, unit_bytes: int = 1
) -> list[list[int]]:
    """Return [offset, length] of each frame, in whole units; frames may begin and end within one (PS3.5 8.1.1).

    Raises InvalidError `dimensions` where the pixel data is too short for what the header promises.
    """
    needed = (frame_bits * number_of_frames + 7) // 8
    if needed > pixel.length:
        raise InvalidError(
            "dimensions",
            f"{name_of(pixel.tag)} holds {pixel.length} bytes; {number_of_frames} frames of this size need {needed}.",
        )
    ranges, unit_bits = [], unit_bytes * 8
    for number in range(number_of_frames):
        first = number * frame_bits // unit_bits * unit_bytes
        end = min(-(-(number + 1) * frame_bits // unit_bits) * unit_bytes, pixel.length)
        ranges.append([pixel.offset + first, end - first])
    return ranges


def fragment_ranges(
    data: Buffer, pixel: PixelElement, number_of_frames: int, extended: Sequence[int] = ()
) -> list[list[int]]:
    """Return for each frame the flat list [offset, length, offset, length, …] of its fragments.

    `extended` is the Extended Offset Table (PS3.3 C.7.6.3.1.8). Raises InvalidError `dimensions` where there are
    fewer fragments than frames, `malformed` where it cannot be told which make up which.
    """
    fragments = pixel.fragments
    if len(fragments) < number_of_frames:
        raise InvalidError(
            "dimensions", f"{name_of(pixel.tag)} holds {len(fragments)} fragments for {number_of_frames} frames."
        )
    if number_of_frames == 1:
        return [[part for fragment in fragments for part in fragment]]
    if len(fragments) == number_of_frames:
        return [list(fragment) for fragment in fragments]
    for starts in (
        _starts_by_table(fragments, extended),
        _starts_by_table(fragments, pixel.basic_offset_table),
        [i for i, (at, _) in enumerate(fragments) if data[at : at + 4].startswith(_BEGINNINGS)],
    ):
        if len(starts) == number_of_frames and starts[0] == 0 and starts == sorted(set(starts)):
            return _gather(fragments, starts)
    raise InvalidError("malformed", "It cannot be told which fragments make up which frame.")


def _starts_by_table(fragments: Sequence[tuple[int, int]], offsets: Sequence[int]) -> list[int]:
    """Return the index of each frame's first fragment as an offset table says, or [] for a table that is wrong."""
    # Offsets count from the first fragment's item tag; each fragment's own item header has eight bytes.
    base = fragments[0][0]
    first_of = {offset - base: index for index, (offset, _) in enumerate(fragments)}
    starts = [first_of.get(offset, -1) for offset in offsets]
    return starts if -1 not in starts else []


def _gather(fragments: Sequence[tuple[int, int]], starts: list[int]) -> list[list[int]]:
    ends = [*starts[1:], len(fragments)]
    return [
        [part for fragment in fragments[start:end] for part in fragment]
        for start, end in zip(starts, ends, strict=True)
    ]
