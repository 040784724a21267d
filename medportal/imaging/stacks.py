"""Builds a volume from the frames of a series, wherever their bytes lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError, MedportalError
from medportal.imaging.attributes import Attributes
from medportal.imaging.decoder import Decoder
from medportal.imaging.display import to_rgb
from medportal.imaging.frames import Array, PixelDescription, decode_native
from medportal.imaging.geometry import Plane, planes_of, slice_spacing_mm
from medportal.imaging.headers import Header, open_data_set, read_header
from medportal.imaging.uids import DEFLATED_LE
from medportal.imaging.volumes import Volume, to_modality_units

Decoded = TypeVar("Decoded")

# Where values are quantities, MONOCHROME1 says how to show them alone; elsewhere it says what they mean.
QUANTITIES = frozenset({"CT", "MR", "NM", "PT"})


@dataclass(frozen=True)
class FrameSource:
    """One frame of an object on disk."""

    path: Path
    # [offset, length, …] of its parts.
    ranges: Sequence[int]
    pixel: PixelDescription
    plane: Plane
    sop_instance_uid: str
    # From 1.
    number: int

    def read(self) -> bytes:
        """Return the frame's stored bytes."""
        return read_frame(self.path, self.ranges, self.pixel.transfer_syntax_uid)


def read_frame(path: Path, ranges: Sequence[int], transfer_syntax_uid: str) -> bytes:
    """Return a frame's stored bytes, given the list [offset, length, …] of its parts."""
    pairs = list(zip(ranges[::2], ranges[1::2], strict=True))
    if transfer_syntax_uid == DEFLATED_LE:
        with open_data_set(path) as opened:
            return b"".join(bytes(opened.data[offset : offset + length]) for offset, length in pairs)
    with path.open("rb", buffering=0) as file:
        parts = []
        for offset, length in pairs:
            file.seek(offset)
            parts.append(file.read(length))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode_source(source: FrameSource, decoder: Decoder) -> Array:
    """Return a frame as (rows, columns) or (rows, columns, 3); compressed ones are decoded in a limited child."""
    if source.pixel.is_native:
        return decode_native(source.read(), source.pixel, source.number)
    return decoder.decode(source.read(), source.pixel)


def sources_of(path: Path, header: Header) -> list[FrameSource]:
    """Return the frames of an object."""
    if header.pixel is None:
        return []
    planes = planes_of(header.attributes, len(header.frame_ranges))
    uid = header.attributes.text("SOPInstanceUID")
    return [
        FrameSource(path, ranges, header.pixel, plane, uid, number)
        for number, (ranges, plane) in enumerate(zip(header.frame_ranges, planes, strict=True), start=1)
    ]


def load_files(paths: Iterable[Path], decoder: Decoder) -> Volume:
    """Return the largest series among DICOM files as a volume; what is no DICOM image is passed over.

    Raises InvalidError `not_a_volume` as `load_volume`.
    """
    series: dict[str, list[FrameSource]] = {}
    modalities: dict[str, str] = {}
    for path in paths:
        try:
            header = read_header(path)
        except MedportalError:
            continue
        uid = header.attributes.text("SeriesInstanceUID")
        series.setdefault(uid, []).extend(sources_of(path, header))
        modalities[uid] = header.attributes.text("Modality", 16)
    largest = max(series, key=lambda uid: len(series[uid]), default="")
    return load_volume(series.get(largest, []), decoder, modality=modalities.get(largest, ""))


def load_volume(sources: Sequence[FrameSource], decoder: Decoder, *, modality: str = "") -> Volume:
    """Return frames as one volume in modality units, ordered along their normal; colour where none is of one channel.

    Frames of another size or direction than most (a scout within the series) are left out; `sop_instance_uids` and
    `frames` say which are in it. Radiographs that are stored as MONOCHROME1 (PS3.3 C.7.6.3.1.2) are turned over: the
    same body looks alike whichever way a machine writes it. Raises InvalidError `not_a_volume` where there is no such stack, and what decoding
    raises.
    """
    stack = stack_of(sources)
    grey = _is_grey(stack[0])
    array = _filled_grey(stack, decoder, modality) if grey else _filled_colour(stack, decoder)
    first = stack[0].plane
    positions = [p for source in stack if (p := source.plane.slice_position_mm) is not None]
    row_mm, column_mm = first.spacing_mm or (1.0, 1.0)
    origin, orientation = first.position_mm or (0.0, 0.0, 0.0), first.orientation or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    return Volume(
        array=array,
        spacing_mm_zyx=(slice_spacing_mm(positions, first.thickness_mm), row_mm, column_mm),
        origin_mm=(origin[0], origin[1], origin[2]),
        orientation=orientation,
        sop_instance_uids=tuple(source.sop_instance_uid for source in stack),
        frames=tuple(source.number for source in stack),
        modality=modality,
    )


