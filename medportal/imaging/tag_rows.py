"""A header as rows that can be read and searched: tag, keyword, VR, value, each as deep as it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import keyword_for_tag, private_dictionary_description

from medportal.imaging.attributes import plain

MOST_ROWS = 20_000
MOST_TEXT = 500
MOST_VALUES = 64


@dataclass(frozen=True)
class TagRow:
    """An element: `tag` as (gggg,eeee), `value` cut to what can be read."""

    depth: int
    tag: str
    keyword: str
    vr: str
    value: str


def rows_of(model: dict[str, Any]) -> list[TagRow]:
    """Return the elements of a DICOM JSON model (PS3.18 F.2) in order, items of sequences below them; at most MOST_ROWS."""
    rows = list[TagRow]()
    for row in _rows(model, 0):
        rows.append(row)
        if len(rows) >= MOST_ROWS:
            break
    return rows


def _rows(model: dict[str, Any], depth: int) -> Iterator[TagRow]:
    creators: dict[str, str] = {}
    for tag in sorted(model):
        element = model[tag]
        vr, values = str(element.get("vr", "")), element.get("Value") or []
        if int(tag[:4], 16) % 2 and tag[4:6] == "00" and values:
            creators[tag[:4] + tag[6:]] = str(values[0])
        keyword = _keyword(tag, creators)
        written = f"({tag[:4]},{tag[4:]})"
        if vr != "SQ":
            yield TagRow(depth, written, keyword, vr, _text(element, values))
            continue
        yield TagRow(depth, written, keyword, vr, f"{len(values)}")
        for number, item in enumerate(values, start=1):
            yield TagRow(depth + 1, "", f"{number}", "", "")
            if isinstance(item, dict):
                yield from _rows(item, depth + 2)


def _keyword(tag: str, creators: dict[str, str]) -> str:
    group = int(tag[:4], 16)
    if group % 2 == 0:
        return keyword_for_tag(int(tag, 16)) or ""
    if tag[4:6] == "00":
        return "PrivateCreator"
    try:
        return private_dictionary_description(int(tag, 16), creators.get(tag[:6], ""))
    except KeyError:
        return creators.get(tag[:6], "")


def _text(element: dict[str, Any], values: list[Any]) -> str:
    if "InlineBinary" in element:
        return f"{len(element['InlineBinary']) * 3 // 4} bytes"
    if "BulkDataURI" in element:
        return "…"
    shown = " \\ ".join(_one(value) for value in values[:MOST_VALUES])
    return plain(shown, MOST_TEXT) + (" …" if len(values) > MOST_VALUES or len(shown) > MOST_TEXT else "")


def _one(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(str(value.get(key, "")) for key in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return "" if value is None else str(value)
