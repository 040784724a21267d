"""What a user can do with a model: run it on a series."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from medportal.accounts.models import Role, User
from medportal.analysis import access
from medportal.analysis.models import Analysis
from medportal.analysis.serializers import AnalysisSerializer
from medportal.archive import access as archive_access
from medportal.archive.models import AiStatus, Series
from medportal.archive.services import mark_study
from medportal.errors import ConflictError, InvalidError
from medportal.inference.manifest import parse_manifest
from medportal.jobs.models import Job, State
from medportal.jobs.services import create_job
from medportal.messaging.services import publish
from medportal.zoo import access as zoo_access
from medportal.zoo.models import ModelVersion, Stage

KIND = "analysis"
TASK = "medportal.analysis.tasks.run_analysis"
QUEUE = "inference"


@transaction.atomic
def start_analysis(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    series_instance_uid: str,
    model: str,
    version: int | None = None,
) -> Analysis:
    """Have a model's version run on a series: by default the one in production, or the newest where none is.

    The same id again is the same run.
    Raises InvalidError `package_does_not_fit` with the reason where the model cannot read the series.
    """
    series = archive_access.get_series(user, team_slug, series_instance_uid, Role.READER)
    known = access.with_rows(Analysis.objects.filter(pk=id, team=series.team)).first()
    if known is not None and version is None:
        # Another version may be in production since the first request; the analysis has not changed.
        version = known.model_version.number
    model_version = zoo_access.get_version(user, team_slug, model, version)
    if known is None:
        check_fit(model_version, series)
    job, is_new = create_job(
        id=id,
        team=series.team,
        kind=KIND,
        title=f"{model_version} on {series.series_description or series.series_instance_uid}"[:200],
        task_name=TASK,
        queue=QUEUE,
        params={"series_instance_uid": series_instance_uid, "model": model, "version": model_version.number},
        created_by=user,
        subject=f"study:{team_slug}/{series.study.study_instance_uid}",
    )
    if is_new:
        Analysis.objects.create(job=job, team=series.team, series=series, model_version=model_version)
        follow_job(job)
    return access.with_rows(Analysis.objects.filter(pk=job.pk)).get()


def check_fit(version: ModelVersion, series: Series) -> None:
    """Refuse what the version's manifest says that it cannot read; raises InvalidError `package_does_not_fit`."""
    # Brings SciPy along, which the web process needs for nothing else.
    from medportal.inference import preprocess

    if version.stage == Stage.ARCHIVED:
        raise ConflictError("model_archived", f"{version} is archived and no longer run.")
    spec = parse_manifest(version.manifest).input
    preprocess.check_fit(spec, modality=series.modality, slices=series.number_of_frames)
    kinds = set(series.instances.values_list("photometric_interpretation", flat=True))
    if not kinds <= {"MONOCHROME1", "MONOCHROME2"}:
        raise InvalidError("package_does_not_fit", "The model reads grey values; this series holds colour images.")


def announce(analysis: Analysis) -> None:
    """Show the analysis as it is now to all who have its study open."""
    fresh = access.with_rows(Analysis.objects.filter(pk=analysis.pk)).get()
    topic = fresh.job.subject
    publish(topic, "analysis.changed", {"analysis": AnalysisSerializer(fresh).data}, team_id=fresh.team_id)


_STATUS_OF_STATE = {
    State.QUEUED: AiStatus.QUEUED,
    State.RUNNING: AiStatus.RUNNING,
    State.SUCCEEDED: AiStatus.SUCCEEDED,
    State.FAILED: AiStatus.FAILED,
}


def follow_job(job: Job) -> None:
    """Keep the worklist's cell in step with the job; called in the transaction of each change of its state."""
    rows = Analysis.objects.select_related("series__study", "annotation_set", "model_version__model")
    analysis = rows.filter(job=job).first()
    if analysis is None:
        # The job is being created: `start_analysis` calls again once the analysis stands beside it.
        return
    study = analysis.series.study
    # A cancelled run leaves what there was before it.
    before = AiStatus.SUCCEEDED if study.ai_summary else AiStatus.NONE
    summary = None
    if job.state == State.SUCCEEDED and analysis.annotation_set is not None:
        summary = {
            "model": analysis.model_version.model.name,
            "version": analysis.model_version.number,
            **{name: analysis.annotation_set.verdict[name] for name in ("value", "probability", "positive")},
        }
    mark_study(study, ai_status=_STATUS_OF_STATE.get(State(job.state), before), ai_summary=summary)
    announce(analysis)
