"""The evaluations that a user may see: those of the team."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import User
from medportal.errors import ConflictError, NotFoundError
from medportal.training.models import Evaluation


def visible_evaluations(
    user: User, team_slug: str, *, model: str | None = None, version: int | None = None, cohort: str | None = None
) -> QuerySet[Evaluation]:
    """Return the team's evaluations, newest first, optionally of one model, version or cohort."""
    rows = with_rows(Evaluation.objects.filter(team=get_team(user, team_slug)))
    if model:
        rows = rows.filter(model_name=model)
    if version:
        rows = rows.filter(model_version=version)
    if cohort:
        rows = rows.filter(cohort_version__cohort__name=cohort)
    return rows.order_by("-created_at")


def with_rows(evaluations: QuerySet[Evaluation]) -> QuerySet[Evaluation]:
    """Read along what the `Evaluation` component shows."""
    return evaluations.select_related("team", "job__team", "job__created_by", "cohort_version__cohort", "created_by")


def get_evaluation(user: User, team_slug: str, evaluation_id: UUID) -> Evaluation:
    """Return an evaluation of the team by its id, which is its job's."""
    evaluation = visible_evaluations(user, team_slug).filter(pk=evaluation_id).first()
    if evaluation is None:
        raise NotFoundError("evaluation_not_found", "There is no such evaluation in this team.")
    return evaluation


def get_finished(user: User, team_slug: str, evaluation_id: UUID) -> Evaluation:
    """Return an evaluation that has its document; raises ConflictError `evaluation_not_finished` for another."""
    evaluation = get_evaluation(user, team_slug, evaluation_id)
    if not evaluation.document:
        raise ConflictError("evaluation_not_finished", "This evaluation has no result, or none yet.")
    return evaluation
