"""The audit trail in Django's admin: to look, not to touch."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from medportal.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What happened."""

    list_display = ("at", "actor", "team", "action", "object_type", "object_id", "outcome", "seq")
    list_filter = ("action", "outcome", "team")
    search_fields = ("actor", "object_id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
