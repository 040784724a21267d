"""What is done to models: enter a package as a version, promote, archive, roll back, take a package along."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from medportal.accounts.models import Team, User
from medportal.audit.services import record
from medportal.errors import ConflictError
from medportal.inference.package import open_package
from medportal.messaging.services import publish
from medportal.zoo import access, packages
from medportal.zoo.models import Model, ModelVersion, Origin, Stage
from medportal.zoo.packages import StagedPackage
from medportal.zoo.serializers import ModelSerializer

SHIPPED_MODEL = "lung-cancer"


def register_package(
    team: Team,
    model_name: str,
    source: Path,
    *,
    origin: Origin,
    metrics: dict[str, Any],
    created_by: User | None,
    job_id: UUID | None = None,
) -> ModelVersion:
    """Copy a package into the zoo as the model's next version; a job gives one version, however often it is entered.

    Raises InvalidError for what is no valid package.
    """
    known = ModelVersion.objects.filter(job_id=job_id).first() if job_id else None
    if known is not None:
        return known
    staged = packages.stage_package(team.slug, model_name, source)
    try:
        with transaction.atomic():
            return enter_package(
                staged, team, model_name, origin=origin, metrics=metrics, created_by=created_by, job_id=job_id
            )
    finally:
        staged.discard()


def enter_package(
    staged: StagedPackage,
    team: Team,
    model_name: str,
    *,
    origin: Origin,
    metrics: dict[str, Any],
    created_by: User | None,
    job_id: UUID | None = None,
) -> ModelVersion:
    """Make a staged package a version: the quick part, in the caller's transaction.

    A folder whose transaction was not committed is passed over by the next version, never written to.
    """
    model = _locked_model(team, model_name, staged.manifest)
    # Under the lock: of two who enter the same job's package, the second finds the first's.
    known = ModelVersion.objects.filter(job_id=job_id).first() if job_id else None
    if known is not None:
        return known
    last = model.versions.order_by("-number").values_list("number", flat=True).first() or 0
    number = packages.place_package(staged, team.slug, model_name, above=last)
    version = ModelVersion.objects.create(
        model=model,
        number=number,
        origin=origin,
        sha256=staged.sha256,
        manifest=staged.manifest,
        metrics=metrics,
        job_id=job_id,
        created_by=created_by,
    )
    _tell(version, "model.registered", created_by)
    return version


def _locked_model(team: Team, name: str, manifest: dict[str, Any]) -> Model:
    """Return the model with its row locked, made if need be: versions are numbered one after the other."""
    defaults = {"title": manifest.get("title", name), "task": manifest["task"]}
    Model.objects.get_or_create(team=team, name=name, defaults=defaults)
    model = Model.objects.select_for_update().get(team=team, name=name)
    if model.task != manifest["task"]:
        raise ConflictError("other_task", f"Model “{name}” is for {model.task}, this package for {manifest['task']}.")
    return model


def install_shipped(team: Team, *, actor: User | None = None) -> ModelVersion:
    """Enter the package that medportal brings along and, where nothing is in production yet, put it there."""
    source = Path(settings.SHIPPED_ZOO_DIR) / "demo" / SHIPPED_MODEL / "1"
    shipped = ModelVersion.objects.filter(model__team=team, model__name=SHIPPED_MODEL, origin=Origin.SHIPPED)
    version = shipped.order_by("-number").first()
    if version is None:
        metrics = open_package(source).manifest.trained["metrics"]["figures"]
        version = register_package(
            team, SHIPPED_MODEL, source, origin=Origin.SHIPPED, metrics=metrics, created_by=actor
        )
    if not version.model.versions.filter(stage=Stage.PRODUCTION).exists():
        version = promote(version, actor=actor)
    return version


@transaction.atomic
def promote(version: ModelVersion, *, actor: User | None) -> ModelVersion:
    """Make this the version that is run by default; the one before becomes a candidate again.

    Raises ConflictError for an archived version, and `in_production` for the one that is there already.
    """
    _lock(version.model)
    if not _move(version, frm=(Stage.CANDIDATE,), to=Stage.PRODUCTION, promoted_at=Now()):
        raise ConflictError(f"is_{version.stage}", f"{version} is {version.get_stage_display().lower()}: not promoted.")
    _tell(version, "model.promoted", actor)
    return version


@transaction.atomic
def archive_version(version: ModelVersion, *, actor: User | None) -> ModelVersion:
    """Take a candidate out of use; package and row are kept. The version in production is refused."""
    _lock(version.model)
    if not _move(version, frm=(Stage.CANDIDATE,), to=Stage.ARCHIVED):
        if version.stage == Stage.PRODUCTION:
            raise ConflictError("in_production", f"{version} is in production: promote another version first.")
        raise ConflictError("is_archived", f"{version} is archived already.")
    _tell(version, "model.archived", actor)
    return version


@transaction.atomic
def roll_back(model: Model, *, actor: User | None) -> ModelVersion:
    """Put the version into production again that was promoted before the present one.

    Raises ConflictError `nothing_before` where there is none that is not archived.
    """
    _lock(model)
    present = model.versions.filter(stage=Stage.PRODUCTION).first()
    earlier = ModelVersion.objects.filter(model=model, stage=Stage.CANDIDATE, promoted_at__isnull=False)
    if present is not None:
        earlier = earlier.filter(promoted_at__lt=present.promoted_at)
    version = earlier.select_related("model__team", "created_by").order_by("-promoted_at").first()
    if version is None:
        raise ConflictError("nothing_before", f"No version of “{model.name}” was in production before this one.")
    # Its `promoted_at` stays: a second rollback goes one further back.
    _move(version, frm=(Stage.CANDIDATE,), to=Stage.PRODUCTION)
    _tell(version, "model.rolled_back", actor)
    return version


def export_package(version: ModelVersion, *, actor: User) -> IO[bytes]:
    """Return the package as an open zip, and put on record who took it."""
    with transaction.atomic():
        _record(version, "model.exported", actor)
    return packages.zip_package(version)


def _lock(model: Model) -> None:
    Model.objects.select_for_update().get(pk=model.pk)


def _move(version: ModelVersion, *, frm: tuple[Stage, ...], to: Stage, **values: Any) -> bool:
    """Change the stage where it still is one of `frm`; who enters production puts the one before out of it."""
    is_movable = ModelVersion.objects.filter(pk=version.pk, stage__in=frm).exists()
    if is_movable and to == Stage.PRODUCTION:
        version.model.versions.filter(stage=Stage.PRODUCTION).update(stage=Stage.CANDIDATE)
    moved = ModelVersion.objects.filter(pk=version.pk, stage__in=frm).update(stage=to, **values)
    version.refresh_from_db(fields=["stage", "promoted_at"])
    return bool(moved)


def _record(version: ModelVersion, action: str, actor: User | None) -> None:
    record(
        actor=actor,
        action=action,
        team=version.model.team.slug,
        object_type="model",
        object_id=f"{version.model.name}@{version.number}",
        detail={"sha256": version.sha256},
    )


def _tell(version: ModelVersion, action: str, actor: User | None) -> None:
    """Put the change on record, and show the model as it is now to all who watch the team."""
    _record(version, action, actor)
    model = access.with_versions(Model.objects.filter(pk=version.model_id)).get()
    payload = {"model": ModelSerializer(model).data}
    publish(f"team:{model.team.slug}", "model.changed", payload, team_id=model.team_id)
