"""Django's name for the wiring, which brings the supervisor's commands."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The wiring."""

    name = "medportal.config"
