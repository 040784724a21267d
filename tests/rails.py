"""Fixtures for the rooms that everything runs on: a site of real processes, and this process on the same database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connections

from tests.processes import Site, has_postgresql, postgresql

DATABASES = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(not has_postgresql(), reason="no PostgreSQL on this machine")),
]


@contextlib.contextmanager
def running_site(kind: str, folder: Path) -> Iterator[Site]:
    """Start broker and database, make the tables."""
    with contextlib.ExitStack() as stack:
        url = ""
        if kind == "postgresql":
            (folder / "postgresql").mkdir()
            url = stack.enter_context(postgresql(folder / "postgresql"))
        site = Site(folder, database_url=url)
        stack.callback(site.end)
        yield site


@contextlib.contextmanager
def this_process_on(site: Site) -> Iterator[None]:
    """Let this process work on the site's database, broker and data folder, as one more of its processes."""
    import environ

    from medportal.config.celery import app
    from medportal.messaging import broker

    parsed = environ.Env.db_url_config(site.database_url)
    own = connections["default"]
    is_sqlite = parsed["ENGINE"].endswith("sqlite3")
    options = settings.DATABASES["default"].get("OPTIONS", {}) if is_sqlite else {}
    before = (settings.DATABASES["default"], settings.REDIS_URL, app.conf.broker_url)
    folders = (settings.DATA_DIR, settings.MODEL_ZOO_DIR)
    own.close()
    connections.settings["default"] = own.settings_dict | parsed | {"OPTIONS": options, "CONN_MAX_AGE": 0}
    del connections["default"]
    settings.REDIS_URL = app.conf.broker_url = site.broker.url
    settings.DATA_DIR, settings.MODEL_ZOO_DIR = site.folder, site.folder / "model_zoo"
    broker.sync_client.cache_clear()
    app._after_fork()
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"], settings.REDIS_URL, app.conf.broker_url = before
        settings.DATA_DIR, settings.MODEL_ZOO_DIR = folders
        del connections["default"]
        broker.sync_client.cache_clear()
        app._after_fork()


def forget_other_databases() -> None:
    """Drop this context's connection where it is to the database of a site before.

    Connections are kept by context, and a browser's loop gives tests another one than their fixtures have.
    """
    if connections["default"].settings_dict is not connections.settings["default"]:
        connections["default"].close()
        del connections["default"]


@pytest.fixture(scope="session", params=DATABASES)
def running(request: Any, tmp_path_factory: Any) -> Iterator[Site]:
    """A site with its web process, kept for the whole run: tests make their own teams and jobs on it."""
    with running_site(request.param, tmp_path_factory.mktemp("site")) as site:
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def site(running: Site, django_db_blocker: Any) -> Iterator[Site]:
    """The site, with this process as one of its own."""
    with this_process_on(running), django_db_blocker.unblock():
        yield running


@pytest.fixture
def people(site: Site) -> People:
    """A team of the test's own."""
    return People()


class People:
    """Teams and accounts of a test's own, so that tests do not meet on one database."""

    def __init__(self) -> None:
        from medportal.accounts.models import Team

        self.team = Team.objects.create(slug=f"team-{uuid4().hex[:8]}", name="A team")

    def member(self, role: str = "reader", *, team: Any = None) -> Any:
        from medportal.accounts.models import Membership, User

        user = User.objects.create_user(username=f"person-{uuid4().hex[:8]}")
        Membership.objects.create(user=user, team=team or self.team, role=role)
        return user

    def outsider(self) -> Any:
        return self.member(team=People().team)

    def token(self, user: Any) -> str:
        from medportal.accounts.services import issue_token

        return issue_token(user, name="test")[1]


@pytest.fixture
def ask(people: People) -> Callable[..., Any]:
    """Return a function that creates a counting job (tests/jobs/work.py); by default in a queue where nobody serves."""
    from django.db import transaction

    from medportal.jobs.services import create_job

    @transaction.atomic
    def ask(*, queue: str = "nobody", pieces: int = 3, pause_s: float = 0, **more: Any) -> Any:
        values: dict[str, Any] = {
            "id": uuid4(),
            "team": people.team,
            "kind": "count",
            "title": "Count",
            "task_name": "tests.jobs.count",
            "queue": queue,
            "params": {"pieces": pieces, "pause_s": pause_s},
            "created_by": None,
        }
        return create_job(**values | more)[0]

    return ask
