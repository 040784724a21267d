"""Jobs by HTTP: the team's members see them, who started one or a manager cancels it, nobody else knows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from medportal.jobs.models import Job
from tests.processes import Site
from tests.rails import People

Ask = Callable[..., Job]


@pytest.fixture
def call(site: Site, people: People) -> Callable[..., httpx.Response]:
    """Return a function that calls the jobs of the team as a user."""

    def call(user: Any, path: str = "", method: str = "GET", **params: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {people.token(user)}"} if user else {}
        url = f"{site.url}/api/v1/teams/{people.team.slug}/jobs/{path}"
        return httpx.request(method, url, headers=headers, params=params, timeout=20)

    return call


Call = Callable[..., httpx.Response]


def test_members_see_the_teams_jobs(ask: Ask, people: People, call: Call) -> None:
    older, newer = ask(kind="one"), ask(kind="two")
    viewer = people.member("viewer")
    listed = call(viewer).json()
    assert [job["id"] for job in listed["results"]] == [str(newer.pk), str(older.pk)]
    assert [job["id"] for job in call(viewer, kind="one").json()["results"]] == [str(older.pk)]
    assert call(viewer, state="running").json()["results"] == []
    assert call(viewer, f"{older.pk}/").json() == listed["results"][1]
    assert call(viewer, state="nonsense").status_code == 400
    assert call(viewer, kind="\x00").status_code == 400


def test_others_do_not_know_of_them(ask: Ask, people: People, call: Call) -> None:
    job, outsider = ask(), people.outsider()
    for path, method in (("", "GET"), (f"{job.pk}/", "GET"), (f"{job.pk}/cancel/", "POST")):
        assert call(outsider, path, method).status_code == 404
        assert call(None, path, method).status_code == 401
    assert call(people.member(), f"{uuid4()}/").status_code == 404


def test_who_may_cancel(ask: Ask, people: People, call: Call) -> None:
    starter = people.member("reader")
    job = ask(created_by=starter)
    for role in ("viewer", "reader", "researcher"):
        assert call(people.member(role), f"{job.pk}/cancel/", "POST").status_code == 403
    answer = call(starter, f"{job.pk}/cancel/", "POST")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert call(starter, f"{job.pk}/cancel/", "POST").status_code == 200
    other = ask(created_by=starter)
    assert call(people.member("manager"), f"{other.pk}/cancel/", "POST").json()["state"] == "cancelled"
    lowered = people.member("reader")
    third = ask(created_by=lowered)
    lowered.memberships.update(role="viewer")
    assert call(lowered, f"{third.pk}/cancel/", "POST").status_code == 403
