"""Django's name for the room, and what it registers with the rooms below when the site starts."""

from __future__ import annotations

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    """The `analysis` room."""

    name = "medportal.analysis"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from medportal.analysis import by_pgvector, generating, services, similar
        from medportal.cohorts import generators
        from medportal.jobs import hooks
        from medportal.messaging import reactions

        hooks.on_change(services.KIND, services.follow_job)
        generators.register_makers(generating.makers_of)
        # Told when a series has its picture: once it has stopped growing.
        reactions.register("series.changed", similar.ARRIVAL_TASK, queue=services.QUEUE)
        post_migrate.connect(by_pgvector.make_table, sender=self)
