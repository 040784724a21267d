"""What every test may ask for: a database, people in their roles, a broker, a whole site."""

from __future__ import annotations

from tests import environment  # isort: skip - before Django's settings are read

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import httpx
import pytest

from tests import factories

pytest_plugins = ["tests.rails"]
ROLES = ("viewer", "reader", "researcher", "manager")


def pytest_configure() -> None:
    """Set Django up, now that the environment is the tests' own."""
    django.setup()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Keep the test database in a file: several threads share it as they do on a site."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(environment.DATA_DIR / "test.sqlite3")


@pytest.fixture
def team(db: None) -> Any:
    """One team."""
    return factories.make_team()


@pytest.fixture
def client_for(team: Any) -> Callable[..., Any]:
    """Give a Django test client signed in as a member of `team`: `client_for("reader")`.

    Roles beyond the four: `outsider` (manager of another team), `admin` (site administrator of no team), `anonymous`.
    The account is `client.user`.
    """
    return lambda role: factories.make_client(role, team)


@pytest.fixture(scope="session")
def decoder() -> Iterator[Any]:
    """Decode hostile pixels in a child, as the site does."""
    from medportal.imaging.decoder import Decoder

    decoder = Decoder(children=1)
    yield decoder
    decoder.close()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run a broker of our own: real, with a password, on a free port."""
    from tests.processes import Broker

    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.child.end()


@pytest.fixture(scope="session")
def live_site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[LiveSite]:
    """Run a whole site (broker, web; workers when asked for) with its own data folder."""
    from tests.rails import running_site

    with running_site("sqlite", tmp_path_factory.mktemp("live")) as site:
        site.start_web()
        yield LiveSite(site, django_db_blocker)


class LiveSite:
    """A running site that is spoken to from outside."""

    def __init__(self, site: Any, blocker: Any) -> None:
        self.site = site
        self._blocker = blocker
        self._queues: set[str] = set()

    @property
    def url(self) -> str:
        return str(self.site.url)

    @property
    def folder(self) -> Path:
        return Path(self.site.folder)

    def need_worker(self, queue: str) -> None:
        """Start a queue's worker if it does not run yet."""
        if queue not in self._queues:
            self._queues.add(queue)
            self.site.start_worker(queue)

    def make(self, build: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a factory on the site's database."""
        from tests.rails import this_process_on

        with this_process_on(self.site), self._blocker.unblock():
            return build(*arguments, **options)

    def client(self, role: str, team: Any = None) -> httpx.Client:
        """Return an HTTP client that shows a token of a new account; `client.user` is that account."""
        user, token = self.make(factories.make_account_with_token, role, team)
        client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        client.user, client.token = user, token  # type: ignore[attr-defined]
        return client

    def page(self, role: str, team: Any = None) -> httpx.Client:
        """Return an HTTP client that is signed in as the page is: a session cookie, and the CSRF header."""
        user = self.make(factories.make_account, role, team)
        client = httpx.Client(base_url=self.url, timeout=30, headers={"Origin": self.url})
        client.get("/api/v1/auth/me/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        words = {"username": user.username, "password": factories.PASSWORD}
        client.post("/api/v1/auth/login/", json=words).raise_for_status()
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        client.user = user  # type: ignore[attr-defined]
        return client
