"""A worker's hold on a job: taken by a conditional update, renewed while it works, checked with each thing it writes."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from medportal.accounts.access import role_of
from medportal.accounts.models import Role
from medportal.errors import MedportalError
from medportal.jobs import changes
from medportal.jobs.models import Job, State
from medportal.messaging.models import Event
from medportal.messaging.services import publish

log = structlog.get_logger(__name__)
LEASE_S = 10
TICK_S = 1.0
TICKS_PER_RENEWAL = 3
REPORT_INTERVAL_S = 0.3
Piece = tuple[str, dict[str, Any], bytes | None]

# Set when this worker is told to end: what it works on goes back into the queue.
_worker_stops = threading.Event()


class LeaseLostError(Exception):
    """Another worker has the job now, or it has ended: stop, and write nothing more."""


class JobCancelledError(Exception):
    """Somebody cancelled the job: stop."""


class WorkerStopsError(Exception):
    """This worker is told to end: stop, for another one to go on."""


class Lease:
    """The right to work on a job, for as long as it is renewed. `cancelled` is at most a second behind the row."""

    def __init__(self, job: Job, token: UUID) -> None:
        self.job = job
        self.attempt = job.attempt
        self.cancelled = job.cancel_requested
        self._token = token
        self._lost = False
        self._done = threading.Event()
        self._reported_at = 0.0

    @property
    def _mine(self) -> Q:
        return Q(lease_token=self._token, state=State.RUNNING)

    def check(self) -> None:
        """Raise what should stop the work, if anything; for loops that write nothing for seconds."""
        if self._lost:
            raise LeaseLostError
        if self.cancelled:
            raise JobCancelledError
        if _worker_stops.is_set():
            raise WorkerStopsError

    def emit(self, type_: str, data: dict[str, Any], payload: bytes | None = None) -> None:
        """Write one piece to the job's log, and tell of it; raises as `check` does."""
        self.emit_many([(type_, data, payload)])

    def emit_many(self, pieces: list[Piece]) -> None:
        """Write pieces in one transaction, which fails where the lease is no longer ours; raises as `check` does."""
        self.check()
        with transaction.atomic():
            self._hold()
            for type_, data, payload in pieces:
                publish(self.job.topic, type_, data, team_id=self.job.team_id, payload=payload)

    def _hold(self) -> None:
        """Lock the row for this transaction, and make sure that the lease is ours."""
        if not self._renew():
            self._lost = True
            raise LeaseLostError

    def _renew(self) -> bool:
        until = Now() + timedelta(seconds=LEASE_S)
        return bool(Job.objects.filter(self._mine, pk=self.job.pk).update(lease_until=until))

    def pieces(self, type_: str) -> list[dict[str, Any]]:
        """Return the data of the pieces of a type that have been written so far, by this attempt or earlier ones."""
        events = Event.objects.filter(topic_id=self.job.topic, type=type_).order_by("seq")
        return list(events.values_list("data", flat=True))

    def report(self, progress: float | None = None, stage: str | None = None) -> None:
        """Tell how far the work is; small steps in quick succession are left out. Raises as `check` does."""
        self.check()
        is_new_stage = stage is not None and stage != self.job.stage
        if not is_new_stage and time.monotonic() - self._reported_at < REPORT_INTERVAL_S:
            return
        self._reported_at = time.monotonic()
        values: dict[str, Any] = {}
        if progress is not None:
            values["progress"] = min(max(progress, 0.0), 1.0)
        if stage is not None:
            values["stage"] = stage
        with transaction.atomic():
            self._hold()
            changes.change(self.job, guard=self._mine, **values)

    def succeed(self, result: dict[str, Any], within: Callable[[], None] | None = None) -> None:
        """End the job well, in one transaction with `within`, which writes what came of it; raises as `check` does."""
        self.check()
        with transaction.atomic():
            self._hold()
            if within is not None:
                within()
            changes.finish(self.job, State.SUCCEEDED, guard=self._mine, result=result, progress=1.0, stage="")

    def fail(self, code: str, detail: str) -> None:
        """End the job as failed, with the reason."""
        with transaction.atomic():
            changes.finish(self.job, State.FAILED, guard=self._mine, error_code=code, error_detail=detail)

    def cancel(self) -> None:
        """End the job as cancelled."""
        with transaction.atomic():
            changes.finish(self.job, State.CANCELLED, guard=self._mine)

    def hand_back(self) -> None:
        """Put the job into the queue again; this attempt does not count among those that lost their worker."""
        with transaction.atomic():
            if changes.requeue(self.job, guard=self._mine, max_attempts=F("max_attempts") + 1):
                changes.send_after_commit(self.job)

    def keep(self) -> None:
        """Renew until released, and learn of a cancellation; runs in a thread of its own."""
        tick = 0
        try:
            while not self._done.wait(TICK_S):
                tick += 1
                self._look(renew=tick % TICKS_PER_RENEWAL == 0)
        finally:
            connection.close()

    def _look(self, *, renew: bool) -> None:
        try:
            close_old_connections()
            if renew and not self._renew():
                self._lost = True
            own = Job.objects.filter(self._mine, pk=self.job.pk)
            self.cancelled = self.cancelled or own.filter(cancel_requested=True).exists()
        except Exception as error:  # noqa: BLE001 - the database may be away for a moment: try again
            log.warning("lease.renewal_failed", job=str(self.job.pk), reason=type(error).__name__)

    def release(self) -> None:
        """End the renewal."""
        self._done.set()


