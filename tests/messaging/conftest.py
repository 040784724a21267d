"""A web process over each kind of database, for the tests of what is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import Site
from tests.rails import DATABASES, People, running_site, this_process_on


@pytest.fixture(scope="module", params=DATABASES)
def site(request: Any, tmp_path_factory: Any, django_db_blocker: Any) -> Iterator[Site]:
    with running_site(request.param, tmp_path_factory.mktemp("site")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            yield site


@pytest.fixture
def people(site: Site) -> People:
    return People()
