"""The teams that a user may see or act in: where every other room's access begins."""

from __future__ import annotations

from django.db.models import QuerySet

from medportal.accounts.models import ApiToken, Membership, Role, Team, User
from medportal.errors import NotAllowedError, NotFoundError


def visible_teams(user: User) -> QuerySet[Team]:
    """Return the teams of which the user is a member."""
    return Team.objects.filter(memberships__user=user)


def get_membership(user: User, slug: str, role: Role = Role.VIEWER) -> Membership:
    """Return the user's membership of a team.

    Raises NotFoundError for a team of which the user is no member (whether it exists or not), NotAllowedError when
    the member's role does not include `role`.
    """
    membership = Membership.objects.select_related("team").filter(user=user, team__slug=slug).first()
    if membership is None or not user.is_active:
        raise NotFoundError("team_not_found", "There is no such team, or you are not a member of it.")
    if not Role(membership.role).includes(role):
        raise NotAllowedError("role_too_small", f"This needs the role of {role.label.lower()} in the team.")
    return membership


def get_team(user: User, slug: str, role: Role = Role.VIEWER) -> Team:
    """Return a team in which the user has at least `role`; raises as `get_membership` does."""
    return get_membership(user, slug, role).team


def role_of(user: User, team: Team) -> Role | None:
    """Return the user's role in the team, or None."""
    value = Membership.objects.filter(user=user, team=team).values_list("role", flat=True).first()
    return Role(value) if value else None


def default_team(user: User) -> Team:
    """Return the team that the user means when it names none; NotFoundError for a user of no team."""
    team = visible_teams(user).filter(pk=user.default_team_id or 0).first() or visible_teams(user).first()
    if team is None:
        raise NotFoundError("no_team", "You are not a member of any team yet.")
    return team


def visible_members(user: User, slug: str) -> QuerySet[Membership]:
    """Return the members of one of the user's teams."""
    team = get_team(user, slug)
    return Membership.objects.filter(team=team).select_related("user").order_by("user__username")


def get_member(user: User, slug: str, user_id: int) -> Membership:
    """Return a member, for a manager of the team to change."""
    team = get_team(user, slug, Role.MANAGER)
    member = Membership.objects.select_related("user", "team").filter(team=team, user_id=user_id).first()
    if member is None:
        raise NotFoundError("member_not_found", "There is no such member of this team.")
    return member


def own_tokens(user: User) -> QuerySet[ApiToken]:
    """Return the user's own API tokens."""
    return ApiToken.objects.filter(user=user)


def get_own_token(user: User, token_id: int) -> ApiToken:
    """Return one of the user's own API tokens."""
    token = own_tokens(user).filter(pk=token_id).first()
    if token is None:
        raise NotFoundError("token_not_found", "You have no such API token.")
    return token


def may_watch_team(user: User, slug: str) -> str | None:
    """Return the user's role in the team, by which it may be watched; a socket closes when the role changes."""
    return Membership.objects.filter(user=user, team__slug=slug).values_list("role", flat=True).first()


def may_watch_user(user: User, user_id: str) -> bool:
    """Say whether the topic is the user's own."""
    return user_id == str(user.pk)
