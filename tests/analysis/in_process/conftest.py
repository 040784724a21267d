"""Analyses that this process does when the test says so: a site without workers, and a reader who asks over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.processes import Site
from tests.rails import People, running_site, this_process_on

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Site]:
    """A site without workers: this process does the work when the test says so."""
    from medportal.analysis import nearest, resident

    folder = tmp_path_factory.mktemp("tasks")
    with running_site("sqlite", folder) as site, this_process_on(site), django_db_blocker.unblock():
        for kept in (resident.sessions, resident.volumes, nearest.matrices):
            kept.cache_clear()
        yield site


@pytest.fixture
def reader(people: People) -> Any:
    """A reader of the team, signed in; `reader.user` is the account."""
    from django.test import Client

    client: Any = Client(raise_request_exception=False)
    client.user = people.member("reader")
    client.force_login(client.user)
    return client


@pytest.fixture
def ask(people: People, reader: Any) -> Ask:
    """Return a function that asks for an analysis over HTTP as a reader, and gives the response."""

    def ask(model: str = "bright", client: Any = None, **words: Any) -> Any:
        body = {"id": str(uuid4()), "model": model} | words
        url = f"/api/v1/teams/{people.team.slug}/analyses/"
        return (client or reader).post(url, json.dumps(body), content_type="application/json")

    return ask


@pytest.fixture
def run(ask: Ask) -> Callable[..., Any]:
    """Return a function that has a model run on a series and gives the ended job."""
    from medportal.analysis.run_analysis import run_analysis
    from medportal.jobs.models import Job

    def run(model: str, series: Any = None, **words: Any) -> Any:
        more = {"series_instance_uid": series.series_instance_uid} if series else {}
        response = ask(model, **more, **words)
        assert response.status_code == 202, response.content
        job = response.json()["job"]["id"]
        run_analysis(job, worker="test")
        return Job.objects.get(pk=job)

    return run
