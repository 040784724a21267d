"""The models that a user may see: those of the team."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.errors import NotFoundError
from medportal.inference.manifest import EMBEDDING, EMBEDDING_TASKS
from medportal.zoo.models import Model, ModelVersion, Stage


def visible_models(user: User, team_slug: str, role: Role = Role.VIEWER) -> QuerySet[Model]:
    """Return the team's models with their versions, newest first."""
    team = get_team(user, team_slug, role)
    return with_versions(Model.objects.filter(team=team))


def with_versions(models: QuerySet[Model]) -> QuerySet[Model]:
    """Read the versions along, as the `Model` component shows them."""
    versions = ModelVersion.objects.select_related("created_by", "model", "model__team").order_by("-number")
    return models.select_related("team").prefetch_related(Prefetch("versions", versions))


def get_model(user: User, team_slug: str, name: str, role: Role = Role.VIEWER) -> Model:
    """Return a model of the team by name."""
    model = visible_models(user, team_slug, role).filter(name=name).first()
    if model is None:
        raise NotFoundError("model_not_found", f"There is no model “{name}” in this team.")
    return model


def get_version(
    user: User, team_slug: str, name: str, number: int | None = None, role: Role = Role.VIEWER
) -> ModelVersion:
    """Return a version of a model: by default the one in production, or the newest of a model of which none ever was."""
    versions = list(get_model(user, team_slug, name, role).versions.all())
    if number is not None:
        found = next((v for v in versions if v.number == number), None)
    else:
        found = next((v for stage in (Stage.PRODUCTION, Stage.CANDIDATE) for v in versions if v.stage == stage), None)
    if found is None:
        which = "version that is not archived" if number is None else f"version {number}"
        raise NotFoundError("model_version_not_found", f"Model “{name}” has no {which}.")
    return found


def has_embedding(version: ModelVersion) -> bool:
    """Say whether a version's network tells where a series lies among others."""
    return version.model.task in EMBEDDING_TASKS and EMBEDDING in version.manifest.get("model", {}).get("outputs", [])
