"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The `jobs` room."""

    name = "medportal.jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from medportal.jobs.access import may_watch_job
        from medportal.messaging import topics

        topics.register("job", may_watch_job)
