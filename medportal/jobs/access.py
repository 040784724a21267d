"""The jobs that a user may see: those of the team."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from medportal.accounts.access import get_team, role_of
from medportal.accounts.models import Role, User
from medportal.errors import NotAllowedError, NotFoundError
from medportal.jobs.models import Job


def visible_jobs(user: User, team_slug: str, **filters: Any) -> QuerySet[Job]:
    """Return the team's jobs, newest first, optionally of one kind or state."""
    team = get_team(user, team_slug)
    chosen = {name: value for name, value in filters.items() if value}
    return Job.objects.filter(team=team, **chosen).select_related("team", "created_by").order_by("-created_at")


def get_job(user: User, team_slug: str, job_id: UUID) -> Job:
    """Return a job of the team; NotFoundError when there is none."""
    job = visible_jobs(user, team_slug).filter(pk=job_id).first()
    if job is None:
        raise NotFoundError("job_not_found", "There is no such job in this team.")
    return job


def get_cancellable_job(user: User, team_slug: str, job_id: UUID) -> Job:
    """Return a job that the user may cancel: its own, or any for a manager."""
    job = get_job(user, team_slug, job_id)
    role = role_of(user, job.team)
    is_own = job.created_by_id == user.pk and role is not None and role.includes(Role.READER)
    if not is_own and role != Role.MANAGER:
        raise NotAllowedError("not_your_job", "Only who started a job, or a manager, may cancel it.")
    return job


def may_watch_job(user: User, job_id: str) -> str | None:
    """Return the user's role in the job's team, by which the job may be watched."""
    try:
        key = UUID(job_id)
    except ValueError:
        return None
    # A job has one topic, whatever other spellings of its id there are.
    own = user.memberships.filter(team__jobs=key) if str(key) == job_id else user.memberships.none()
    return own.values_list("role", flat=True).first()
