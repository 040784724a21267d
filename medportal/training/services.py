"""What a user can do with training: see the recipes, start a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.cohorts import access as cohorts_access
from medportal.cohorts.models import CohortVersion
from medportal.errors import ConflictError, InvalidError
from medportal.inference.manifest import check_name
from medportal.jobs.models import FINAL_STATES, Job, State
from medportal.jobs.services import create_job
from medportal.learning.recipes import RECIPES, complete_config, describe_recipes
from medportal.learning.splits import with_validation
from medportal.messaging.services import publish
from medportal.training import access
from medportal.training.folders import TrainingFolder
from medportal.training.models import TrainingRun
from medportal.training.serializers import TrainingSerializer

KIND = "training"
TASK = "medportal.training.tasks.run_training"
# Of its own: a training takes hours, and what is short does not wait for it.
QUEUE = "training"
PREVIEW_KIND = "preview"
PREVIEW_TASK = "medportal.training.tasks.run_preview"
PREVIEW_QUEUE = "default"
# No worker serves it: what waits there is trained by torchrun, and taken in by `manage.py train --adopt`.
TORCHRUN_QUEUE = "torchrun"


def list_recipes(
    user: User,
    team_slug: str,
    *,
    cohort: str | None = None,
    cohort_version: int | None = None,
    settings: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return the recipes and the fields of their forms; with a cohort, those that can learn from it and its defaults.

    Defaults are those that a training with these settings would have.
    """
    get_team(user, team_slug)
    if cohort is None:
        return describe_recipes(settings=settings)
    version = cohorts_access.get_version(user, team_slug, cohort, cohort_version)
    return [one for one in describe_recipes(version.fingerprint, settings) if version.kind in one["kinds"]]


def _check_kind(recipe: str, version: CohortVersion, config: dict[str, Any]) -> None:
    """Refuse before the training starts what it could not learn from; raises InvalidError naming what is amiss."""
    declared = RECIPES[recipe]
    if version.kind not in declared.kinds:
        wanted = " or ".join(declared.kinds)
        raise InvalidError("cohort_kind", f"The recipe {recipe} learns from {wanted}; {version} holds {version.kind}.")
    faults = [one for one in version.check_report.get("findings", []) if one["severity"] == "error"]
    if faults := [one for one in faults if one["code"] not in declared.tolerates]:
        raise InvalidError("cohort_check", f"{version} cannot be learnt from: {faults[0]['detail']}")
    if recipe == "classification" and version.kind == "classes" and len(version.classes) < 2:
        raise InvalidError("two_classes", f"The recipe tells classes apart; {version} has {len(version.classes)}.")
    members = version.members.values_list("group", "label", "split", "slice_labels")
    splits = with_validation([(group, label, split) for group, label, split, _ in members], seed=config["seed"])
    if version.kind != "classes" or recipe != "classification":
        return
    there = {(split, label) for split, (_, label, _, _) in zip(splits, members, strict=True)}
    if config["dimensions"] == 2:
        # It is slices that are told apart.
        parted = zip(splits, members, strict=True)
        there |= {(split, label) for split, (*_, slices) in parted for label in slices.values()}
    missing = [
        (split, name) for split in ("train", "validation") for name in version.classes if (split, name) not in there
    ]
    # Of several classes validation may lack a rare one, as long as it has two to tell apart.
    may_lack = max(0, len(version.classes) - 2)
    for split, name in missing:
        if split == "train" or len(missing) > may_lack:
            raise InvalidError("empty_class", f"The {split} split of {version} has no series of class “{name}”.")


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
    by_torchrun: bool = False,
) -> TrainingRun:
    """Have a recipe run on a cohort's version, by default the newest; the same id again is the same training.

    `by_torchrun`: no worker takes it (see `run_by_torchrun`). Raises InvalidError where the recipe or one of its settings
    is not known or out of bounds, or the model cannot be named so; ConflictError `cohort_not_trainable` once a study of
    the version has been deleted.
    """
    check_name(model)
    team = get_team(user, team_slug, Role.RESEARCHER)
    known = access.with_rows(TrainingRun.objects.filter(pk=id, team=team)).first()
    if known is not None and cohort_version is None:
        # The newest version may have changed since the first request; the training has not.
        cohort_version = known.cohort_version.number
    version = cohorts_access.get_version(user, team_slug, cohort, cohort_version)
    if known is None and not version.is_trainable:
        raise ConflictError("cohort_not_trainable", f"{version} has lost a series: freeze the cohort anew.")
    config = complete_config(recipe, settings or {}, version.fingerprint)
    if known is None:
        _check_kind(recipe, version, config)
    job, is_new = create_job(
        id=id,
        team=team,
        kind=KIND,
        title=f"{model} on {version}",
        task_name=TASK,
        queue=TORCHRUN_QUEUE if by_torchrun else QUEUE,
        params={
            "cohort": cohort,
            "cohort_version": version.number,
            "recipe": recipe,
            "config": config,
            "model": model,
            **({"by_torchrun": True} if by_torchrun else {}),
        },
        created_by=user,
    )
    if is_new:
        TrainingRun.objects.create(
            job=job, team=team, cohort_version=version, recipe=recipe, config=config, model_name=model
        )
        follow_job(job)
    return access.with_rows(TrainingRun.objects.filter(pk=job.pk)).get()


@transaction.atomic
def start_preview(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    cohort: str,
    recipe: str,
    settings: dict[str, Any] | None = None,
    cohort_version: int | None = None,
) -> Job:
    """Have a few training samples shown as a recipe with these settings would vary them; nothing is trained.

    The pictures come as a `training.previews` event of the job. Raises as `start_training`.
    """
    team = get_team(user, team_slug, Role.RESEARCHER)
    version = cohorts_access.get_version(user, team_slug, cohort, cohort_version)
    config = complete_config(recipe, settings or {}, version.fingerprint)
    _check_kind(recipe, version, config)
    params = {"cohort": cohort, "cohort_version": version.number, "recipe": recipe, "config": config}
    job, _ = create_job(
        id=id,
        team=team,
        kind=PREVIEW_KIND,
        title=f"Preview of {version}",
        task_name=PREVIEW_TASK,
        queue=PREVIEW_QUEUE,
        params=params,
        created_by=user,
    )
    return job


def follow_job(job: Job) -> None:
    """Show the run to all who watch the team, and clear up at its end; called at each change of the job's state."""
    training = access.with_rows(TrainingRun.objects.filter(pk=job.pk)).first()
    if training is None:
        # The job is being created: `start_training` calls again once the run stands beside it.
        return
    payload = {"training": TrainingSerializer(training).data}
    publish(f"team:{training.team.slug}", "training.changed", payload, team_id=training.team_id)
    if job.state in FINAL_STATES:
        folder, keep = TrainingFolder(job.pk), job.state == State.FAILED
        transaction.on_commit(lambda: folder.clear(keep_attempts=keep))
