"""The archive's tasks."""

from __future__ import annotations

from typing import Any

from celery import current_app

from medportal.archive.apps import THUMBNAIL_TASK
from medportal.archive.models import Series
from medportal.archive.run_thumbnail import make_thumbnail
from medportal.messaging.models import Event
from medportal.messaging.services import finish_reaction


@current_app.task(name=THUMBNAIL_TASK)  # type: ignore[untyped-decorator]
def thumbnail_after_store(*, event_id: int, **_: Any) -> None:
    """Bring the thumbnail of the series up to date into which an instance came."""
    event = Event.objects.filter(pk=event_id).first()
    if event is not None:
        uid = event.data["series"]["series_instance_uid"]
        for key in Series.objects.filter(team_id=event.team_id, series_instance_uid=uid).values_list("pk", flat=True):
            make_thumbnail(key)
    finish_reaction(event_id, THUMBNAIL_TASK)
