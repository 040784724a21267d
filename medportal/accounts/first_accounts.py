"""The accounts with which a site begins: a site administrator, and a manager of the team `demo`."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.db import transaction

from medportal.accounts.models import Membership, Role, Team, User
from medportal.audit.services import record

NAMES = ("admin", "demo")


def make_first_accounts(password: str, *, password_file: Path) -> str:
    """Make both accounts on a site that has none; returns the password if it was made up just now, else "".

    A `password` that is given is what both accounts have afterwards. An account that was removed stays removed.
    """
    made_up = ""
    if not User.objects.exists():
        if not password:
            made_up = password = secrets.token_urlsafe(12)
            _keep(password_file, password)
        _make(password)
    elif password:
        for user in User.objects.filter(username__in=NAMES):
            _set_password(user, password)
    return made_up


def _keep(path: Path, password: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(password + "\n")


@transaction.atomic
def _make(password: str) -> None:
    team, _ = Team.objects.get_or_create(slug="demo", defaults={"name": "Demo"})
    admin = User.objects.create_superuser("admin", password=password)
    demo = User.objects.create_user("demo", password=password, default_team=team)
    Membership.objects.create(team=team, user=demo, role=Role.MANAGER, can_sign=True)
    for user in (admin, demo):
        record(actor=None, action="account.created", object_type="user", object_id=str(user.pk))


@transaction.atomic
def _set_password(user: User, password: str) -> None:
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
        record(actor=None, action="password.changed", object_type="user", object_id=str(user.pk))
