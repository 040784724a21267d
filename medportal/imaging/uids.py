"""UIDs that the code acts upon (PS3.6 A), and which are valid (PS3.5 9.1)."""

from __future__ import annotations

import re

from pydicom._uid_dict import UID_dictionary

from medportal.errors import InvalidError

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
ENCAPSULATED_LE = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
NATIVE = frozenset({IMPLICIT_LE, EXPLICIT_LE, DEFLATED_LE, EXPLICIT_BE})
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
JPEG_EXTENDED = _JPEG_FAMILY + "51"
JPEG_LOSSLESS = frozenset({_JPEG_FAMILY + "57", _JPEG_FAMILY + "70"})
JPEG_LS = frozenset({_JPEG_FAMILY + "80", _JPEG_FAMILY + "81"})
JPEG_2000 = frozenset({_JPEG_FAMILY + "90", _JPEG_FAMILY + "91"})
HTJ2K = frozenset({_JPEG_FAMILY + "201", _JPEG_FAMILY + "202", _JPEG_FAMILY + "203"})
JPEG_XL = frozenset({_JPEG_FAMILY + "110", _JPEG_FAMILY + "111", _JPEG_FAMILY + "112"})
# What `imaging.codecs` decodes.
COMPRESSED = frozenset(
    {RLE, JPEG_BASELINE, JPEG_EXTENDED, ENCAPSULATED_LE, DEFLATED_FRAMES}
    | JPEG_LOSSLESS
    | JPEG_LS
    | JPEG_2000
    | HTJ2K
    | JPEG_XL
)
# MPEG-2, MPEG-4 and HEVC, whole or in fragments: a stream, not frames.
VIDEO = frozenset(
    _JPEG_FAMILY + suffix
    for number in (100, 101, 102, 103, 104, 105, 106, 107, 108)
    for suffix in (f"{number}", f"{number}.1")
)
DICOMDIR = "1.2.840.10008.1.3.10"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
SEGMENTATION = _STORAGE + "66.4"
# Image classes (PS3.4 B.5): an object of theirs is nothing without its pixels.
_IMAGE_CLASSES = frozenset(
    uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and "Image Storage" in name
) | {SEGMENTATION, _STORAGE + "66.7"}

# Leading zeros are wrong but common, and harmless: digits and dots are what paths and queries may rely on.
_VALID = re.compile(r"[0-9]+(\.[0-9]+)*")


def is_valid_uid(uid: str) -> bool:
    """Say whether a text is a UID: digits and dots, at most 64 characters."""
    return len(uid) <= 64 and _VALID.fullmatch(uid) is not None


def require_uid(uid: str, keyword: str) -> str:
    """Return the UID, or raise InvalidError `uid` that names the attribute."""
    if not is_valid_uid(uid):
        raise InvalidError("uid", f"{keyword} is not a valid UID." if uid else f"{keyword} is missing or empty.")
    return uid


def needs_pixel_data(sop_class_uid: str) -> bool:
    """Say whether an object of this class without pixel data is not whole."""
    return sop_class_uid in _IMAGE_CLASSES
