"""One worker at a time works on a job, and it ends once, whatever befalls the workers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from medportal.audit.models import AuditEvent
from medportal.errors import ConflictError, InvalidError
from medportal.jobs import hooks, leases
from medportal.jobs.leases import JobCancelledError, Lease, LeaseLostError, WorkerStopsError, claim
from medportal.jobs.models import Job, State
from medportal.jobs.services import cancel_job
from medportal.jobs.sweeper import requeue_expired
from medportal.messaging.models import Event
from tests.jobs.work import count
from tests.rails import People
from tests.threads import in_threads

Ask = Callable[..., Job]


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def pieces(job: Job) -> list[dict[str, Any]]:
    events = Event.objects.filter(topic_id=job.topic, type="count.piece").order_by("seq")
    return list(events.values_list("data", flat=True))


def lose_worker(job: Job) -> None:
    """Let time pass, as after the death of the worker."""
    Job.objects.filter(pk=job.pk, state=State.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
    requeue_expired()


def taken(job: Job) -> Lease:
    """Claim as a worker that will not come back."""
    lease = leases._take(job.pk, "lost worker")
    assert lease
    return lease


def test_work_ends_in_its_result(ask: Ask) -> None:
    job = ask()
    count(str(job.pk))
    job = now(job)
    assert (job.state, job.result, job.progress, job.attempt) == (State.SUCCEEDED, {"count": 3}, 1.0, 1)
    assert (job.lease_token, job.lease_until, job.error_code) == (None, None, "")
    assert job.started_at
    assert job.finished_at
    assert [piece["n"] for piece in pieces(job)] == [0, 1, 2]


def test_ten_deliveries_give_one_result(ask: Ask) -> None:
    job = ask(pieces=5, pause_s=0.02)
    in_threads(*[lambda: count(str(job.pk))] * 10)
    count(str(job.pk))
    assert now(job).state == State.SUCCEEDED
    assert now(job).attempt == 1
    assert [piece["n"] for piece in pieces(job)] == [0, 1, 2, 3, 4]


def test_two_claims_at_once_one_gets_it(ask: Ask) -> None:
    for _ in range(5):
        job = ask()
        got: list[Lease | None] = []
        barrier = threading.Barrier(4)

        def work(job: Job = job, got: list[Lease | None] = got, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            got.append(leases._take(job.pk, "w"))

        in_threads(*[work] * 4)
        assert sum(lease is not None for lease in got) == 1


def test_who_lost_the_lease_writes_nothing_more(ask: Ask) -> None:
    job = ask()
    lost = taken(job)
    lost.emit("count.piece", {"n": 0})
    lose_worker(job)
    assert now(job).state == State.QUEUED
    with pytest.raises(LeaseLostError):
        lost.emit("count.piece", {"n": 1})
    second = taken(job)
    assert second.attempt == 2
    for writes in (
        lambda: lost.emit("count.piece", {"n": 1}),
        lambda: lost.report(progress=0.9),
        lambda: lost.succeed({"count": 99}),
        lost.check,
    ):
        with pytest.raises(LeaseLostError):
            writes()
    lost.fail("late", "Too late.")
    lost.cancel()
    assert now(job).state == State.RUNNING
    second.succeed({"count": 3})
    assert now(job).result == {"count": 3}
    assert len(pieces(job)) == 1


def test_result_rows_are_not_written_by_who_lost_the_lease(ask: Ask) -> None:
    """`within` runs in the transaction that ends the job: both or neither."""
    job = ask()
    lost = taken(job)
    Job.objects.filter(pk=job.pk).update(lease_token=None, lease_until=None, state=State.QUEUED)

    def within() -> None:
        raise AssertionError

    with pytest.raises(LeaseLostError):
        lost.succeed({}, within=within)
    fresh = taken(job)
    with pytest.raises(ZeroDivisionError):
        fresh.succeed({}, within=lambda: 1 / 0)
    assert now(job).state == State.RUNNING


def test_second_attempt_goes_on_where_the_first_was_lost(ask: Ask) -> None:
    job = ask(pieces=4)
    first = taken(job)
    first.emit_many([("count.piece", {"n": n, "attempt": 1}, None) for n in range(2)])
    lose_worker(job)
    count(str(job.pk))
    assert [(piece["n"], piece["attempt"]) for piece in pieces(job)] == [(0, 1), (1, 1), (2, 2), (3, 2)]
    assert now(job).state == State.SUCCEEDED


def test_lost_three_times_is_failed_with_the_reason(ask: Ask) -> None:
    job = ask()
    for _ in range(3):
        taken(job)
        lose_worker(job)
    job = now(job)
    assert (job.state, job.error_code) == (State.FAILED, "worker_lost")
    assert "3 times" in job.error_detail
    assert leases._take(job.pk, "w") is None


def test_lease_that_is_renewed_is_not_lost(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 1)
    monkeypatch.setattr(leases, "TICK_S", 0.1)
    job = ask()
    with claim(job.pk, worker="w") as lease:
        assert lease
        for _ in range(5):
            time.sleep(0.5)
            requeue_expired()
        lease.succeed({})
    assert now(job).state == State.SUCCEEDED
    assert now(job).attempt == 1


@pytest.mark.parametrize(
    ("raised", "state", "code"),
    [
        (InvalidError("package_does_not_fit", "The series has one slice."), State.FAILED, "package_does_not_fit"),
        (ZeroDivisionError(), State.FAILED, "internal"),
        (OSError(28, "No space left on device"), State.FAILED, "storage_full"),
        (MemoryError(), State.FAILED, "memory"),
        (JobCancelledError(), State.CANCELLED, ""),
        (WorkerStopsError(), State.QUEUED, ""),
        (OperationalError("the database is away"), State.RUNNING, ""),
    ],
)
def test_what_the_work_raises_decides_the_end(ask: Ask, raised: Exception, state: State, code: str) -> None:
    job = ask()
    with claim(job.pk, worker="w") as lease:
        assert lease
        raise raised
    job = now(job)
    assert (job.state, job.error_code) == (state, code)
    assert "Traceback" not in job.error_detail
    assert (job.lease_token is None) == (state != State.RUNNING)


def test_work_that_is_handed_back_is_no_lost_attempt(ask: Ask) -> None:
    job = ask(max_attempts=1)
    for _ in range(3):
        with claim(job.pk, worker="w") as lease:
            assert lease
            raise WorkerStopsError
    count(str(job.pk))
    assert now(job).state == State.SUCCEEDED
    assert now(job).attempt == 4


@pytest.fixture
def stopping() -> Iterator[None]:
    leases.stop_worker()
    yield
    leases._worker_stops.clear()


def test_worker_that_is_told_to_end_hands_back(ask: Ask, stopping: None) -> None:
    job = ask()
    count(str(job.pk))
    assert now(job).state == State.QUEUED
    assert pieces(job) == []


class TestCancelling:
    def test_queued_is_cancelled_at_once(self, ask: Ask, people: People) -> None:
        job = ask()
        cancel_job(job, actor=people.member())
        assert now(job).state == State.CANCELLED
        count(str(job.pk))
        assert now(job).state == State.CANCELLED
        assert pieces(job) == []

    def test_running_stops_within_seconds(self, ask: Ask, people: People) -> None:
        job = ask(pieces=1000, pause_s=0.05)
        worker = threading.Thread(target=lambda: in_threads(lambda: count(str(job.pk))))
        worker.start()
        while now(job).state != State.RUNNING:
            time.sleep(0.02)
        began = time.monotonic()
        assert cancel_job(now(job), actor=people.member()).state == State.RUNNING
        worker.join(10)
        assert time.monotonic() - began < 5
        job = now(job)
        assert (job.state, job.lease_token) == (State.CANCELLED, None)
        assert job.finished_at

    def test_twice_is_once(self, ask: Ask, people: People) -> None:
        job, actor = ask(), people.member()
        for _ in range(3):
            assert cancel_job(now(job), actor=actor).state == State.CANCELLED
        assert AuditEvent.objects.filter(action="job.cancelled", object_id=str(job.pk)).count() == 1

    def test_what_has_ended_is_not_cancelled(self, ask: Ask, people: People) -> None:
        job = ask()
        count(str(job.pk))
        with pytest.raises(ConflictError) as refused:
            cancel_job(now(job), actor=people.member())
        assert refused.value.code == "job_finished"
        assert now(job).state == State.SUCCEEDED

    def test_cancelled_job_of_a_lost_worker_is_not_tried_again(self, ask: Ask, people: People) -> None:
        job = ask()
        taken(job)
        cancel_job(now(job), actor=people.member())
        lose_worker(job)
        assert now(job).state == State.CANCELLED

    def test_cancelling_and_ending_at_once_end_once(self, ask: Ask, people: People) -> None:
        actor = people.member()
        for _ in range(5):
            job = ask(pieces=0)

            def cancel(job: Job = job) -> None:
                with contextlib.suppress(ConflictError):
                    cancel_job(now(job), actor=actor)

            in_threads(lambda job=job: count(str(job.pk)), cancel)
            changes = Event.objects.filter(topic_id=job.topic, type="job.changed").order_by("seq")
            ends = [data["state"] for data in changes.values_list("data", flat=True) if data["finished_at"]]
            assert len(ends) == 1
            assert now(job).state == ends[0]


class TestRightsOfWhoStartedIt:
    def test_disabled_account(self, ask: Ask, people: People) -> None:
        user = people.member()
        job = ask(created_by=user)
        user.is_active = False
        user.save()
        count(str(job.pk))
        assert (now(job).state, now(job).error_code) == (State.CANCELLED, "user_disabled")
        assert pieces(job) == []

    @pytest.mark.parametrize("role", ["viewer", None])
    def test_role_withdrawn(self, ask: Ask, people: People, role: str | None) -> None:
        user = people.member()
        job = ask(created_by=user)
        user.memberships.update(role=role) if role else user.memberships.all().delete()
        count(str(job.pk))
        assert (now(job).state, now(job).error_code) == (State.FAILED, "denied")
        assert pieces(job) == []


def test_hook_of_the_kind_sees_each_state_in_its_transaction(ask: Ask) -> None:
    seen: list[str] = []
    kind = f"hooked-{time.monotonic_ns()}"

    def hook(job: Job) -> None:
        assert transaction.get_connection().in_atomic_block
        seen.append(job.state)

    hooks.on_change(kind, hook)
    hooks.on_change(kind, hook)
    job = ask(kind=kind)
    taken(job)
    lose_worker(job)
    count(str(job.pk))
    assert seen == ["queued", "running", "queued", "running", "succeeded"]
