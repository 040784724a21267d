"""Shapes of accounts: who I am, members, tokens."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from medportal.accounts.models import ApiToken, Language, Membership, Role, Team, Theme, User

# Parameters of the worklist's address.
SEARCHED = ("search", "modality", "ai", "from", "to", "sort")


class LoginSerializer(serializers.Serializer[Any]):
    """Name and password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1024, trim_whitespace=False)


class TokenSerializer(serializers.Serializer[Any]):
    """A token's secret, shown once."""

    token = serializers.CharField()


class TeamMembershipSerializer(serializers.ModelSerializer[Membership]):
    """One of my teams, and my role in it."""

    slug = serializers.CharField(source="team.slug")
    name = serializers.CharField(source="team.name")

    class Meta:
        model = Membership
        fields = ("slug", "name", "role", "can_sign")


class MeSerializer(serializers.ModelSerializer[User]):
    """Who I am, and what I prefer."""

    teams = TeamMembershipSerializer(source="memberships", many=True, read_only=True)
    default_team: serializers.SlugRelatedField[Team] = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "first_name",
            "last_name",
            "is_staff",
            "language",
            "theme",
            "default_team",
            "teams",
        )


class PreferencesSerializer(serializers.Serializer[Any]):
    """What I want to prefer from now on; what is left out stays."""

    language = serializers.ChoiceField(choices=Language.choices, required=False)
    theme = serializers.ChoiceField(choices=Theme.choices, required=False)
    default_team = serializers.SlugField(required=False)


class PasswordSerializer(serializers.Serializer[Any]):
    """The present password, and the one to come."""

    old = serializers.CharField(max_length=1024, trim_whitespace=False)
    new = serializers.CharField(max_length=1024, trim_whitespace=False)


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """An API token, without its secret."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "created_at", "last_used_at", "expires_at")
        read_only_fields = ("id", "created_at", "last_used_at")


class IssuedTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """An API token at the one moment when its secret is shown."""

    token = serializers.CharField(read_only=True)

    class Meta:
        model = ApiToken
        fields = (*ApiTokenSerializer.Meta.fields, "token")
        read_only_fields = ApiTokenSerializer.Meta.read_only_fields


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member of a team."""

    user_id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(source="user.username", read_only=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)

    class Meta:
        model = Membership
        fields = ("user_id", "username", "first_name", "last_name", "role", "can_sign", "created_at")
        read_only_fields = ("created_at",)


class SavedSearchSerializer(serializers.Serializer[Any]):
    """A search of the worklist that a member keeps under a name."""

    name = serializers.CharField(max_length=60)
    # What the worklist's address says, but for the page.
    wanted = serializers.DictField(child=serializers.CharField(max_length=200))

    def validate_wanted(self, value: dict[str, str]) -> dict[str, str]:
        """Refuse what the worklist cannot be asked."""
        if unknown := sorted(value.keys() - set(SEARCHED)):
            raise serializers.ValidationError(f"“{unknown[0]}” is not one of {', '.join(SEARCHED)}.")
        return value


class KeptSearchSerializer(SavedSearchSerializer):
    """A search to be kept."""

    # Renamed: what it was called before.
    was = serializers.CharField(max_length=60, required=False)


class NewMemberSerializer(serializers.Serializer[Any]):
    """Whom to add, and as what."""

    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=Role.choices)
    can_sign = serializers.BooleanField(default=False)


class MemberChangeSerializer(serializers.Serializer[Any]):
    """What to change of a member; what is left out stays."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    can_sign = serializers.BooleanField(required=False)
