"""Rows that tests begin with. Models are imported late: settings are read after this module is."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medportal.accounts.models import Team, User

PASSWORD = "a long enough passphrase"
_number = count(1)


def make_team(slug: str = "", **values: Any) -> Team:
    from medportal.accounts.models import Team

    slug = slug or f"team-{next(_number)}"
    return Team.objects.create(slug=slug, name=values.pop("name", f"Team {slug}"), **values)


def make_user(username: str = "", *, password: str = "", **values: Any) -> User:
    """Make an account; without a password it cannot sign in by one (hashing takes its time)."""
    from medportal.accounts.models import User

    return User.objects.create_user(username or f"user-{next(_number)}", password=password or None, **values)


def make_member(team: Team, role: str = "reader", *, user: User | None = None, **values: Any) -> User:
    from medportal.accounts.models import Membership

    user = user or make_user()
    Membership.objects.create(team=team, user=user, role=role, **values)
    return user


def make_account(role: str, team: Team | None = None, *, password: str = PASSWORD) -> User:
    """Make an account by the name of its role: a member's, `outsider`, or `admin`."""
    if role == "admin":
        return make_user(password=password, is_staff=True, is_superuser=True)
    if role == "outsider":
        return make_member(make_team(), "manager", user=make_user(password=password))
    return make_member(team or make_team(), role, user=make_user(password=password))


def make_token(user: User) -> str:
    from medportal.accounts.services import issue_token

    return issue_token(user, name="test")[1]


def make_account_with_token(role: str, team: Team | None = None) -> tuple[User, str]:
    user = make_account(role, team, password="")
    return user, make_token(user)


def make_client(role: str, team: Team | None = None) -> Any:
    """Return a Django test client, signed in; `client.user` is the account (None for `anonymous`)."""
    from django.test import Client

    client: Any = Client(raise_request_exception=False)
    client.user = None
    if role != "anonymous":
        client.user = make_account(role, team, password="")
        client.force_login(client.user)
    return client
