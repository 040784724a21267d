"""What the viewer has to know of a series, in one small document: what its instances share is said once.

    {"count": n, "shared": {tag: element}, "columns": {tag: {"vr": …, "values": [Value of each instance, or null]}}}

Elements are DICOM JSON (PS3.18 F.2). Left out is what no viewer reads: private elements, and binary ones that are no
lookup table. Standard clients get the plain metadata of PS3.18.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from medportal.archive.derived import IN_ORDER, kept_for_revision, of_instance
from medportal.archive.models import Series

# Named anew when what is in the documents changes, so that no older one is served.
DOCUMENTS = "series-1"
_ABSENT = object()
Model = dict[str, Any]


def document_of(series: Series) -> bytes:
    """Return a series' document as gzip, made once for its present revision."""
    return kept_for_revision(series, DOCUMENTS, lambda: _packed(compact(_models(series))))


def _packed(document: Model) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    machine = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return machine.compress(text) + machine.flush()


def _models(series: Series) -> Iterator[Model]:
    rows = series.instances.defer("frame_ranges", "pixel_description").order_by(*IN_ORDER)
    for instance in rows.iterator(chunk_size=100):
        yield {tag: element for tag, element in json.loads(of_instance(instance)).items() if _is_read(tag, element)}


def _is_read(tag: str, element: Any) -> bool:
    is_private = int(tag[:4], 16) % 2 == 1
    # LUT Data, palettes: 0028,xx.
    is_binary = "InlineBinary" in element or "BulkDataURI" in element
    return not is_private and (not is_binary or tag.startswith("0028"))


def compact(models: Iterable[Model]) -> Model:
    """Return models of instances as one document."""
    shared: Model = {}
    columns: dict[str, list[Any]] = {}
    count = 0
    for model in models:
        for tag in shared.keys() | columns.keys() | model.keys():
            element = model.get(tag, _ABSENT)
            if tag in columns:
                columns[tag].append(element)
            elif count == 0:
                shared[tag] = element
            elif shared.get(tag, _ABSENT) != element:
                # What was the same until now is written out.
                columns[tag] = [shared.pop(tag, _ABSENT)] * count + [element]
        count += 1
    return {"count": count, "shared": shared, "columns": {tag: _column(column) for tag, column in columns.items()}}


def _column(column: list[Any]) -> Model:
    """Return a column: values beside one VR; whole elements where they are not so simple."""
    present = [element for element in column if element is not _ABSENT]
    vr = present[0].get("vr")
    if all(set(element) <= {"vr", "Value"} and element.get("vr") == vr for element in present):
        return {"vr": vr, "values": [None if one is _ABSENT else one.get("Value", []) for one in column]}
    return {"elements": [None if one is _ABSENT else one for one in column]}
