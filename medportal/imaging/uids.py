"""UIDs that the code acts upon, and which are valid (PS3.5 9.1)."""

from __future__ import annotations

import re

from medportal.errors import InvalidError

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
NATIVE = frozenset({IMPLICIT_LE, EXPLICIT_LE, DEFLATED_LE, EXPLICIT_BE})
DICOMDIR = "1.2.840.10008.1.3.10"

# Leading zeros are wrong but common, and harmless: digits and dots are what paths and queries may rely on.
_VALID = re.compile(r"[0-9]+(\.[0-9]+)*")


def is_valid_uid(uid: str) -> bool:
    """Say whether a text is a UID: digits and dots, at most 64 characters."""
    return len(uid) <= 64 and _VALID.fullmatch(uid) is not None


def require_uid(uid: str, keyword: str) -> str:
    """Return the UID, or raise InvalidError `uid` that names the attribute."""
    if not is_valid_uid(uid):
        raise InvalidError("uid", f"{keyword} is not a valid UID.")
    return uid
