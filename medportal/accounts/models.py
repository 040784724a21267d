"""Who: people, the teams that own everything, and the tokens by which programs act for people."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What a member may do in a team; each role includes those before it."""

    VIEWER = "viewer", "Viewer"
    READER = "reader", "Reader"
    RESEARCHER = "researcher", "Researcher"
    MANAGER = "manager", "Manager"

    def includes(self, other: Role) -> bool:
        """Say whether this role may do all that `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(Role(other))


class Language(models.TextChoices):
    """Languages of the page."""

    ENGLISH = "en", "English"
    CHINESE = "zh-CN", "简体中文"


class Theme(models.TextChoices):
    """Colour schemes of the page."""

    AUTO = "auto", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Team(models.Model):
    """The owner of every study, cohort, model and job."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class User(AbstractUser):
    """A person; `is_staff` and `is_superuser` make a site administrator, who sees no studies without a membership."""

    language = models.CharField(max_length=10, choices=Language.choices, default=Language.ENGLISH)
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.DARK)
    # Of the study viewer: `viewing.serializers.ViewerSettingsSerializer`.
    viewer_settings = models.JSONField(default=dict, blank=True)
    default_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    teams: models.ManyToManyField[Team, Membership] = models.ManyToManyField(
        Team, through="Membership", related_name="users"
    )


class Membership(models.Model):
    """A person's role in a team; signing reports is a right of its own."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.VIEWER)
    can_sign = models.BooleanField(default=False)
    # Of the worklist, the member's own: [{"name", "wanted": {parameter: value}}].
    saved_searches = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="one_membership_per_team")]
        ordering = ["team__slug", "user__username"]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.team}"


class ApiToken(models.Model):
    """A secret by which a program acts for a person; only its keyed digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class HangingProtocol(models.Model):
    """How studies of a kind are laid out when they are opened: a team's, or a member's own (PS3.3 C.23 by intent)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="hanging_protocols")
    # None: the team's.
    owner = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    # `viewing.serializers.LayoutSerializer`
    layout = models.JSONField()
    # `viewing.serializers.RulesSerializer`
    rules = models.JSONField(default=dict)
    # Of several that fit, the lowest is taken.
    rank = models.PositiveSmallIntegerField(default=100)
    revision = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["rank", "name", "id"]

    def __str__(self) -> str:
        return self.name
