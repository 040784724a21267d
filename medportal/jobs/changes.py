"""Change a job's row and tell of it: every change of state passes here, guarded by the state it starts from."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from medportal.jobs import hooks
from medportal.jobs.models import FINAL_STATES, Job, State
from medportal.messaging.services import after_commit, enqueue, publish


def queue_place(job: Job) -> int:
    """Return how many jobs are served before this one in its queue; 0 when it is next or no longer waits."""
    if job.state != State.QUEUED:
        return 0
    before = Q(state=State.RUNNING) | Q(state=State.QUEUED, created_at__lt=job.created_at)
    return Job.objects.filter(before, queue=job.queue).count()


def job_payload(job: Job) -> dict[str, Any]:
    """Return what is told of a job: the fields of the `Job` component."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "title": job.title,
        "state": job.state,
        "revision": job.revision,
        "progress": job.progress,
        "stage": job.stage,
        "queue": job.queue,
        "queue_place": queue_place(job),
        "attempt": job.attempt,
        "subject": job.subject,
        "params": job.params,
        "result": job.result,
        "error_code": job.error_code,
        "error_detail": job.error_detail,
        "cancel_requested": job.cancel_requested,
        "created_by": job.created_by.username if job.created_by else None,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def announce(job: Job) -> None:
    """Tell everyone who watches the job, its subject, or its team."""
    payload = job_payload(job)
    # From the narrow topic to the wide one, always: the topics' locks are taken in one order.
    for topic in (job.topic, job.subject, f"team:{job.team.slug}"):
        if topic:
            publish(topic, "job.changed", payload, team_id=job.team_id)


@transaction.atomic
def announce_queue(queue: str) -> None:
    """Tell those who wait in a queue that they have moved up (the next twenty).

    In a transaction of its own, after the change that moved them: together with that change's topics the locks would
    be taken in more than one order. A row that somebody else is changing is left out, for that change is told too.
    """
    waiting = Job.objects.select_for_update(of=("self",), skip_locked=True).select_related("team", "created_by")
    for job in waiting.filter(queue=queue, state=State.QUEUED).order_by("created_at")[:20]:
        publish(job.topic, "job.changed", job_payload(job), team_id=job.team_id)


def change(job: Job, *, guard: Q, **values: Any) -> bool:
    """Write `values` where the row still satisfies `guard`; False, and nothing told, where it does not.

    Must run in a transaction. A change of state also calls the kind's hooks and moves the queue up.
    """
    before = job.state
    values["revision"] = F("revision") + 1
    if not Job.objects.filter(guard, pk=job.pk).update(**values):
        return False
    job.refresh_from_db()
    if job.state != before:
        # Before the announcement: hooks lock rows, and rows are locked before topics everywhere.
        hooks.call(job)
        if before == State.QUEUED or job.state in FINAL_STATES:
            after_commit(partial(announce_queue, job.queue))
    announce(job)
    return True


def finish(job: Job, state: State, *, guard: Q, **values: Any) -> bool:
    """Bring the job to a final state, once."""
    not_final = ~Q(state__in=FINAL_STATES)
    return change(
        job,
        guard=guard & not_final,
        state=state,
        finished_at=Now(),
        lease_token=None,
        lease_until=None,
        **values,
    )


def requeue(job: Job, *, guard: Q, **values: Any) -> bool:
    """Take the job from its worker and put it into the queue again; a cancelled one ends instead."""
    if finish(job, State.CANCELLED, guard=guard & Q(cancel_requested=True)):
        return False
    return change(
        job, guard=guard, state=State.QUEUED, lease_token=None, lease_until=None, enqueued_at=None, stage="", **values
    )


def send(job: Job) -> None:
    """Hand the job to the workers; the row stays the truth."""
    if enqueue(job.task_name, queue=job.queue, job_id=str(job.pk)):
        Job.objects.filter(pk=job.pk, state=State.QUEUED).update(enqueued_at=Now())


def send_after_commit(job: Job) -> None:
    """Hand the job to the workers when the transaction has been committed."""
    after_commit(partial(send, job))
