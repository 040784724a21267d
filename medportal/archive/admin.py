"""What the archive holds, in Django's admin: how much, not whose (site administrators see no studies)."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from medportal.archive.models import Study


@admin.register(Study)
class StudyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Studies by size and team; names of patients are not shown here."""

    list_display = ("id", "team", "number_of_series", "number_of_instances", "size_bytes", "created_at")
    list_filter = ("team",)
    fields = ("team", "number_of_series", "number_of_instances", "size_bytes", "created_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
