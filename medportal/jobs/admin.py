"""Jobs in Django's admin: to look, not to touch."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from medportal.jobs.models import Heartbeat, Job


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows rows that only the site itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs."""

    list_display = ("id", "team", "kind", "state", "attempt", "queue", "worker", "created_at", "finished_at")
    list_filter = ("state", "kind", "queue", "team")
    exclude = ("params", "result")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Workers that live."""

    list_display = ("name", "queue", "at")
