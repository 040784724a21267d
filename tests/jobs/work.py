"""A kind of work for tests: it counts, as slowly as it is told to, and can be killed and go on."""

from __future__ import annotations

import os
import time

from celery import shared_task

from medportal.jobs.leases import claim
from medportal.messaging.services import finish_reaction


@shared_task(name="tests.jobs.count")
def count(job_id: str, **_: object) -> None:
    with claim(job_id, worker=f"tests:{os.getpid()}") as lease:
        if lease is None:
            return
        params = lease.job.params
        done = {piece["n"] for piece in lease.pieces("count.piece")}
        for n in range(params["pieces"]):
            if n not in done:
                lease.emit("count.piece", {"n": n, "attempt": lease.attempt})
            lease.report(progress=(n + 1) / params["pieces"], stage="counting")
            time.sleep(params.get("pause_s", 0))
        lease.succeed({"count": params["pieces"]})


@shared_task(name="tests.jobs.react")
def react(event_id: int, **_: object) -> None:
    finish_reaction(event_id, "tests.jobs.react")
