"""Wait for a job from a command, and see what it tells meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from medportal.jobs.heartbeat import STALE_AFTER_S
from medportal.jobs.models import FINAL_STATES, Heartbeat, Job, State
from medportal.messaging.reading import events_after

POLL_S = 0.5
Listener = Callable[[str, dict[str, Any]], None]


def has_worker(queue: str) -> bool:
    """Say whether a worker of the queue has been heard of lately."""
    return Heartbeat.objects.filter(queue=queue, at__gt=Now() - timedelta(seconds=STALE_AFTER_S)).exists()


def wait_for(job: Job, listen: Listener) -> Job:
    """Return the job once it has ended; `listen(type, data)` gets each event of its topic, in order."""
    seq = 0
    while True:
        # The state is read first: what was told before the end is then in the table.
        job.refresh_from_db()
        while events := events_after(job.topic, seq):
            seq = events[-1].seq
            for event in events:
                listen(event.type, event.data)
        if job.state in FINAL_STATES:
            return job
        time.sleep(POLL_S)


def see_through(job: Job, work: Callable[[], None], listen: Listener) -> Job:
    """Return the job once it has ended; where no worker lives that could do it, have `work()` do it in this process."""
    if job.state == State.QUEUED and not has_worker(job.queue):
        sys.stderr.write(f"No worker of the queue “{job.queue}” is running: this command does the work itself.\n")
        threading.Thread(target=work, name=f"job-{job.pk}", daemon=True).start()
    return wait_for(job, listen)
