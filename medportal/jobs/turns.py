"""A long job's turn at its worker: after a while it lets those go first who wait, and goes on when it comes up again."""

from __future__ import annotations

import time

from medportal.jobs.leases import Lease, WorkerStopsError
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import has_worker

# So long a job has the worker to itself, and so often it then looks whether anybody waits.
TURN_S = 20.0
LOOK_S = 1.0


class Turn:
    """One attempt of a job that keeps what it has done piece by piece, and so can end between any two of them."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._may_end = False
        self._look_at = time.monotonic() + TURN_S

    def keep(self) -> None:
        """Note that something is done for good: no turn ends before, so that each gets further."""
        self._may_end = True

    def check(self) -> None:
        """Raise as `Lease.check`, and WorkerStopsError once others wait for a turn that has lasted long enough."""
        self._lease.check()
        if not self._may_end or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        job = self._lease.job
        waiting = Job.objects.filter(queue=job.queue, state=State.QUEUED).exclude(pk=job.pk)
        # A command that does the work itself has nobody to leave it to.
        if waiting.exists() and has_worker(job.queue):
            raise WorkerStopsError
