"""Asking for a job: once, however often it is asked; told to everyone concerned; placed in its queue."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from medportal.errors import ConflictError
from medportal.jobs.changes import queue_place
from medportal.jobs.leases import _take
from medportal.jobs.models import Job, State
from medportal.messaging.models import Event
from tests.jobs.work import count
from tests.processes import Site, wait_until
from tests.rails import People
from tests.sockets import Socket
from tests.threads import in_threads

Ask = Callable[..., Job]


def test_a_double_click_is_one_job(ask: Ask) -> None:
    id_, queue = uuid4(), f"q-{uuid4().hex[:6]}"
    in_threads(*[lambda: ask(id=id_, queue=queue)] * 6)
    assert Job.objects.filter(pk=id_).count() == 1
    assert Event.objects.filter(topic_id=f"job:{id_}").count() >= 1


def test_an_id_belongs_to_one_request(ask: Ask, people: People) -> None:
    job = ask()
    assert ask(id=job.pk).pk == job.pk
    for other in ({"pieces": 9}, {"kind": "other"}, {"team": People().team}):
        with pytest.raises(ConflictError) as refused:
            ask(id=job.pk, **other)
        assert refused.value.code == "job_id_taken"


def test_everyone_concerned_is_told(site: Site, ask: Ask, people: People) -> None:
    user = people.member()
    subject = f"team:{People().team.slug}"
    job = ask(subject=subject, created_by=user)
    count(str(job.pk))
    with Socket(site, token=people.token(user)) as socket:
        assert socket.follow(job.topic, after=0)["type"] == "subscribed"
        told = [socket.take()]
        while told[-1].get("data", {}).get("state") != "succeeded":
            told.append(socket.take())
    assert [frame["seq"] for frame in told] == list(range(1, len(told) + 1))
    changes = [frame["data"] for frame in told if frame["type"] == "job.changed"]
    assert [change["revision"] for change in changes] == sorted(change["revision"] for change in changes)
    assert list(dict.fromkeys(change["state"] for change in changes)) == ["queued", "running", "succeeded"]
    assert changes[-1] | {"id": str(job.pk), "created_by": user.username, "result": {"count": 3}} == changes[-1]
    for topic in (subject, f"team:{people.team.slug}"):
        last = Event.objects.filter(topic_id=topic, type="job.changed").order_by("-seq").first()
        assert last
        assert last.data == changes[-1]


def test_place_in_the_queue(ask: Ask) -> None:
    queue = f"q-{uuid4().hex[:6]}"
    jobs = [ask(queue=queue) for _ in range(3)]
    assert [queue_place(job) for job in jobs] == [0, 1, 2]
    assert _take(jobs[0].pk, "w")
    places = [queue_place(Job.objects.get(pk=job.pk)) for job in jobs]
    assert places == [0, 1, 2]
    last = Event.objects.filter(topic_id=jobs[2].topic).order_by("-seq").first()
    assert last
    assert last.data["queue_place"] == 2
    Job.objects.filter(pk=jobs[0].pk).update(state=State.QUEUED, lease_token=None)
    count(str(jobs[0].pk))
    last = Event.objects.filter(topic_id=jobs[2].topic).order_by("-seq").first()
    assert last
    assert last.data["queue_place"] == 1


def test_asking_survives_a_broker_that_is_dead_or_silent(site: Site, ask: Ask) -> None:
    time.sleep(2.1)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        site.broker.child.signal(number)
        try:
            began = time.monotonic()
            jobs = [ask() for _ in range(5)]
            assert time.monotonic() - began < 3.5
            assert {Job.objects.get(pk=job.pk).enqueued_at for job in jobs} == {None}
        finally:
            if number == signal.SIGSTOP:
                site.broker.child.signal(signal.SIGCONT)
            else:
                site.broker.start()
        time.sleep(2.1)
    job = ask(queue="nobody")
    assert wait_until(lambda: Job.objects.get(pk=job.pk).enqueued_at)
