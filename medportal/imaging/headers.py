"""Reads the header of an object that may be hostile: every length is checked before anything is believed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.dataset import Dataset

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.attributes import Attributes
from medportal.imaging.elements import Buffer, PixelElement, Walker, name_of
from medportal.imaging.encapsulation import fragment_ranges, native_ranges
from medportal.imaging.files import find_data_set, inflate, mapped
from medportal.imaging.frames import PixelDescription
from medportal.imaging.json_model import Model, read_model
from medportal.imaging.limits import DEFAULT_LIMITS, Limits
from medportal.imaging.uids import DEFLATED_LE, EXPLICIT_BE, IMPLICIT_LE, VIDEO, needs_pixel_data

# Inflating takes memory up to the limit: one object at a time.
_INFLATING = threading.Lock()
_SAMPLES, _BITS = (1, 3, 4), (1, 8, 16, 32)
_PIXEL_TAG_BITS = {0x7FE00008: 32, 0x7FE00009: 64}


@dataclass(frozen=True)
class Header:
    """An object's data set without its pixel data, and where its frames lie."""

    # The data set as DICOM JSON model (PS3.18 F.2).
    model: Model
    transfer_syntax_uid: str
    # Per frame [offset, length, offset, length, …] in the file (in the inflated data set for a deflated one).
    frame_ranges: list[list[int]]
    # None for an object without pixel data.
    pixel: PixelDescription | None

    @cached_property
    def attributes(self) -> Attributes:
        """The data set, by keyword."""
        return Attributes(self.model)

    @property
    def dataset(self) -> Dataset:
        """The data set for pydicom; costs some milliseconds."""
        return Dataset.from_json(self.model)


@dataclass(frozen=True)
class OpenedDataSet:
    """The bytes of a data set, inflated if need be, and where in them it begins."""

    data: Buffer
    start: int
    transfer_syntax_uid: str
    # False for a deflated data set that ends before its end.
    is_whole: bool = True


@contextmanager
def open_data_set(path: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[OpenedDataSet]:
    """Give the data set of a DICOM file; raises as `read_header` does."""
    with mapped(path) as data:
        start, syntax = find_data_set(data, limits)
        with _INFLATING if syntax == DEFLATED_LE else nullcontext():
            if syntax == DEFLATED_LE:
                body, is_whole = inflate(data, start, limits)
                yield OpenedDataSet(body, 0, syntax, is_whole)
            else:
                yield OpenedDataSet(data, start, syntax)


def read_header(path: Path, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read the header of a DICOM file (PS3.10 7), and find its frames.

    Raises InvalidError with code `not_dicom`, `truncated` (naming the element), `malformed`, `nesting`, `dimensions`
    or `uid`; TooLargeError with code `inflated_size`, `header_size`, `elements`, `items` or `pixel_limit`.
    """
    with open_data_set(path, limits) as opened:
        syntax, data = opened.transfer_syntax_uid, opened.data
        implicit, big = syntax == IMPLICIT_LE, syntax == EXPLICIT_BE
        walk = Walker(data, opened.start, implicit=implicit, big_endian=big, limits=limits).walk()
        if not opened.is_whole:
            raise InvalidError("truncated", f"The deflated data set is cut short after {name_of(walk.last_tag)}.")
        model = read_model(data, opened.start, walk.header_end, implicit=implicit, big_endian=big, limits=limits)
        attributes = Attributes(model)
        if walk.pixel is None or not (walk.pixel.length or walk.pixel.fragments):
            _require_no_pixels(attributes)
            return Header(model, syntax, [], None)
        pixel = _pixel_description(attributes, syntax, walk.pixel, limits)
        return Header(model, syntax, _frame_ranges(data, walk.pixel, pixel, walk.extended_offsets, limits), pixel)


def _require_no_pixels(attributes: Attributes) -> None:
    """Refuse an image without its pixels: it was cut between two elements, so no length tells."""
    if needs_pixel_data(attributes.text("SOPClassUID")) and "PixelDataProviderURL" not in attributes:
        raise InvalidError("truncated", "The object is cut short before (7FE0,0010) PixelData.")


def _pixel_description(attributes: Attributes, syntax: str, element: PixelElement, limits: Limits) -> PixelDescription:
    """Return the Image Pixel Module (PS3.3 C.7.6.3), if it makes sense."""

    def integer(keyword: str, default: int | None = None) -> int:
        value = attributes.integer(keyword) if keyword in attributes else default
        if value is None and not attributes.values(keyword):
            value = default
        if value is None or value < 0:
            raise InvalidError("dimensions", f"{keyword} is missing or makes no sense.")
        return value

    rows, columns = integer("Rows"), integer("Columns")
    frames, samples = integer("NumberOfFrames", 1) or 1, integer("SamplesPerPixel", 1)
    bits = _PIXEL_TAG_BITS.get(element.tag) or integer("BitsAllocated")
    if not (0 < rows <= limits.side and 0 < columns <= limits.side):
        raise InvalidError("dimensions", f"Rows × Columns is {rows} × {columns}.")
    if samples not in _SAMPLES or (element.tag == 0x7FE00010 and bits not in _BITS):
        raise InvalidError("dimensions", f"SamplesPerPixel is {samples} and BitsAllocated {bits}.")
    if frames > limits.frames:
        raise InvalidError("dimensions", f"NumberOfFrames is {frames}; this site takes {limits.frames}.")
    stored = integer("BitsStored", bits)
    return PixelDescription(
        transfer_syntax_uid=syntax,
        rows=rows,
        columns=columns,
        number_of_frames=frames,
        samples_per_pixel=samples,
        photometric_interpretation=attributes.text("PhotometricInterpretation", 16),
        planar_configuration=integer("PlanarConfiguration", 0),
        bits_allocated=bits,
        bits_stored=stored if 0 < stored <= bits else bits,
        is_signed=attributes.integer("PixelRepresentation") == 1,
        is_float=element.tag != 0x7FE00010,
        is_swapped=syntax == EXPLICIT_BE and element.vr == b"OW" and bits <= 8,
    )


def _frame_ranges(
    data: Buffer, element: PixelElement, pixel: PixelDescription, extended: tuple[int, ...], limits: Limits
) -> list[list[int]]:
    """Return where each frame lies; [] for video, which has no frames that could be told apart."""
    if pixel.is_native != (not element.is_encapsulated):
        raise InvalidError("malformed", "The pixel data is not encoded as the transfer syntax says.")
    if not element.is_encapsulated:
        unit_bytes = 2 if pixel.is_swapped else 1
        return native_ranges(element, pixel.number_of_frames, pixel.frame_bits, unit_bytes=unit_bytes)
    if pixel.transfer_syntax_uid in VIDEO:
        return []
    ranges = fragment_ranges(data, element, pixel.number_of_frames, extended)
    if pixel.frame_bytes > limits.decoded_frame_bytes:
        limit = limits.decoded_frame_bytes // 2**20
        raise TooLargeError("pixel_limit", f"A frame decodes to more than {limit} MB.")
    return ranges
