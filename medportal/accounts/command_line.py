"""For which team, and as whom, a command acts that is not told."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError

from medportal.accounts.models import Membership, Role, Team, User
from medportal.errors import MedportalError


def add_arguments(parser: ArgumentParser) -> None:
    """Add `--team`, `--user` and `--json`, which most commands have."""
    parser.add_argument("--team", default="", help="slug of the team (default: the only one, or `demo`)")
    parser.add_argument("--user", default="", help="name of the member to act as (default: the first with the role)")
    parser.add_argument("--json", action="store_true", help="end with one JSON line on standard output")


def chosen_team(options: dict[str, Any]) -> Team:
    """Return the team named by `--team`, or the one that goes without saying; CommandError where there is none."""
    slug = options["team"]
    teams = list(Team.objects.filter(slug=slug) if slug else Team.objects.all()[:2])
    if len(teams) > 1:
        teams = list(Team.objects.filter(slug="demo"))
    if not teams:
        raise CommandError(f"There is no team {slug!r}." if slug else "Name a team with --team.")
    return teams[0]


def chosen_member(options: dict[str, Any], team: Team, role: Role) -> User:
    """Return the member named by `--user`, or the first whose role includes `role`; CommandError where none does."""
    members = Membership.objects.filter(team=team, user__is_active=True).select_related("user").order_by("pk")
    if options["user"]:
        members = members.filter(user__username=options["user"])
    for member in members:
        if Role(member.role).includes(role):
            return member.user
    who = f"{options['user']!r} is" if options["user"] else "There is"
    raise CommandError(f"{who} no active {role.label.lower()} of team {team}.")


@contextmanager
def plain_errors() -> Iterator[None]:
    """Have what may be told end the command with its words and exit code 1, without a traceback."""
    try:
        yield
    except MedportalError as error:
        raise CommandError(error.detail) from error
