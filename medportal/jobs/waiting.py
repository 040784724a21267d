"""Wait for a job from a command, and see what it tells meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from medportal.jobs.heartbeat import STALE_AFTER_S
from medportal.jobs.models import FINAL_STATES, Heartbeat, Job
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
