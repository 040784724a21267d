"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig

THUMBNAIL_TASK = "medportal.archive.tasks.thumbnail_after_growth"


class ArchiveConfig(AppConfig):
    """The `archive` room."""

    name = "medportal.archive"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from medportal.archive.access import may_watch_study
        from medportal.messaging import reactions, topics

        topics.register("study", may_watch_study)
        reactions.register("series.grew", THUMBNAIL_TASK)
