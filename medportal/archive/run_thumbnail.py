"""Makes the small picture of a series from its middle frame."""

from __future__ import annotations

from django.db import transaction

from medportal.archive import reading, storage
from medportal.archive.models import Instance, Series
from medportal.archive.rows import why_not_displayable
from medportal.archive.services import announce_study
from medportal.errors import MedportalError
from medportal.imaging.frames import Array
from medportal.imaging.headers import Header
from medportal.imaging.windowing import apply_window, auto_window, thumbnail_jpeg


def make_thumbnail(series_id: int) -> None:
    """Make the thumbnail of the series as it now is, and tell of it; nothing to do when it is up to date."""
    series = Series.objects.select_related("study__patient", "team").filter(pk=series_id).first()
    if series is None or series.thumbnail_revision >= series.revision or why_not_displayable(series):
        return
    # The revision first: an instance that comes in meanwhile makes the picture stale, not wrongly fresh.
    revision = series.revision
    picture = _picture(series)
    if picture is None:
        return
    storage.write_derived("thumbnails", f"{series.pk}.jpg", picture)
    with transaction.atomic():
        Series.objects.filter(pk=series.pk, thumbnail_revision__lt=revision).update(thumbnail_revision=revision)
        series.refresh_from_db()
        announce_study(series.study, series)


def _picture(series: Series) -> bytes | None:
    """Return a JPEG of the middle frame; None where it cannot be decoded."""
    instances = [row for row in series.instances.order_by("slice_position_mm", "instance_number") if row.frame_ranges]
    if not instances:
        return None
    instance = instances[len(instances) // 2]
    try:
        header = reading.header_of(instance)
        if header.pixel is None:
            return None
        frame = reading.decode_frame(instance, (instance.number_of_frames + 1) // 2, header.pixel)
        shown = reading.displayed(frame, header)
    except MedportalError:
        return None
    return thumbnail_jpeg(shown if shown.ndim == 3 else _grey(shown, header, instance))


def _grey(frame: Array, header: Header, instance: Instance) -> Array:
    """Window a frame as its header asks for, else by its values; MONOCHROME1 is turned over (PS3.3 C.7.6.3.1.2)."""
    slope, intercept = header.number("RescaleSlope") or 1.0, header.number("RescaleIntercept") or 0.0
    values = frame.astype("float32") * slope + intercept
    centre, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    window = (centre, width) if centre is not None and width else auto_window(values)
    grey = apply_window(values, *window)
    return 255 - grey if instance.photometric_interpretation == "MONOCHROME1" else grey  # type: ignore[operator, no-any-return]


def _first(header: Header, keyword: str) -> float | None:
    """Return an attribute's first value as a number."""
    try:
        return float(header.text(keyword).split("\\")[0])
    except ValueError:
        return None
