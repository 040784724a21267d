"""Django's name for the wiring, which brings the supervisor's commands."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The wiring."""

    name = "medportal.config"

    def ready(self) -> None:
        # Whoever sends a task by name needs the application as Celery's default; it is light and loads no task.
        from medportal.config import celery  # noqa: F401
