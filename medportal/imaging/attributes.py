"""Reads single attributes from a DICOM JSON model (PS3.18 F.2) by keyword."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydicom.datadict import tag_for_keyword

from medportal.errors import InvalidError
from medportal.imaging.uids import require_uid


@lru_cache(maxsize=1024)
def tag_of(keyword: str) -> str:
    """Return the eight hexadecimal digits by which the model knows an attribute."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return f"{tag:08X}"


def plain(text: str, limit: int) -> str:
    """Return text without control characters (databases and logs do not take them), cut to `limit` characters."""
    if not text.isprintable():
        text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return text.strip()[:limit]


class Attributes:
    """A data set, or an item of a sequence."""

    def __init__(self, model: dict[str, dict[str, Any]]) -> None:
        self.model = model

    def __contains__(self, keyword: str) -> bool:
        return tag_of(keyword) in self.model

    def values(self, keyword: str) -> list[Any]:
        """Return all values; [] where the attribute is absent, empty or binary."""
        return self.model.get(tag_of(keyword), {}).get("Value") or []

    def text(self, keyword: str, limit: int = 64) -> str:
        """Return the first value as plain text, '' where there is none, cut to `limit` characters.

        A person's name has its component groups joined by `=`, as it is written in the object.
        """
        return next(iter(self.texts(keyword, limit)), "")

    def texts(self, keyword: str, limit: int = 64) -> list[str]:
        """Return all values as plain texts; see `text`."""
        return [plain(_as_text(value), limit) for value in self.values(keyword)]

    def uid(self, keyword: str) -> str:
        """Return a required UID; raises InvalidError `uid`."""
        # A list of UIDs is not a UID, and must not pass as its first.
        return require_uid("\\".join(map(str, self.values(keyword))), keyword)

    def number(self, keyword: str) -> float | None:
        """Return the first value as a number, None where it is none."""
        values = self.values(keyword)
        return float(values[0]) if values and _is_number(values[0]) else None

    def integer(self, keyword: str) -> int | None:
        """Return the first value as an integer that a database takes (32 bits), None where it is none."""
        value = self.number(keyword)
        return int(value) if value is not None and value == int(value) and abs(value) < 2**31 else None

    def numbers(self, keyword: str, count: int) -> list[float] | None:
        """Return a multi-valued attribute of exactly `count` numbers, else None."""
        values = self.values(keyword)
        return [float(v) for v in values] if len(values) == count and all(map(_is_number, values)) else None

    def items(self, keyword: str) -> Iterator[Attributes]:
        """Yield the items of a sequence."""
        return (Attributes(item) for item in self.values(keyword) if isinstance(item, dict))

    def binary(self, keyword: str) -> bytes:
        """Return a binary value (words in little endian); raises InvalidError `malformed` where it is missing."""
        element = self.model.get(tag_of(keyword), {})
        if "InlineBinary" not in element:
            raise InvalidError("malformed", f"{keyword} is missing or larger than this site reads.")
        return base64.b64decode(element["InlineBinary"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        groups = [value.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)
