"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    """The `annotations` room."""

    name = "medportal.annotations"
    default_auto_field = "django.db.models.BigAutoField"
