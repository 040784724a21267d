"""A running site with an inference worker, on which these tests make teams, series and models of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chests import store_chest
from tests.conftest import LiveSite
from tests.packages import register
from tests.processes import Site
from tests.rails import People, this_process_on

# So slow that there is time to look on: about a second for each batch of slices on a machine that does nothing else.
SLOW = 12_000


@pytest.fixture(scope="module")
def site(live_site: LiveSite, django_db_blocker: Any) -> Iterator[Site]:
    """The site, with this process as one of its own."""
    live_site.need_worker("inference")
    with this_process_on(live_site.site), django_db_blocker.unblock():
        yield live_site.site


@pytest.fixture
def series(people: People) -> Any:
    """A cancer patient's series of twenty slices; those in the middle are bright."""
    return store_chest(people.team, 2, has_cancer=True, slices=20)


@pytest.fixture
def model(people: People, tmp_path: Path) -> Any:
    """A quick model in production."""
    return register(people.team, tmp_path, output={"thresholds": [0.8]})


@pytest.fixture
def slow_model(people: People, tmp_path: Path) -> Any:
    """A slow one."""
    return register(people.team, tmp_path, name="slow", turns=SLOW, output={"thresholds": [0.8]})


@pytest.fixture
def client(site: Site, people: People) -> Iterator[Callable[..., httpx.Client]]:
    """Return a function that gives an HTTP client of a new member: `client("reader")`; its token is `client.token`."""
    opened: list[httpx.Client] = []

    def client(role: str = "reader", user: Any = None) -> httpx.Client:
        user = user or people.member(role)
        token = people.token(user)
        one = httpx.Client(base_url=f"{site.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        one.user, one.token = user, token  # type: ignore[attr-defined]
        opened.append(one)
        return one

    yield client
    for one in opened:
        one.close()
