"""Read stored objects back: headers, frames by byte range, whole series as volumes."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from medportal.archive import storage
from medportal.archive.incoming import pack_header
from medportal.archive.models import Instance, Series
from medportal.errors import NotFoundError, UnavailableError
from medportal.imaging.attributes import Attributes
from medportal.imaging.decoder import Decoder
from medportal.imaging.frames import PixelDescription
from medportal.imaging.geometry import planes_of
from medportal.imaging.headers import read_header
from medportal.imaging.stacks import FrameSource, load_volume, stack_of
from medportal.imaging.volumes import Volume


@cache
def decoder() -> Decoder:
    """Return this process's decoder of compressed frames."""
    return Decoder()


def object_path(instance: Instance) -> Path:
    """Return where an instance's bytes lie; raises UnavailableError `object_lost` where they do not."""
    path = storage.path_of(instance.storage_key)
    if not path.exists():
        raise UnavailableError("object_lost", "The store has lost the bytes of this object.")
    return path


def header_json(instance: Instance) -> bytes:
    """Return an instance's header as DICOM JSON, as it was kept; parsed anew where it was too large to keep."""
    packed = instance.header or pack_header(read_header(object_path(instance)))
    return zlib.decompress(packed)


def model_of(instance: Instance) -> dict[str, Any]:
    """Return an instance's header as DICOM JSON model."""
    model: dict[str, Any] = json.loads(header_json(instance))
    return model


def attributes_of(instance: Instance) -> Attributes:
    """Return an instance's header, by keyword."""
    return Attributes(model_of(instance))


def pixels_of(instance: Instance) -> PixelDescription:
    """Return what an instance's pixels are; NotFoundError `no_frames` for one without."""
    if instance.pixel_description is None:
        raise NotFoundError("no_frames", "The object has no frames.")
    return PixelDescription(**instance.pixel_description)


def frame_sources(instance: Instance) -> list[FrameSource]:
    """Return an instance's frames."""
    attributes = attributes_of(instance)
    pixel = pixels_of(instance)
    path = object_path(instance)
    planes = planes_of(attributes, len(instance.frame_ranges))
    return [
        FrameSource(path, ranges, pixel, plane, instance.sop_instance_uid, number)
        for number, (ranges, plane) in enumerate(zip(instance.frame_ranges, planes, strict=True), start=1)
    ]


def source_of(instance: Instance, number: int) -> FrameSource:
    """Return one frame, counted from 1; NotFoundError `frame_not_found` where there is none such."""
    sources = frame_sources(instance)
    if not 1 <= number <= len(sources):
        raise NotFoundError("frame_not_found", f"The object has {len(sources)} frames.")
    return sources[number - 1]


def load_series_volume(series: Series) -> Volume:
    """Return a series of single-channel frames as one volume in modality units, ordered along its normal.

    Raises as `imaging.stacks.load_volume`; may take seconds, and is for workers.
    """
    return load_volume(_sources(series), decoder(), modality=series.modality)


def load_series_stack(series: Series) -> list[FrameSource]:
    """Return the frames of which `load_series_volume` makes its slices, in their order; nothing is decoded."""
    return stack_of(_sources(series))


def _sources(series: Series) -> list[FrameSource]:
    rows = series.instances.filter(number_of_frames__gt=0).order_by("instance_number", "sop_instance_uid")
    return [source for instance in rows for source in frame_sources(instance)]
