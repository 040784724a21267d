"""WADO-RS (PS3.18 10.4): frames and objects in a form that the client takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medportal.archive import access, reading
from medportal.archive.accept import MediaRange, parse_accept
from medportal.archive.bodies import FileRange, Part
from medportal.archive.models import Instance
from medportal.archive.viewers import Viewer
from medportal.errors import InvalidError, NotFoundError, TooLargeError
from medportal.imaging import uids
from medportal.imaging.attributes import Attributes
from medportal.imaging.display import to_rgb
from medportal.imaging.stacks import FrameSource, decode_source, read_frame
from medportal.imaging.transcoding import can_be_explicit, to_explicit

DICOM = "application/dicom"
OCTETS = "application/octet-stream"
# PS3.18 table 8.7.3-5: the media type of a compressed frame.
MEDIA_TYPES = {
    uids.RLE: "image/dicom-rle",
    **dict.fromkeys({uids.JPEG_BASELINE, uids.JPEG_EXTENDED} | uids.JPEG_LOSSLESS, "image/jpeg"),
    **dict.fromkeys(uids.JPEG_LS, "image/jls"),
    **dict.fromkeys(uids.JPEG_2000, "image/jp2"),
    **dict.fromkeys(uids.HTJ2K, "image/jphc"),
    **dict.fromkeys(uids.JPEG_XL, "image/jxl"),
}
# Little endian without compression: on the wire all the same.
_PLAIN = frozenset({uids.IMPLICIT_LE, uids.EXPLICIT_LE, uids.DEFLATED_LE})
# Decoded frames of one answer, beyond the first.
DECODED_BYTES = 64 * 1024 * 1024
MAX_FRAMES = 2000
_BELIEVED_S, _CAPACITY = 1.5, 500


@dataclass(frozen=True)
class Located:
    """An instance as far as serving its frames needs it, and the time until which it is believed to be there."""

    instance: Instance
    until: float


_located: dict[tuple[int, str, str, str], Located] = {}
_lock = threading.Lock()


def locate(viewer: Viewer, study_uid: str, series_uid: str, sop_instance_uid: str) -> Instance:
    """Return an instance of the viewer's team, remembered for a moment: a cine asks for the same one again and again."""
    key, now = (viewer.team.pk, study_uid, series_uid, sop_instance_uid), time.monotonic()
    if (found := _located.get(key)) is not None and now < found.until:
        return found.instance
    instance = access.get_instance(viewer.team, study_uid, series_uid, sop_instance_uid)
    with _lock:
        if len(_located) >= _CAPACITY:
            _located.clear()
        _located[key] = Located(instance, now + _BELIEVED_S)
    return instance


def frame_numbers(text: str) -> list[int]:
    """Return the numbers of a frame list such as `1,2,5`; raises InvalidError `frames`."""
    parts = text.split(",")
    if not all(part.isdigit() and len(part) < 9 for part in parts):
        raise InvalidError("frames", "Frames are named by numbers from 1, with commas between.")
    if len(parts) > MAX_FRAMES:
        raise InvalidError("frames", f"At most {MAX_FRAMES} frames can be asked for at once.")
    return [int(part) for part in parts]


@dataclass(frozen=True)
class Choice:
    """In which form frames are to leave."""

    is_multipart: bool
    content_type: str
    transfer_syntax_uid: str
    # False: they are decoded first.
    as_stored: bool


def choose(instance: Instance, accept: str) -> Choice:
    """Return the first form that the client asks for and the site has; raises InvalidError `not_acceptable`.

    Frames leave as they are stored where that is asked for (`transfer-syntax=*`, the stored one, or its media type)
    and fits the metadata that the site gives (`imaging.display`), else as explicit little endian.
    """
    for wanted in parse_accept(accept):
        choice = _as_stored(instance, wanted) or _decoded(instance, wanted)
        if choice is not None:
            return choice
    raise InvalidError("not_acceptable", "These frames cannot be sent in any of the forms asked for.")


def _takes_any(wanted: MediaRange) -> bool:
    return wanted.content in ("*/*", "*", "", "application/*")


def _is_multipart(wanted: MediaRange) -> bool:
    return wanted.media in ("multipart/related", "*/*")


def _as_stored(instance: Instance, wanted: MediaRange) -> Choice | None:
    stored, syntax = instance.transfer_syntax_uid, wanted.transfer_syntax
    own_type = MEDIA_TYPES.get(stored, OCTETS)
    fits_metadata = instance.served_as in ("stored", "")
    if stored in _PLAIN:
        is_asked_for = syntax in ("", "*", stored, uids.EXPLICIT_LE) and (
            wanted.content == OCTETS or _takes_any(wanted)
        )
        if not (is_asked_for and fits_metadata):
            return None
        return Choice(_is_multipart(wanted), OCTETS, uids.EXPLICIT_LE, as_stored=True)
    is_named = instance.served_as != "rgb" and (
        (wanted.content in (own_type, OCTETS) and syntax == stored)
        or (wanted.content == own_type != OCTETS and syntax in ("", "*"))
    )
    is_welcome = fits_metadata and (
        (wanted.content == OCTETS and syntax == "*") or (_takes_any(wanted) and syntax in ("", "*"))
    )
    if not (is_named or is_welcome):
        return None
    content_type = own_type if _takes_any(wanted) else wanted.content
    return Choice(_is_multipart(wanted), content_type, stored, as_stored=True)


