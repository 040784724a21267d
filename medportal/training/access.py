"""The training runs that a user may see: those of the team."""

from __future__ import annotations

from uuid import UUID

from django.db.models import CharField, F, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Concat

from medportal.accounts.access import get_team
from medportal.accounts.models import User
from medportal.errors import NotFoundError
from medportal.training.models import TrainingRun


def visible_trainings(
    user: User,
    team_slug: str,
    *,
    search: str = "",
    cohort: str | None = None,
    version: int | None = None,
    control_of: UUID | None = None,
) -> QuerySet[TrainingRun]:
    """Return the team's training runs, newest first, optionally on a cohort or a version of it.

    Every word of the search must occur in what the list shows of a run. `control_of` leaves the controls that measure
    what a run's figures are worth: of the same recipe, cohort version and model name.
    """
    rows = with_rows(TrainingRun.objects.filter(team=get_team(user, team_slug)))
    if cohort:
        rows = rows.filter(cohort_version__cohort__name=cohort)
    if version:
        rows = rows.filter(cohort_version__number=version)
    if control_of:
        of = get_training(user, team_slug, control_of)
        alike = {"recipe": of.recipe, "cohort_version": of.cohort_version, "model_name": of.model_name}
        rows = rows.filter(**alike, config__has_key="control").exclude(config__control="none").exclude(pk=of.pk)
    if words := search.split()[:8]:
        rows = rows.annotate(shown=_SHOWN)
        for word in words:
            rows = rows.filter(shown__icontains=word)
    return rows.order_by("-job__created_at", "pk")


_PARTS = (
    "model_name",
    Concat(Value("v"), Cast("version", CharField())),
    F("cohort_version__cohort__name"),
    "recipe",
    "job__created_by__username",
    KT("config__control"),
)
# Database functions put nothing in the place of null.
_SHOWN = Concat(*[part for each in _PARTS for part in (each, Value(" "))], output_field=TextField())


def with_rows(trainings: QuerySet[TrainingRun]) -> QuerySet[TrainingRun]:
    """Read along what the `Training` component shows."""
    return trainings.select_related("job__team", "job__created_by", "cohort_version__cohort", "team")


def get_training(user: User, team_slug: str, job_id: UUID) -> TrainingRun:
    """Return a training run of the team by its job's id."""
    training = visible_trainings(user, team_slug).filter(pk=job_id).first()
    if training is None:
        raise NotFoundError("training_not_found", "There is no such training in this team.")
    return training
