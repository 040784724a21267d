"""The archive's tasks."""

from __future__ import annotations

from typing import Any

from celery import current_app

from medportal.archive.apps import THUMBNAIL_TASK
from medportal.archive.run_thumbnail import after_growth


@current_app.task(name=THUMBNAIL_TASK)
def thumbnail_after_growth(*, event_id: int, **_: Any) -> None:
    """Bring the thumbnail of the series up to date of which an event tells."""
    after_growth(event_id)
