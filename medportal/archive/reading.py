"""Read stored objects back: frames by byte range, headers, whole series as volumes."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from medportal.archive import storage
from medportal.archive.models import Instance, Series
from medportal.errors import InvalidError, NotFoundError
from medportal.imaging.decoder import Decoder
from medportal.imaging.frames import Array, PixelDescription, decode_native, palette_to_rgb, ybr_to_rgb
from medportal.imaging.geometry import slice_spacing_mm
from medportal.imaging.headers import Header, data_set_start, inflated, mapped, read_header
from medportal.imaging.uids import DEFLATED_LE, NATIVE
from medportal.imaging.volumes import Volume, to_modality_units


@cache
def decoder() -> Decoder:
    """Return this process's decoder of compressed frames."""
    return Decoder()


def object_path(instance: Instance) -> Path:
    """Return where an instance's bytes lie."""
    return storage.path_of(instance.storage_key)


def header_of(instance: Instance) -> Header:
    """Parse an instance's header."""
    return read_header(object_path(instance))


def frame_bytes(instance: Instance, number: int) -> bytes:
    """Return a frame's stored bytes (from 1); NotFoundError `frame_not_found` where there is none such."""
    if not 1 <= number <= len(instance.frame_ranges):
        raise NotFoundError("frame_not_found", f"The object has {len(instance.frame_ranges)} frames.")
    parts = instance.frame_ranges[number - 1]
    if instance.transfer_syntax_uid == DEFLATED_LE:
        return _deflated_parts(object_path(instance), parts)
    with object_path(instance).open("rb") as file:
        read = []
        for offset, length in zip(parts[::2], parts[1::2], strict=True):
            file.seek(offset)
            read.append(file.read(length))
    return read[0] if len(read) == 1 else b"".join(read)


def _deflated_parts(path: Path, parts: list[int]) -> bytes:
    with mapped(path) as data:
        body, _ = inflated(data, data_set_start(data), DEFLATED_LE)
        return b"".join(bytes(body[o : o + n]) for o, n in zip(parts[::2], parts[1::2], strict=True))


def decode_frame(instance: Instance, number: int, pixel: PixelDescription) -> Array:
    """Return a frame as (rows, columns) or (rows, columns, 3); compressed ones are decoded in a limited child."""
    data = frame_bytes(instance, number)
    return decode_native(data, pixel) if pixel.is_native else decoder().decode(data, pixel)


def displayed(frame: Array, header: Header) -> Array:
    """Return a decoded frame as grey values or RGB: palettes looked up, YBR turned."""
    pixel = header.pixel
    if pixel is None:
        raise InvalidError("no_pixels", "The object has no pixel data.")
    kind = pixel.photometric_interpretation
    if kind == "PALETTE COLOR":
        return palette_to_rgb(frame, *_palette(header))
    # Codecs have turned colour into RGB already; native YBR has not been touched.
    if kind.startswith("YBR_FULL") and pixel.transfer_syntax_uid in NATIVE:
        return ybr_to_rgb(frame)
    return frame


def _palette(header: Header) -> tuple[list[Array], int]:
    """Return the three tables of a PALETTE COLOR object and the value of their first entry (PS3.3 C.7.6.3.1.5-6)."""
    tables: list[Array] = []
    first_value = 0
    for colour in ("Red", "Green", "Blue"):
        descriptor = header.dataset.get(f"{colour}PaletteColorLookupTableDescriptor")
        data = header.dataset.get(f"{colour}PaletteColorLookupTableData")
        if descriptor is None or data is None or len(descriptor) != 3:
            raise InvalidError("palette", "The object's palette is missing or of a kind that cannot be shown.")
        first_value, bits = int(descriptor[1]), int(descriptor[2])
        tables.append(np.frombuffer(bytes(data), np.uint8 if bits == 8 else np.dtype("<u2")))
    size = min(len(table) for table in tables)
    return [table[:size] for table in tables], first_value


def ordered_instances(series: Series) -> list[Instance]:
    """Return the series' instances that hold frames, along their normal where they say where they lie, else by number."""
    rows = [row for row in series.instances.all() if row.number_of_frames]
    if rows and all(row.slice_position_mm is not None for row in rows):
        return sorted(rows, key=lambda row: (row.slice_position_mm, row.instance_number or 0))
    return rows


def load_series_volume(series: Series) -> Volume:
    """Return a series of single-channel frames as one volume in modality units, ordered along its normal.

    Raises InvalidError `not_a_volume` where slices differ in size or have colours.
    """
    instances = ordered_instances(series)
    if not instances:
        raise InvalidError("not_a_volume", "The series holds no images.")
    slices: list[Any] = []
    names: list[tuple[str, int]] = []
    for instance in instances:
        header = header_of(instance)
        pixel = header.pixel
        if pixel is None or pixel.samples_per_pixel != 1 or pixel.photometric_interpretation == "PALETTE COLOR":
            raise InvalidError("not_a_volume", "The series holds colour images.")
        for number in range(1, instance.number_of_frames + 1):
            frame = decode_frame(instance, number, pixel)
            slices.append(to_modality_units(frame, header.number("RescaleSlope"), header.number("RescaleIntercept")))
            names.append((instance.sop_instance_uid, number))
    if len({one.shape for one in slices}) != 1:
        raise InvalidError("not_a_volume", "The slices of the series differ in size.")
    return _volume(series, instances, slices, names)


def _volume(series: Series, instances: list[Instance], slices: list[Any], names: list[tuple[str, int]]) -> Volume:
    first = header_of(instances[0])
    spacing = first.numbers("PixelSpacing", 2) or [1.0, 1.0]
    positions = [row.slice_position_mm for row in instances if row.slice_position_mm is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        origin = first.numbers("ImagePositionPatient", 3) or [0.0, 0.0, 0.0]
        orientation = first.numbers("ImageOrientationPatient", 6) or [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    depth = slice_spacing_mm(positions, first.number("SliceThickness"))
    return Volume(
        array=np.stack(slices),
        spacing_mm_zyx=(depth, spacing[0], spacing[1]),
        origin_mm=(origin[0], origin[1], origin[2]),
        orientation=tuple(orientation),
        sop_instance_uids=tuple(uid for uid, _ in names),
        frames=tuple(number for _, number in names),
        modality=series.modality,
    )
