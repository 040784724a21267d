"""What people do with accounts: sign in and out, tokens, members, preferences."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth import authenticate, login, logout, password_validation, update_session_auth_hash
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from medportal.accounts.access import visible_teams
from medportal.accounts.authentication import digest
from medportal.accounts.models import ApiToken, Membership, Role, Team, User
from medportal.audit.services import record
from medportal.errors import ConflictError, InvalidError, NotFoundError
from medportal.messaging.services import revoke

TOKEN_PREFIX = "mp_"  # noqa: S105 - a mark by which a leaked token is recognised
MOST_SEARCHES = 100


def check_password(request: HttpRequest, username: str, password: str) -> User | None:
    """Return the user if name and password fit; the attempt is on record either way."""
    user = authenticate(request, username=username, password=password)
    address = request.META.get("REMOTE_ADDR", "")
    if not isinstance(user, User):
        record(actor=None, action="login.failed", object_id=username[:150], outcome="denied", address=address)
        return None
    record(actor=user, action="login.succeeded", object_type="user", object_id=str(user.pk), address=address)
    return user


def sign_in(request: HttpRequest, username: str, password: str) -> User | None:
    """Open a session for the page."""
    user = check_password(request, username, password)
    if user is not None:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def sign_out(request: HttpRequest) -> None:
    """End the session, and the sockets that live by it."""
    user = request.user
    with transaction.atomic():
        if isinstance(user, User):
            record(actor=user, action="logout", object_type="user", object_id=str(user.pk))
            revoke(user.pk)
        logout(request)


@transaction.atomic
def issue_token(user: User, *, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """Make an API token; returns (row, secret). The secret is shown this once."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(user=user, name=name, digest=digest(secret), expires_at=expires_at)
    record(actor=user, action="token.issued", object_type="token", object_id=str(token.pk))
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken, *, actor: User) -> None:
    """End a token, and the sockets that were opened with it."""
    record(actor=actor, action="token.revoked", object_type="token", object_id=str(token.pk))
    token.delete()
    revoke(token.user_id)


@transaction.atomic
def set_preferences(user: User, *, default_team: str | None = None, **values: Any) -> User:
    """Keep language, theme and default team with the account."""
    if default_team is not None:
        team = visible_teams(user).filter(slug=default_team).first()
        if team is None:
            raise NotFoundError("team_not_found", "There is no such team, or you are not a member of it.")
        user.default_team = team
        chosen = {**values, "default_team": team.slug}
    else:
        chosen = values
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=["default_team", *values])
    record(actor=user, action="preferences.changed", object_type="user", object_id=str(user.pk), detail=chosen)
    return user


@transaction.atomic
def change_password(request: HttpRequest, user: User, *, old: str, new: str) -> None:
    """Change the user's own password; other sessions end."""
    if not user.check_password(old):
        raise InvalidError("wrong_password", "The present password is not right.")
    try:
        password_validation.validate_password(new, user)
    except ValidationError as error:
        raise InvalidError("weak_password", " ".join(error.messages)) from error
    user.set_password(new)
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    record(actor=user, action="password.changed", object_type="user", object_id=str(user.pk))
    revoke(user.pk)


@transaction.atomic
def add_member(team: Team, *, actor: User, username: str, role: Role, can_sign: bool = False) -> Membership:
    """Make an account a member of the team."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise InvalidError("no_such_user", "There is no active account of that name.")
    member, is_new = Membership.objects.get_or_create(
        team=team, user=user, defaults={"role": role, "can_sign": can_sign}
    )
    if not is_new:
        raise ConflictError("already_member", "This account is a member of the team already.")
    _record_member(member, actor, "member.added")
    return member


@transaction.atomic
def change_member(member: Membership, *, actor: User, **values: Any) -> Membership:
    """Change a member's role or right to sign; takes effect at once, on open sockets too."""
    _lock_team(member)
    if values.get("role", member.role) != Role.MANAGER:
        _keep_a_manager(member)
    for name, value in values.items():
        setattr(member, name, value)
    member.save(update_fields=list(values))
    _record_member(member, actor, "member.changed")
    return member


@transaction.atomic
def remove_member(member: Membership, *, actor: User) -> None:
    """End a membership; the person's sockets on the team's topics close."""
    _lock_team(member)
    _keep_a_manager(member)
    _record_member(member, actor, "member.removed")
    member.delete()


def _lock_team(member: Membership) -> None:
    """Take the team's row, so that two managers cannot leave at once, and read the member as it is by now."""
    Team.objects.select_for_update().get(pk=member.team_id)
    try:
        member.refresh_from_db(fields=["role", "can_sign"])
    except Membership.DoesNotExist as error:
        raise NotFoundError("member_not_found", "There is no such member of this team.") from error


def _keep_a_manager(member: Membership) -> None:
    """Refuse to take away the team's last manager who can still sign in."""
    others = Membership.objects.filter(team=member.team, role=Role.MANAGER, user__is_active=True).exclude(pk=member.pk)
    if member.role == Role.MANAGER and not others.exists():
        raise ConflictError("last_manager", "A team keeps at least one manager: make somebody else manager first.")


def _record_member(member: Membership, actor: User, action: str) -> None:
    detail = {"role": member.role, "can_sign": member.can_sign}
    slug = member.team.slug
    record(actor=actor, action=action, team=slug, object_type="user", object_id=str(member.user_id), detail=detail)
    revoke(member.user_id)


@transaction.atomic
def keep_search(membership: Membership, *, name: str, wanted: dict[str, str], was: str = "") -> list[dict[str, Any]]:
    """Keep a search, in the place of those of its name and of its earlier one; returns all of the member's, by name.

    Raises InvalidError `too_many_searches`.
    """
    row = Membership.objects.select_for_update().get(pk=membership.pk)
    others = [one for one in row.saved_searches if one["name"] not in (name, was)]
    if len(others) >= MOST_SEARCHES:
        raise InvalidError(
            "too_many_searches", f"At most {MOST_SEARCHES} searches are kept in a team: delete one first."
        )
    row.saved_searches = sorted([*others, {"name": name, "wanted": wanted}], key=lambda one: one["name"].casefold())
    row.save(update_fields=["saved_searches"])
    return list(row.saved_searches)


@transaction.atomic
def forget_search(membership: Membership, name: str) -> None:
    """Delete a kept search; raises NotFoundError `search_not_found`."""
    row = Membership.objects.select_for_update().get(pk=membership.pk)
    left = [one for one in row.saved_searches if one["name"] != name]
    if len(left) == len(row.saved_searches):
        raise NotFoundError("search_not_found", f"No search is kept under the name “{name}”.")
    row.saved_searches = left
    row.save(update_fields=["saved_searches"])
