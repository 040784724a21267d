"""Workers, broker and database rows when processes die: each job ends exactly once, and nothing asked for is forgotten."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.db import transaction

from medportal.jobs.models import Job, State
from medportal.messaging import reactions
from medportal.messaging.models import Event, PendingReaction
from medportal.messaging.services import enqueue, publish
from tests.processes import Child, Site, wait_until

pytestmark = pytest.mark.faults
Ask = Callable[..., Job]
Start = Callable[[str], Child]


def state(job: Job) -> str:
    return str(Job.objects.values_list("state", flat=True).get(pk=job.pk))


def ended(job: Job, timeout_s: float = 30.0) -> Job:
    finals = {State.SUCCEEDED, State.FAILED, State.CANCELLED}
    wait_until(lambda: state(job) in finals, timeout_s, "end of the job")
    return Job.objects.get(pk=job.pk)


def pieces(job: Job) -> list[dict[str, Any]]:
    events = Event.objects.filter(topic_id=job.topic, type="count.piece").order_by("seq")
    return list(events.values_list("data", flat=True))


def wait_for_piece(job: Job, number: int) -> None:
    wait_until(lambda: len(pieces(job)) > number, 20, f"piece {number}")


def test_site_is_ready_when_all_workers_live(site: Site, worker: Start) -> None:
    worker("default")
    worker("inference")
    assert httpx.get(f"{site.url}/readyz").json()["workers"] == {"default": True, "training": False, "inference": True}
    assert httpx.get(f"{site.url}/readyz").status_code == 503
    worker("training")
    wait_until(lambda: httpx.get(f"{site.url}/readyz").status_code == 200)


def test_worker_that_is_killed(ask: Ask, worker: Start) -> None:
    """The next one goes on within fifteen seconds, and every piece is there once."""
    worker("default")
    first = worker("inference")
    job = ask(queue="inference", pieces=30, pause_s=0.2)
    wait_for_piece(job, 5)
    first.kill()
    killed_at = time.monotonic()
    worker("inference")
    wait_until(lambda: len({piece["attempt"] for piece in pieces(job)}) == 2, 20, "second attempt")
    assert time.monotonic() - killed_at < 15
    job = ended(job)
    assert (job.state, job.attempt) == (State.SUCCEEDED, 2)
    assert [piece["n"] for piece in pieces(job)] == list(range(30))


def test_worker_that_is_told_to_end(ask: Ask, worker: Start) -> None:
    worker("default")
    first = worker("inference")
    job = ask(queue="inference", pieces=40, pause_s=0.1)
    wait_for_piece(job, 3)
    began = time.monotonic()
    first.stop(10)
    assert time.monotonic() - began < 6
    assert state(job) == State.QUEUED
    worker("inference")
    job = ended(job)
    assert (job.state, job.max_attempts) == (State.SUCCEEDED, 4)
    assert [piece["n"] for piece in pieces(job)] == list(range(40))


@pytest.mark.parametrize("loss", ["flushed", "killed"])
def test_broker_that_forgets_a_queued_job(site: Site, ask: Ask, worker: Start, loss: str) -> None:
    worker("default")
    job = ask(queue="inference")
    assert wait_until(lambda: site.broker.client.llen("inference"))
    if loss == "flushed":
        site.broker.client.flushall()
    else:
        site.broker.restart()
    worker("inference")
    job = ended(job, 30)
    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)


def test_running_workers_survive_the_brokers_death(site: Site, ask: Ask, worker: Start) -> None:
    worker("default")
    worker("inference")
    during = ask(queue="inference", pieces=20, pause_s=0.2)
    wait_for_piece(during, 2)
    site.broker.child.kill()
    asked_without = ask(queue="inference")
    time.sleep(3)
    site.broker.start()
    after = ask(queue="default")
    for job in (during, asked_without, after):
        assert ended(job, 40).state == State.SUCCEEDED
    assert [piece["n"] for piece in pieces(during)] == list(range(20))


def test_broker_that_falls_silent(site: Site, ask: Ask, worker: Start) -> None:
    worker("default")
    worker("inference")
    site.broker.child.signal(signal.SIGSTOP)
    try:
        job = ask(queue="inference")
        began = time.monotonic()
        assert httpx.get(f"{site.url}/healthz").status_code == 200
        assert time.monotonic() - began < 2
        time.sleep(8)
    finally:
        site.broker.child.signal(signal.SIGCONT)
    assert ended(job, 40).state == State.SUCCEEDED


def test_ten_deliveries_to_two_workers(ask: Ask, worker: Start) -> None:
    worker("default")
    worker("default")
    job = ask(queue="default", pieces=10, pause_s=0.05)
    for _ in range(10):
        assert enqueue("tests.jobs.count", queue="default", job_id=str(job.pk), unknown="of a newer sender")
    job = ended(job)
    assert enqueue("tests.jobs.count", queue="default", job_id=str(job.pk))
    time.sleep(1)
    assert [piece["n"] for piece in pieces(job)] == list(range(10))
    ends = Event.objects.filter(topic_id=job.topic, type="job.changed", data__state="succeeded")
    assert ends.count() == 1


def test_job_of_a_queue_that_waits_is_not_sent_for_ever(site: Site, ask: Ask, worker: Start) -> None:
    """The sweeper repeats what was lost, and only that: a long queue does not grow by itself."""
    worker("default")
    jobs = [ask(queue="inference") for _ in range(5)]
    time.sleep(14)
    assert site.broker.client.llen("inference") == 5
    worker("inference")
    assert {ended(job).state for job in jobs} == {State.SUCCEEDED}


def test_reaction_is_repeated_until_it_is_done(site: Site, worker: Start) -> None:
    reactions.register("test.stored", "tests.jobs.react")
    site.broker.child.kill()
    try:
        with transaction.atomic():
            publish("test:reactions", "test.stored", {}, team_id=None)
        assert PendingReaction.objects.get().enqueued_at is None
    finally:
        site.broker.start()
    worker("default")
    wait_until(lambda: not PendingReaction.objects.exists(), 30, "reaction")


def test_audit_trail_is_sealed_within_seconds(site: Site, worker: Start) -> None:
    from medportal.audit.services import record

    worker("default")
    record(actor=None, action="test.done")
    wait_until(lambda: json.loads(site.command("audit", "verify", "--json").stdout)["unsealed"] == 0, 10, "seal")


def test_messages_that_are_no_json_are_refused(site: Site, ask: Ask, worker: Start, tmp_path: Any) -> None:
    """A pickle in the queue is not opened, and the worker lives on."""
    import base64
    import pickle

    from medportal.config.celery import app

    marker = tmp_path / "opened"

    class Trap:
        def __reduce__(self) -> Any:
            return marker.touch, ()

    worker("default")
    with app.connection_for_write() as connection:
        message = {
            "body": base64.b64encode(pickle.dumps(Trap())).decode(),
            "content-type": "application/x-python-serialize",
            "content-encoding": "binary",
            "headers": {"task": "tests.jobs.count", "id": "1", "lang": "py"},
            "properties": {
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": "default"},
                "delivery_tag": "1",
            },
        }
        connection.default_channel.client.lpush("default", json.dumps(message))
    assert ended(ask(queue="default")).state == State.SUCCEEDED
    assert not marker.exists()