def _decoded(instance: Instance, wanted: MediaRange) -> Choice | None:
    is_asked_for = wanted.content == OCTETS or _takes_any(wanted)
    if not (instance.served_as and is_asked_for and wanted.transfer_syntax in ("", "*", uids.EXPLICIT_LE)):
        return None
    return Choice(_is_multipart(wanted), OCTETS, uids.EXPLICIT_LE, as_stored=False)


def frame_parts(instance: Instance, numbers: list[int], choice: Choice) -> list[Part]:
    """Return the frames asked for, in order; raises NotFoundError `frame_not_found` or what decoding raises."""
    count = len(instance.frame_ranges)
    if not all(1 <= number <= count for number in numbers):
        raise NotFoundError("frame_not_found", f"The object has {count} frames.")
    content_type = f"{choice.content_type}; transfer-syntax={choice.transfer_syntax_uid}"
    if not choice.as_stored or _begins_within_bytes(instance):
        return [Part(content_type, (data,)) for data in _decoded_frames(instance, numbers)]
    path, parts = reading.object_path(instance), []
    for number in numbers:
        ranges = instance.frame_ranges[number - 1]
        if instance.transfer_syntax_uid == uids.DEFLATED_LE:
            parts.append(Part(content_type, (read_frame(path, ranges, uids.DEFLATED_LE),)))
            continue
        pieces = (FileRange(path, at, n) for at, n in zip(ranges[::2], ranges[1::2], strict=True))
        parts.append(Part(content_type, tuple(pieces)))
    return parts


def _begins_within_bytes(instance: Instance) -> bool:
    """Say whether frames of single bits share bytes, so that they have to be taken apart."""
    pixels = (instance.rows or 0) * (instance.columns or 0)
    return instance.bits_allocated == 1 and pixels % 8 != 0 and instance.transfer_syntax_uid in uids.NATIVE


def _decoded_frames(instance: Instance, numbers: list[int]) -> list[bytes]:
    pixel = reading.pixels_of(instance)
    samples = 3 if instance.served_as == "rgb" else pixel.samples_per_pixel
    if len(numbers) > 1 and pixel.rows * pixel.columns * samples * pixel.dtype.itemsize * len(numbers) > DECODED_BYTES:
        raise TooLargeError("too_many_frames", "These frames are too large to be decoded at once; ask for fewer.")
    sources = reading.frame_sources(instance)
    attributes = reading.attributes_of(instance)
    return [_as_served(instance, sources[number - 1], attributes) for number in numbers]


def _as_served(instance: Instance, source: FrameSource, attributes: Attributes) -> bytes:
    """Return a frame in explicit little endian, arranged as the metadata says that the site gives."""
    frame, pixel = decode_source(source, reading.decoder()), source.pixel
    if instance.served_as == "rgb":
        return to_rgb(frame, pixel, attributes).tobytes()
    if instance.served_as != "decoded":
        if pixel.bits_allocated == 1:
            return np.packbits(frame, bitorder="little").tobytes()
        if frame.ndim == 3 and pixel.planar_configuration == 1:
            frame = frame.transpose(2, 0, 1)
    return np.ascontiguousarray(frame).astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def object_part(instance: Instance, wanted: MediaRange) -> Part:
    """Return a whole object, byte for byte as it was stored, but for its preamble; or decoded, where that is asked for.

    The preamble (PS3.10 7.1) is no part of the object, and a place for what programs other than DICOM's would run.
    """
    if wanted.transfer_syntax == uids.EXPLICIT_LE != instance.transfer_syntax_uid:
        sources = reading.frame_sources(instance) if instance.number_of_frames else []
        data = to_explicit(reading.object_path(instance), sources, reading.decoder())
        return Part(f"{DICOM}; transfer-syntax={uids.EXPLICIT_LE}", (data,))
    path = reading.object_path(instance)
    content_type = f"{DICOM}; transfer-syntax={instance.transfer_syntax_uid}"
    with path.open("rb") as file:
        has_preamble = file.read(132)[128:] == b"DICM"
    if not has_preamble:
        return Part(content_type, (FileRange(path, 0, instance.size_bytes),))
    return Part(content_type, (bytes(128), FileRange(path, 128, instance.size_bytes - 128)))


def takes_objects(instances: Sequence[Instance], accept: str) -> MediaRange:
    """Return the media range by which whole objects are asked for; raises InvalidError `not_acceptable`.

    Where it names no transfer syntax they leave as they are stored: that is what an archive is for.
    """
    for wanted in parse_accept(accept):
        is_dicom = wanted.content in (DICOM, "application/*", "*/*", "*", "")
        if is_dicom and all(_can_leave(instance, wanted.transfer_syntax) for instance in instances):
            return wanted
    raise InvalidError(
        "not_acceptable", "Objects are sent as application/dicom, as they are stored or in explicit little endian."
    )


def _can_leave(instance: Instance, syntax: str) -> bool:
    stored = instance.transfer_syntax_uid
    if syntax == uids.EXPLICIT_LE != stored:
        return can_be_explicit(stored, instance.bits_allocated)
    return syntax in ("", "*", stored)