def stack_of(sources: Sequence[FrameSource]) -> list[FrameSource]:
    """Return the frames that make the volume, ordered along their normal; InvalidError `not_a_volume` where none do."""
    stack = _ordered(_like_most(sources))
    if not stack:
        raise InvalidError("not_a_volume", "The series holds no images that make a stack.")
    return stack


def _like_most(sources: Sequence[FrameSource]) -> list[FrameSource]:
    grey = [source for source in sources if _is_grey(source)]
    eligible = grey or [source for source in sources if source.pixel.samples_per_pixel == 3]
    kinds = Counter(map(_kind, eligible))
    wanted = kinds.most_common(1)[0][0] if kinds else None
    return [source for source in eligible if _kind(source) == wanted]


def _is_grey(source: FrameSource) -> bool:
    pixel = source.pixel
    return pixel.samples_per_pixel == 1 and pixel.photometric_interpretation != "PALETTE COLOR"


def _kind(source: FrameSource) -> tuple[object, ...]:
    orientation = source.plane.orientation
    # Cosines are written with few digits: what differs less is the same direction.
    direction = tuple(round(value, 2) + 0.0 for value in orientation) if orientation else None
    return source.pixel.rows, source.pixel.columns, direction


def _ordered(sources: list[FrameSource]) -> list[FrameSource]:
    positions = [source.plane.slice_position_mm for source in sources]
    if None in positions:
        return sources
    order = np.argsort(np.asarray(positions, float), kind="stable")
    return [sources[i] for i in order]


def _filled_colour(stack: list[FrameSource], decoder: Decoder) -> NDArray[np.uint8]:
    """Decode colour frames into one array, (slice, row, column, 3)."""
    frames = _in_parallel(lambda source: to_rgb(decode_source(source, decoder), source.pixel, Attributes({})), stack)
    return np.stack(list(frames))


def _filled_grey(stack: list[FrameSource], decoder: Decoder, modality: str) -> NDArray[np.int16] | NDArray[np.float32]:
    """Decode the frames into one array, which stays int16 as long as that loses nothing."""
    pixel = stack[0].pixel
    array: NDArray[np.int16] | NDArray[np.float32] = np.empty((len(stack), pixel.rows, pixel.columns), np.int16)

    def decoded(source: FrameSource) -> NDArray[np.int16] | NDArray[np.float32]:
        frame = decode_source(source, decoder)
        if source.pixel.photometric_interpretation == "MONOCHROME1" and modality not in QUANTITIES:
            frame = _turned_over(frame, source.pixel)
        return to_modality_units(frame, source.plane.slope, source.plane.intercept)

    for index, frame in enumerate(_in_parallel(decoded, stack)):
        if frame.dtype != array.dtype and array.dtype == np.int16:
            array = array.astype(np.float32)
        array[index] = frame
    return array


def _turned_over(frame: Array, pixel: PixelDescription) -> Array:
    """Return stored values counted from the other end of what BitsStored can hold."""
    if pixel.is_float:
        return -frame
    return ~frame if pixel.is_signed else frame.dtype.type(2**pixel.bits_stored - 1) - frame


def _in_parallel(function: Callable[[FrameSource], Decoded], stack: list[FrameSource]) -> Iterable[Decoded]:
    """Map in order; compressed frames two at a time, since two children decode them."""
    if stack[0].pixel.is_native:
        yield from map(function, stack)
        return
    with ThreadPoolExecutor(max_workers=2) as pool:
        # Few at a time: a long series must not lie in memory twice.
        for start in range(0, len(stack), 16):
            yield from pool.map(function, stack[start : start + 16])
