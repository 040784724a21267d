"""A site of its own for each module here: its processes are killed and started again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.processes import Child, Site, wait_until
from tests.rails import running_site, this_process_on


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site with its web process; the tests start the workers that they need."""
    with running_site("sqlite", tmp_path_factory.mktemp("site")) as site:
        site.start_web()
        with this_process_on(site), django_db_blocker.unblock():
            yield site


@pytest.fixture
def worker(site: Site) -> Iterator[Callable[..., Child]]:
    """Return a function that starts a queue's worker, which also knows the tests' counting job or what else it shall."""
    from medportal.jobs.models import Heartbeat

    started: list[Child] = []

    def start(queue: str, include: str = "tests.jobs.work") -> Child:
        Heartbeat.objects.filter(queue=queue).delete()
        child = site.start_worker(queue, include=include)
        started.append(child)
        wait_until(lambda: Heartbeat.objects.filter(queue=queue).exists(), 60, f"worker of {queue}")
        return child

    yield start
    for child in started:
        child.kill()
    # Killed, they left their last signs of life behind.
    Heartbeat.objects.all().delete()