def stop_worker() -> None:
    """Have everything that this process works on handed back at its next `check`."""
    _worker_stops.set()


def _take(job_id: UUID | str, worker: str) -> Lease | None:
    """Claim a queued job for this worker; None when it is not there to be claimed."""
    token, is_queued = uuid4(), Q(state=State.QUEUED)
    with transaction.atomic():
        job = Job.objects.select_related("team", "created_by").filter(is_queued, pk=job_id).first()
        if job is None or _is_refused(job):
            return None
        is_ours = changes.change(
            job,
            guard=is_queued,
            state=State.RUNNING,
            lease_token=token,
            lease_until=Now() + timedelta(seconds=LEASE_S),
            worker=worker,
            started_at=Now(),
            attempt=F("attempt") + 1,
        )
    return Lease(job, token) if is_ours else None


def _is_refused(job: Job) -> bool:
    """End a job for whose starter it may no longer be done: a worker has the rights of who sent it."""
    if job.created_by is None:
        return False
    is_queued, role = Q(state=State.QUEUED), role_of(job.created_by, job.team)
    if not job.created_by.is_active:
        detail = "The account that started it has been disabled."
        return changes.finish(job, State.CANCELLED, guard=is_queued, error_code="user_disabled", error_detail=detail)
    if role is None or not role.includes(Role.READER):
        detail = "Who started it has no longer the right to."
        return changes.finish(job, State.FAILED, guard=is_queued, error_code="denied", error_detail=detail)
    return False


@contextmanager
def claim(job_id: UUID | str, *, worker: str) -> Iterator[Lease | None]:
    """Hold a queued job while the body works on it; yields None when another has it, or nobody should.

    What the body raises decides the end: a MedportalError fails the job with its words, JobCancelledError cancels it,
    WorkerStopsError hands it back, LeaseLostError ends quietly, a database that is away leaves it to the sweeper,
    anything else fails it as `internal`, what the machine is short of as `storage_full` or `memory` (the traceback goes
    to the log alone).
    """
    lease = _take(job_id, worker)
    if lease is None:
        log.info("job.superseded", job=str(job_id), worker=worker)
        yield None
        return
    renewal = threading.Thread(target=lease.keep, name=f"lease-{job_id}", daemon=True)
    renewal.start()
    try:
        yield lease
    except Exception as error:  # noqa: BLE001 - every end of the work is an end of the job
        _end(lease, error)
    finally:
        lease.release()
        renewal.join(timeout=2 * TICK_S)


def _end(lease: Lease, error: Exception) -> None:
    """Write down how the work ended."""
    about = log.bind(job=str(lease.job.pk), worker=lease.job.worker)
    match error:
        case JobCancelledError():
            lease.cancel()
        case WorkerStopsError():
            lease.hand_back()
        case LeaseLostError():
            about.warning("job.lease_lost")
        case OperationalError() | InterfaceError():
            # The lease runs out, and the sweeper gives the job to the next.
            about.warning("job.database_away", reason=type(error).__name__)
        case MedportalError():
            lease.fail(error.code, error.detail)
        case OSError(errno=errno.ENOSPC):
            about.error("job.storage_full")
            lease.fail("storage_full", "There is no space left to write what came of it.")
        case MemoryError():
            about.error("job.out_of_memory", exc_info=error)
            lease.fail("memory", "The worker ran out of memory.")
        case _:
            about.error("job.failed", exc_info=error)
            lease.fail("internal", f"The work stopped on an unexpected fault ({type(error).__name__}).")
