"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """The `training` room."""

    name = "medportal.training"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from medportal.cohorts import generators
        from medportal.jobs import hooks
        from medportal.training import services
        from medportal.training.evaluations import seen
        from medportal.training.evaluations import services as evaluations

        hooks.on_change(services.KIND, services.follow_job)
        hooks.on_change(evaluations.KIND, evaluations.follow_job)
        generators.register_lessons(seen.trained_on)
