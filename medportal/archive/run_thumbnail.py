"""Makes the small picture of a series, and the one that fills a pane, once it has stopped growing."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from medportal.archive import reading, storage
from medportal.archive.apps import THUMBNAIL_TASK
from medportal.archive.derived import PREVIEWS, THUMBNAILS, thumbnail_name
from medportal.archive.models import Instance, Series
from medportal.archive.series_document import document_of
from medportal.archive.services import finish_thumbnail
from medportal.errors import MedportalError
from medportal.imaging.display import to_rgb
from medportal.imaging.frames import Array
from medportal.imaging.stacks import decode_source
from medportal.imaging.windowing import thumbnail_jpeg, to_grey
from medportal.messaging.models import Event
from medportal.messaging.services import finish_reaction

QUIET_S, PATIENCE_S = 1.0, 4.0
PREVIEW_PIXELS = 768


def after_growth(event_id: int) -> None:
    """Do what `series.grew` asks for; a second delivery finds it done."""
    event = Event.objects.filter(pk=event_id).first()
    if event is not None and event.team_id is not None:
        uid = event.data["series"]["series_instance_uid"]
        for key in Series.objects.filter(team_id=event.team_id, series_instance_uid=uid).values_list("pk", flat=True):
            make_thumbnail(key)
    finish_reaction(event_id, THUMBNAIL_TASK)


def make_thumbnail(series_id: int) -> None:
    """Make the thumbnail of the series as it now is, and tell of it. May run twice; may run beside itself."""
    _wait_until_quiet(series_id)
    # From here on, whatever comes in asks again.
    was_due = Series.objects.filter(pk=series_id, thumbnail_is_due=True).update(thumbnail_is_due=False)
    series = Series.objects.select_related("study").filter(pk=series_id).first()
    if series is None or not (was_due or series.thumbnail_revision < series.revision):
        return
    revision = series.revision
    picture = None if series.reason_not_displayable else _picture(series)
    if picture is not None:
        name = thumbnail_name(series.pk, revision)
        storage.write_derived(PREVIEWS, name, thumbnail_jpeg(picture, PREVIEW_PIXELS))
        storage.write_derived(THUMBNAILS, name, thumbnail_jpeg(picture))
    finish_thumbnail(series, revision, has_picture=picture is not None)
    if not series.reason_not_displayable:
        # Whoever opens it need not wait for it to be made; what cannot be made is told to whoever asks for it.
        with suppress(MedportalError):
            document_of(series)
    if picture is not None:
        _remove_older(series)


def _wait_until_quiet(series_id: int) -> None:
    """Wait while objects of the series come in quick succession, but not for long."""
    deadline = time.monotonic() + PATIENCE_S
    rows = Instance.objects.filter(series_id=series_id).order_by("-id").values_list("created_at", flat=True)
    while time.monotonic() < deadline:
        latest = rows.first()
        if latest is None or timezone.now() - latest > timedelta(seconds=QUIET_S):
            return
        time.sleep(QUIET_S / 4)


def _picture(series: Series) -> Array | None:
    """Return the middle frame as it is meant to be seen; None where it cannot be decoded."""
    try:
        middle = _middle_instance(series)
        source = reading.source_of(middle, (middle.number_of_frames + 1) // 2)
        frame = decode_source(source, reading.decoder())
        attributes = reading.attributes_of(middle)
        if source.pixel.samples_per_pixel > 1 or source.pixel.photometric_interpretation == "PALETTE COLOR":
            return to_rgb(frame, source.pixel, attributes)
        return to_grey(frame, source.plane, attributes, source.pixel.photometric_interpretation)
    except MedportalError:
        return None


def _middle_instance(series: Series) -> Instance:
    order = ("slice_position_mm", "instance_number", "id")
    ids = list(series.instances.filter(number_of_frames__gt=0).order_by(*order).values_list("pk", flat=True))
    return Instance.objects.get(pk=ids[len(ids) // 2])


def _remove_older(series: Series) -> None:
    shown = thumbnail_name(series.pk, series.thumbnail_revision)
    for kind in (THUMBNAILS, PREVIEWS):
        for name in storage.derived_names(kind, f"{series.pk}-*.jpg"):
            if name != shown and int(name.split("-")[1].removesuffix(".jpg")) < series.thumbnail_revision:
                storage.remove_derived(kind, name)
