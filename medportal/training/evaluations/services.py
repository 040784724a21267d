"""What a user can do to know how good a model is: have it evaluated, take the report along."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.audit.services import record
from medportal.cohorts import access as cohorts_access
from medportal.cohorts.models import CohortVersion, Kind, Split
from medportal.errors import InvalidError
from medportal.jobs.models import FINAL_STATES, Job
from medportal.jobs.services import create_job
from medportal.messaging.services import publish
from medportal.training.evaluations import access
from medportal.training.evaluations.controls import with_controls
from medportal.training.evaluations.records import clear_records
from medportal.training.evaluations.serializers import EvaluationSerializer
from medportal.training.models import Evaluation
from medportal.zoo import access as zoo_access
from medportal.zoo.models import ModelVersion

KIND = "evaluation"
TASK = "medportal.training.evaluations.tasks.run_evaluation"
QUEUE = "inference"
# Where classifiers learn, a child does all of it, as it does a training.
WORTH_TASK = "medportal.training.tasks.run_worth"
# A classifier is trained, for minutes: it takes its turn among the trainings.
WORTH_QUEUE = "training"


@transaction.atomic
def start_evaluation(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    model: str,
    cohort: str,
    version: int | None = None,
    cohort_version: int | None = None,
    split: str = Split.TEST,
    worth: bool = False,
) -> Evaluation:
    """Have a model's version evaluated on a split of a cohort's version; the same id again is the same evaluation.

    By default the version is the one in production, or the newest, and the cohort's the newest. Raises InvalidError
    `empty_split` where the cohort has no series in the split.

    With `worth` classifiers learn from a generator's images, for minutes, and are measured beside one that learns from
    real images; raises InvalidError `no_worth` where that cannot be.
    """
    team = get_team(user, team_slug, Role.RESEARCHER)
    known = access.with_rows(Evaluation.objects.filter(pk=id, team=team)).first()
    if known is not None:
        # What is newest may have changed since the first request; the evaluation has not.
        version = version or known.model_version
        cohort_version = cohort_version or known.cohort_version.number
    chosen = zoo_access.get_version(user, team_slug, model, version)
    frozen = cohorts_access.get_version(user, team_slug, cohort, cohort_version)
    if known is None:
        _require_series(frozen, split)
        if worth:
            _require_worth(chosen, frozen, split)
    job, is_new = create_job(
        id=id,
        team=team,
        kind=KIND,
        title=f"{chosen} on {frozen}, {split}"[:200],
        task_name=WORTH_TASK if worth else TASK,
        queue=WORTH_QUEUE if worth else QUEUE,
        params={
            "model": model,
            "version": chosen.number,
            "cohort": cohort,
            "cohort_version": frozen.number,
            "split": str(split),
            **({"worth": True} if worth else {}),
        },
        created_by=user,
    )
    if is_new:
        Evaluation.objects.create(
            id=id,
            job=job,
            team=team,
            model_name=model,
            model_version=chosen.number,
            model_sha256=chosen.sha256,
            cohort_version=frozen,
            split=split,
            created_by=user,
        )
        follow_job(job)
    return access.with_rows(Evaluation.objects.filter(pk=id)).get()


def _require_series(version: CohortVersion, split: str) -> None:
    splits = version.members.order_by().values_list("split", flat=True)
    there = sorted(set(splits))
    if split not in there:
        raise InvalidError(
            "empty_split", f"{version} has no series in the split {split}; it has {', '.join(there) or 'none at all'}."
        )


def _require_worth(version: ModelVersion, cohort: CohortVersion, split: str) -> None:
    """Refuse what classifiers cannot tell: images of no class, or a split that they have to learn from."""
    classes = version.manifest["classes"]
    if version.manifest["task"] != "generation" or len(classes) < 2:
        raise InvalidError("no_worth", f"{version} does not generate images of several classes.")
    if cohort.kind != Kind.CLASSES or set(cohort.classes) != set(classes):
        raise InvalidError(
            "no_worth", f"{cohort} is not of the classes that {version} generates: {', '.join(classes)}."
        )
    if split == Split.TRAIN:
        raise InvalidError("no_worth", "Classifiers learn from the train split; choose another to measure them on.")


def follow_job(job: Job) -> None:
    """Show the evaluation to all who watch the team, and clear up at its end; called at each change of the job's state."""
    evaluation = access.with_rows(Evaluation.objects.filter(job=job)).first()
    if evaluation is None:
        # The job is being created: `start_evaluation` calls again once the evaluation stands beside it.
        return
    payload = {"evaluation": EvaluationSerializer(evaluation).data}
    publish(f"team:{evaluation.team.slug}", "evaluation.changed", payload, team_id=evaluation.team_id)
    if job.state in FINAL_STATES:
        job_id = job.pk
        transaction.on_commit(lambda: clear_records(job_id))


def read_document(user: User, team_slug: str, evaluation_id: UUID) -> dict[str, Any]:
    """Return an evaluation's document, which names patients' studies; that it was read is recorded."""
    evaluation = access.get_finished(user, team_slug, evaluation_id)
    _record_read(user, team_slug, evaluation_id, "evaluation.viewed")
    return with_controls(evaluation)


def _record_read(user: User, team_slug: str, evaluation_id: UUID, action: str) -> None:
    record(actor=user, action=action, team=team_slug, object_type="evaluation", object_id=str(evaluation_id))


def read_report(user: User, team_slug: str, evaluation_id: UUID, format_: str) -> tuple[Evaluation, bytes]:
    """Return an evaluation and its report as "html" or "pdf"; that it was taken along is recorded."""
    # These bring numpy and reportlab along, which the web process needs for nothing else.
    from medportal.learning.report import html_report, pdf_report

    evaluation = access.get_finished(user, team_slug, evaluation_id)

    def link(study_uid: str, series_uid: str, number: int) -> str:
        return f"/teams/{team_slug}/studies/{study_uid}?series={series_uid}&slice={number}"

    document = with_controls(evaluation)
    content = html_report(document, link=link).encode() if format_ == "html" else pdf_report(document)
    _record_read(user, team_slug, evaluation_id, "evaluation.reported")
    return evaluation, content
