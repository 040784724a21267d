"""Accounts and teams in Django's admin, for site administrators."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

from medportal.accounts.models import ApiToken, Membership, Team, User


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """Memberships beside what they belong to."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user", "team")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """People."""

    inlines = (MembershipInline,)
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), ("Page", {"fields": ("language", "theme", "default_team")}))


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Teams."""

    list_display = ("slug", "name", "created_at")
    search_fields = ("slug", "name")
    inlines = (MembershipInline,)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """API tokens: to look at and to end, never to make or read."""

    list_display = ("name", "user", "created_at", "last_used_at", "expires_at")
    fields = ("name", "user", "expires_at")
    readonly_fields = ("name", "user")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
