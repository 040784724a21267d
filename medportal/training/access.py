"""The training runs that a user may see: those of the team."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import User
from medportal.errors import NotFoundError
from medportal.training.models import TrainingRun


def visible_trainings(user: User, team_slug: str) -> QuerySet[TrainingRun]:
    """Return the team's training runs, newest first."""
    team = get_team(user, team_slug)
    return with_rows(TrainingRun.objects.filter(team=team)).order_by("-job__created_at")


def with_rows(trainings: QuerySet[TrainingRun]) -> QuerySet[TrainingRun]:
    """Read along what the `Training` component shows."""
    return trainings.select_related("job__team", "job__created_by", "cohort_version__cohort", "team")


def get_training(user: User, team_slug: str, job_id: UUID) -> TrainingRun:
    """Return a training run of the team by its job's id."""
    training = visible_trainings(user, team_slug).filter(pk=job_id).first()
    if training is None:
        raise NotFoundError("training_not_found", "There is no such training in this team.")
    return training
