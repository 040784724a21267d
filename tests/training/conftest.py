"""A running site with the workers of what is short and of trainings, whose children are real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import LiveSite
from tests.processes import Site
from tests.rails import this_process_on


@pytest.fixture(scope="module")
def site(live_site: LiveSite, django_db_blocker: Any) -> Iterator[Site]:
    """The site, with this process as one of its own."""
    live_site.need_worker("default")
    live_site.need_worker("training")
    with this_process_on(live_site.site), django_db_blocker.unblock():
        yield live_site.site
