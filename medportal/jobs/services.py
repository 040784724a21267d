"""What a user can do with a job: ask for it, cancel it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from medportal.accounts.models import Team, User
from medportal.audit.services import record
from medportal.errors import ConflictError
from medportal.jobs import changes, hooks
from medportal.jobs.models import FINAL_STATES, Job, State


def create_job(
    *,
    id: UUID,  # noqa: A002 - the row's own name
    team: Team,
    kind: str,
    title: str,
    task_name: str,
    queue: str,
    params: dict[str, Any],
    created_by: User | None,
    subject: str = "",
    max_attempts: int = 3,
) -> tuple[Job, bool]:
    """Write a job and have it run after commit; the same id with the same request again is the same job.

    Returns (job, whether it is new). Raises ConflictError `job_id_taken` for the id of another request. Must run in
    a transaction, with what belongs to the job.
    """
    values = {
        "kind": kind,
        "title": title,
        "task_name": task_name,
        "queue": queue,
        "params": params,
        "created_by": created_by,
        "subject": subject,
        "max_attempts": max_attempts,
    }
    job, is_new = Job.objects.get_or_create(id=id, defaults=values | {"team": team})
    if not is_new:
        if (job.team_id, job.kind, job.params) != (team.pk, kind, params):
            raise ConflictError("job_id_taken", "This job id already belongs to another request.")
        return job, False
    record(actor=created_by, action="job.created", team=team.slug, object_type="job", object_id=str(id))
    hooks.call(job)
    changes.announce(job)
    changes.send_after_commit(job)
    return job, True


@transaction.atomic
def cancel_job(job: Job, *, actor: User) -> Job:
    """Cancel: at once while it waits; a running one is told, and stops within five seconds.

    Cancelling twice is once. Raises ConflictError `job_finished` when it has already ended otherwise.
    """
    is_new = changes.finish(job, State.CANCELLED, guard=Q(state=State.QUEUED), cancel_requested=True)
    if not is_new:
        is_new = changes.change(job, guard=Q(state=State.RUNNING, cancel_requested=False), cancel_requested=True)
    if not is_new:
        job.refresh_from_db()
        if job.state in FINAL_STATES and job.state != State.CANCELLED:
            raise ConflictError("job_finished", f"This job has already ended: {job.get_state_display().lower()}.")
        return job
    record(actor=actor, action="job.cancelled", team=job.team.slug, object_type="job", object_id=str(job.pk))
    return job
