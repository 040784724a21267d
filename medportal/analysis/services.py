"""What a user can do with a model: run it on a series, or have it make one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.analysis import access
from medportal.analysis.generating import chosen_parameters
from medportal.analysis.models import Analysis
from medportal.analysis.serializers import AnalysisSerializer
from medportal.archive import access as archive_access
from medportal.archive.models import AiStatus, Series, Study
from medportal.archive.services import mark_study
from medportal.errors import ConflictError, InvalidError
from medportal.imaging.generated import generated_uid
from medportal.inference.manifest import Manifest, parse_manifest
from medportal.jobs.models import Job, State
from medportal.jobs.services import create_job
from medportal.messaging.services import publish
from medportal.zoo import access as zoo_access
from medportal.zoo.models import ModelVersion, Stage

KIND = "analysis"
TASK = "medportal.analysis.tasks.run_analysis"
QUEUE = "inference"
GREY = {"MONOCHROME1", "MONOCHROME2"}


@transaction.atomic
def start_analysis(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    model: str,
    series_instance_uid: str | None = None,
    version: int | None = None,
    precision: str = "",
    parameters: dict[str, Any] | None = None,
) -> Analysis:
    """Have a model's version run on a series, or make one: by default the version in production, or the newest.

    The same id again is the same run. Raises InvalidError `package_does_not_fit` with the reason where the model cannot
    read the series, `series_missing` or `no_series_wanted`, `no_such_precision`, `parameters`.
    """
    team = get_team(user, team_slug, Role.READER)
    series = None
    if series_instance_uid:
        series = archive_access.get_series(user, team_slug, series_instance_uid, Role.READER)
    known = access.with_rows(Analysis.objects.filter(pk=id, team=team)).first()
    if known is not None and version is None:
        # Another version may be in production since the first request; the analysis has not changed.
        version = known.model_version.number
    model_version = zoo_access.get_version(user, team_slug, model, version)
    wanted = _wanted(id, model_version, parameters)
    if known is None:
        check_fit(model_version, series, precision=precision)
    job, is_new = create_job(
        id=id,
        team=team,
        kind=KIND,
        title=_title(model_version, series),
        task_name=TASK,
        queue=QUEUE,
        params=_params(model_version, series, precision, wanted),
        created_by=user,
        subject=f"study:{team_slug}/{series.study.study_instance_uid if series else generated_uid(str(id), 'study')}",
    )
    if is_new:
        Analysis.objects.create(
            job=job,
            team=team,
            series=series,
            model_version=model_version,
            precision=precision,
            parameters=wanted,
        )
        follow_job(job)
    return access.with_rows(Analysis.objects.filter(pk=job.pk)).get()


def _title(version: ModelVersion, series: Series | None) -> str:
    if series is None:
        return f"Images by {version}"
    return f"{version} on {series.series_description or series.series_instance_uid}"[:200]


def _params(version: ModelVersion, series: Series | None, precision: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what makes the request the same as another one."""
    params: dict[str, Any] = {"model": version.model.name, "version": version.number}
    more = {"series_instance_uid": series and series.series_instance_uid, "precision": precision, "parameters": wanted}
    return params | {name: value for name, value in more.items() if value}


def _wanted(job_id: UUID, version: ModelVersion, given: dict[str, Any] | None) -> dict[str, Any]:
    """Return a generation's parameters; nothing for other tasks."""
    manifest = parse_manifest(version.manifest)
    if manifest.task == "generation":
        return chosen_parameters(manifest, job_id, given)
    if given:
        raise InvalidError("parameters", f"{version} generates no images: it takes no parameters.")
    return {}


def check_fit(version: ModelVersion, series: Series | None, *, precision: str = "") -> None:
    """Refuse what the version's manifest says that it cannot do; raises InvalidError with the reason."""
    if version.stage == Stage.ARCHIVED:
        raise ConflictError("model_archived", f"{version} is archived and no longer run.")
    manifest = parse_manifest(version.manifest)
    if precision and precision not in {variant.precision for variant in manifest.variants}:
        raise InvalidError("no_such_precision", f"{version} has no network in {precision}.")
    if manifest.task == "generation":
        if series is not None:
            raise InvalidError("no_series_wanted", f"{version} makes images of its own: it takes no series.")
    elif series is None:
        raise InvalidError("series_missing", f"{version} needs a series to run on.")
    else:
        check_fit_of(manifest, series)


def check_fit_of(manifest: Manifest, series: Series) -> None:
    """Refuse a series that the manifest says that the model cannot read; InvalidError `package_does_not_fit`."""
    # Brings SciPy along, which the web process needs for nothing else.
    from medportal.inference import preprocess

    kinds = set(series.instances.filter(number_of_frames__gt=0).values_list("photometric_interpretation", flat=True))
    if kinds == {"PALETTE COLOR"}:
        raise InvalidError("package_does_not_fit", "The series holds palette colours, of which no stack is made.")
    # Of a series in both, the grey images are the stack.
    is_colour = bool(kinds) and not kinds & GREY
    frames = series.number_of_frames
    preprocess.check_fit(manifest.input, modality=series.modality, slices=frames, colour=is_colour)


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
    if analysis.series is not None and analysis.model_version.model.task != "generation":
        _mark(analysis, analysis.series.study, State(job.state))
    announce(analysis)


def _mark(analysis: Analysis, study: Study, state: State) -> None:
    """Write the worklist's cell of the study that was analysed."""
    # A cancelled run leaves what there was before it.
    before = AiStatus.SUCCEEDED if study.ai_summary else AiStatus.NONE
    summary = None
    if state == State.SUCCEEDED and analysis.annotation_set is not None:
        summary = {
            "model": analysis.model_version.model.name,
            "version": analysis.model_version.number,
            **{name: analysis.annotation_set.verdict[name] for name in ("value", "probability", "positive")},
        }
    mark_study(study, ai_status=_STATUS_OF_STATE.get(state, before), ai_summary=summary)
