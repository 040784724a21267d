"""Metadata as DICOM JSON (PS3.18 F): made once for each instance, kept as one deflated document for each series."""

from __future__ import annotations

import json
import warnings
import zlib
from typing import Any

from medportal.archive import storage
from medportal.archive.models import Instance, Series
from medportal.archive.reading import header_of
from medportal.archive.wado import viewed_metadata
from medportal.imaging.headers import Header

# Larger values (LUTs of size, private blobs) are left out of metadata; the object itself has them.
INLINE_BYTES = 256 * 1024
# The extended offset table speaks of fragments that no client of metadata sees.
_NOT_METADATA = (0x7FE00001, 0x7FE00002)


def instance_json(header: Header) -> dict[str, Any]:
    """Return an object's header as DICOM JSON; values that break the rules of their VR are left out."""
    dataset = header.dataset
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in _NOT_METADATA:
            if tag in dataset:
                del dataset[tag]
        for element in [raw.tag for raw in dataset.values() if _is_large(raw)]:
            del dataset[element]
        document: dict[str, Any] = dataset.to_json_dict(suppress_invalid_tags=True)
    document["00083002"] = {"vr": "UI", "Value": [header.transfer_syntax_uid]}
    return document


def _is_large(raw: Any) -> bool:
    value = getattr(raw, "value", None)
    return isinstance(value, bytes) and len(value) > INLINE_BYTES


def of_instance(instance: Instance) -> dict[str, Any]:
    """Return an instance's metadata, making and keeping it on first need."""
    if instance.header:
        document: dict[str, Any] = json.loads(zlib.decompress(instance.header))
        return document
    document = instance_json(header_of(instance))
    packed = zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)
    Instance.objects.filter(pk=instance.pk).update(header=packed)
    return document


def of_series(series: Series) -> bytes:
    """Return the JSON array of a series' instances, deflated by gzip, as kept for the series' present revision."""
    name = f"{series.pk}-{series.revision}.json.gz"
    kept = storage.derived_path("metadata", name)
    if kept.is_file():
        return kept.read_bytes()
    instances = series.instances.defer("frame_ranges").order_by("slice_position_mm", "instance_number", "id")
    text = json.dumps(
        [viewed_metadata(of_instance(row), row) for row in instances], separators=(",", ":"), ensure_ascii=False
    )
    machine = zlib.compressobj(4, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = machine.compress(text.encode("utf-8", "replace")) + machine.flush()
    storage.write_derived("metadata", name, packed)
    for stale in storage.derived_path("metadata", "").glob(f"{series.pk}-*.json.gz"):
        if stale.name != name:
            stale.unlink(missing_ok=True)
    return packed
