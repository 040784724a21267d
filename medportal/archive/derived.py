"""What is derived from objects and kept: metadata as DICOM JSON (PS3.18 F), and pictures of the series."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator

from medportal.archive import reading, storage
from medportal.archive.models import Instance, Series
from medportal.imaging.display import model_as_served

# Named anew when what is in the documents changes, so that no older one is served.
KIND = "metadata-1"
THUMBNAILS = "thumbnails"
PREVIEWS = "previews"
IN_ORDER = ("slice_position_mm", "instance_number", "id")


def of_instance(instance: Instance) -> bytes:
    """Return an instance's metadata as it fits the frames that are served: one JSON object."""
    text = reading.header_json(instance)
    if instance.served_as in ("", "stored"):
        return text
    model = model_as_served(json.loads(text), instance.served_as)
    return json.dumps(model, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def of_series(series: Series) -> bytes:
    """Return the JSON array of a series' instances, as gzip, kept for the series' present revision."""
    return kept_for_revision(series, KIND, lambda: b"".join(_packed(_documents(series))))


def kept_for_revision(series: Series, kind: str, make: Callable[[], bytes]) -> bytes:
    """Return what is kept of a series' present revision; made where it is not, and those of earlier ones removed."""
    name = f"{series.pk}-{series.revision}.json.gz"
    kept = storage.read_derived(kind, name)
    if kept is not None:
        return kept
    packed = make()
    storage.write_derived(kind, name, packed)
    for stale in storage.derived_names(kind, f"{series.pk}-*.json.gz"):
        if int(stale.split("-")[1].split(".")[0]) < series.revision:
            storage.remove_derived(kind, stale)
    return packed


def _documents(series: Series) -> Iterator[bytes]:
    rows = series.instances.defer("frame_ranges", "pixel_description").order_by(*IN_ORDER)
    return map(of_instance, rows.iterator(chunk_size=100))


def _packed(documents: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a JSON array of the documents, as gzip."""
    machine = zlib.compressobj(5, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    separator = b"["
    for document in documents:
        yield machine.compress(separator + document)
        separator = b","
    yield machine.compress(b"[]" if separator == b"[" else b"]")
    yield machine.flush()


def thumbnail_of(series: Series) -> bytes | None:
    """Return the picture that was made of a series, a JPEG; None while there is none."""
    if not series.thumbnail_revision:
        return None
    return storage.read_derived(THUMBNAILS, thumbnail_name(series.pk, series.thumbnail_revision))


def preview_of(series: Series) -> bytes | None:
    """Return the middle frame as a JPEG that fills a pane until the frame itself has come; else the thumbnail."""
    if not series.thumbnail_revision:
        return None
    preview = storage.read_derived(PREVIEWS, thumbnail_name(series.pk, series.thumbnail_revision))
    return preview or thumbnail_of(series)


def thumbnail_name(series_id: int, revision: int) -> str:
    """Return the name of a picture; each revision has its own, so that a late older one replaces nothing."""
    return f"{series_id}-{revision}.jpg"


def gunzip(packed: bytes) -> bytes:
    """Inflate what `of_series` gives, for the rare client that takes no gzip."""
    return zlib.decompress(packed, zlib.MAX_WBITS | 16)
