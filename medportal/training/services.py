"""What a user can do with training: see the recipes, start a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.cohorts import access as cohorts_access
from medportal.errors import ConflictError
from medportal.jobs.services import create_job
from medportal.training import access
from medportal.training.models import TrainingRun

KIND = "training"
TASK = "medportal.training.tasks.run_training"
QUEUE = "default"


def list_recipes(user: User, team_slug: str) -> list[dict[str, Any]]:
    """Return the recipes and the fields of their forms, for a member of the team."""
    get_team(user, team_slug)
    from medportal.learning import recipes

    return recipes.describe_recipes()


@transaction.atomic
def start_training(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    cohort: str,
    recipe: str,
    model: str,
    settings: dict[str, Any] | None = None,
    cohort_version: int | None = None,
) -> TrainingRun:
    """Have a recipe run on a cohort's version, by default the newest; the same id again is the same training.

    Raises InvalidError where the recipe or one of its settings is not known or out of bounds, ConflictError
    `cohort_not_trainable` once a study of the version has been deleted.
    """
    team = get_team(user, team_slug, Role.RESEARCHER)
    known = access.with_rows(TrainingRun.objects.filter(pk=id, team=team)).first()
    if known is not None and cohort_version is None:
        # The newest version may have changed since the first request; the training has not.
        cohort_version = known.cohort_version.number
    version = cohorts_access.get_version(user, team_slug, cohort, cohort_version)
    if known is None and not version.is_trainable:
        raise ConflictError("cohort_not_trainable", f"{version} has lost a series: freeze the cohort anew.")
    from medportal.learning import recipes

    config = recipes.complete_config(recipe, settings or {})
    job, _ = create_job(
        id=id,
        team=team,
        kind=KIND,
        title=f"{model} on {version}",
        task_name=TASK,
        queue=QUEUE,
        params={
            "cohort": cohort,
            "cohort_version": version.number,
            "recipe": recipe,
            "config": config,
            "model": model,
        },
        created_by=user,
    )
    training, _ = TrainingRun.objects.get_or_create(
        job=job,
        defaults={"team": team, "cohort_version": version, "recipe": recipe, "config": config, "model_name": model},
    )
    return training
