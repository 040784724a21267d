"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig


class CohortsConfig(AppConfig):
    """The `cohorts` room."""

    name = "medportal.cohorts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import pre_delete

        from medportal.archive.models import Series
        from medportal.cohorts import services
        from medportal.jobs import hooks

        hooks.on_change(services.DATASET_KIND, services.clear_dataset)

        # A series can be deleted with its study, its patient or its team: the row's own end is what all share.
        def mark(instance: Series, **_: object) -> None:
            services.mark_untrainable(instance)

        pre_delete.connect(mark, sender=Series, weak=False, dispatch_uid="cohorts-lose-series")
