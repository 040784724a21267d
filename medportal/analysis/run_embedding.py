"""Runs a claimed job that says where series lie among others: one series, a cohort's, those that came in, or all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from medportal.analysis import access
from medportal.analysis.models import Embedding
from medportal.analysis.resident import sessions, volumes
from medportal.analysis.services import check_fit_of
from medportal.analysis.similar import ARRIVAL_TASK, embed_arrived
from medportal.archive.models import Series
from medportal.archive.reading import load_series_volume
from medportal.cohorts.models import CohortMember
from medportal.errors import MedportalError, NotFoundError, UnavailableError
from medportal.inference.embed import Vector, embed
from medportal.inference.manifest import parse_manifest
from medportal.jobs.leases import Lease, claim
from medportal.jobs.turns import Turn
from medportal.messaging.models import Event
from medportal.messaging.services import finish_reaction
from medportal.zoo.models import ModelVersion
from medportal.zoo.packages import open_version

REASONS = 20


def after_change(event_id: int) -> None:
    """Do what `series.changed` asks for, where the team wants it; a second delivery finds it done."""
    event = Event.objects.filter(pk=event_id).first()
    if event is not None and event.team_id is not None:
        embed_arrived(event.team_id, event_id)
    finish_reaction(event_id, ARRIVAL_TASK)


def run_embedding(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            _one(lease) if "series_instance_uid" in lease.job.params else _many(lease)


def _one(lease: Lease) -> None:
    """Embed the series that was asked about; what hinders that is why the job fails."""
    params = lease.job.params
    uid = params["series_instance_uid"]
    series = Series.objects.filter(team=lease.job.team, series_instance_uid=uid).first()
    if series is None:
        raise NotFoundError("series_not_found", f"Series {uid} has been deleted.")
    version = _version(lease, params)
    lease.report(stage="running")
    vector = embed(sessions().get(open_version(version)), volumes().get(series), check=lease.check)
    lease.succeed({**params, "sha256": version.sha256, "embedded": 1}, within=lambda: _keep(series, version, vector))


def _version(lease: Lease, params: dict[str, Any]) -> ModelVersion:
    rows = ModelVersion.objects.select_related("model__team").filter(model__team=lease.job.team)
    version = rows.filter(model__name=params["model"], number=params["version"]).first()
    if version is None:
        name = f"{params['model']}@{params['version']}"
        raise NotFoundError("model_version_not_found", f"{name} is no longer in the zoo.")
    return version


@transaction.atomic
def _keep(series: Series, version: ModelVersion, vector: Vector | None) -> None:
    """Keep where a series lies, in place of where it lay; None: that it cannot be read."""
    mine = Embedding.objects.filter(series=series, model=version.model.name, version=version.number)
    mine.exclude(revision=series.revision).delete()
    if vector is not None:
        mine.filter(vector=b"").delete()
    row = Embedding(
        team_id=series.team_id,
        series=series,
        model=version.model.name,
        version=version.number,
        sha256=version.sha256,
        revision=series.revision,
        vector=b"" if vector is None else vector.astype("<f4").tobytes(),
    )
    # Somebody else may have been quicker.
    Embedding.objects.bulk_create([row], ignore_conflicts=True)


def _many(lease: Lease) -> None:
    """Embed what is not embedded yet; a series that cannot be read is told of, and keeps no other from its place."""
    turn, params = Turn(lease), lease.job.params
    versions = [_version(lease, params)] if "model" in params else access.embedding_versions(lease.job.team)
    lease.report(stage="looking")
    todo = list(_todo(lease, versions))
    reasons, missed = list[dict[str, str]](), 0
    lease.report(stage="running")
    for number, (version, key) in enumerate(todo, start=1):
        turn.check()
        series = Series.objects.filter(pk=key).first()
        if series is None:
            continue
        try:
            reasons += _place(turn, series, version)
        except UnavailableError as error:
            # What cannot be had now may be had the next time: of that no row is kept.
            reasons.append(_reason(series, error))
            missed += 1
        turn.keep()
        lease.report(progress=number / len(todo))
    lease.succeed(_counted(lease, versions, reasons[:REASONS], missed))


def _place(turn: Turn, series: Series, version: ModelVersion) -> list[dict[str, str]]:
    """Embed a series of many; return why it cannot be done, if so. UnavailableError: it cannot be done now."""
    try:
        check_fit_of(parse_manifest(version.manifest), series)
        vector = embed(sessions().get(open_version(version)), load_series_volume(series), check=turn.check)
    except UnavailableError:
        raise
    except MedportalError as error:
        _keep(series, version, None)
        return [_reason(series, error)]
    _keep(series, version, vector)
    return []


def _reason(series: Series, error: MedportalError) -> dict[str, str]:
    return {"series_instance_uid": series.series_instance_uid, "detail": error.detail}


def _todo(lease: Lease, versions: list[ModelVersion]) -> Iterator[tuple[ModelVersion, int]]:
    """Yield the series of the job's scope without an embedding, each with the first version that fits it."""
    taken: set[int] = set()
    for version in versions:
        spec = parse_manifest(version.manifest).input
        fits = _scope(lease).filter(modality__in=spec.modalities, number_of_frames__gte=spec.minimum_slices)
        keys = [key for key in fits.order_by("-pk").values_list("pk", flat=True) if key not in taken]
        taken.update(keys)
        missing = set(_missing(fits, version, lease.job.created_by is not None).values_list("pk", flat=True))
        yield from ((version, key) for key in keys if key in missing)


def _missing(series: QuerySet[Series], version: ModelVersion, tries_again: bool) -> QuerySet[Series]:
    """Return the series that a version has not placed as they are now; by itself nothing is tried that failed."""
    rows = Embedding.objects.filter(model=version.model.name, version=version.number)
    rows = rows.exclude(vector=b"") if tries_again else rows
    return series.exclude(Exists(rows.filter(series=OuterRef("pk"), revision=OuterRef("revision"))))


def _scope(lease: Lease) -> QuerySet[Series]:
    """Return the series that the job is about."""
    params, series = lease.job.params, Series.objects.filter(team=lease.job.team, number_of_frames__gt=0)
    if params["scope"] == "arrived":
        since = access.similar_cases_of(lease.job.team).on_arrival_since
        return series.filter(created_at__gte=since) if since else series.none()
    if params["scope"] == "cohort":
        members = CohortMember.objects.filter(
            version__cohort__team=lease.job.team,
            version__cohort__name=params["cohort"],
            version__number=params["cohort_version"],
        )
        return series.filter(pk__in=members.values("series"))
    return series


def _counted(lease: Lease, versions: list[ModelVersion], reasons: list[dict[str, str]], missed: int) -> dict[str, Any]:
    """Return how many series of the scope are placed now, cannot be read, or are none that any version reads.

    `missed` are those that could not be read this time.
    """
    series, named = _scope(lease), Q()
    for version in versions:
        named |= Q(model=version.model.name, version=version.number)
    rows = Embedding.objects.filter(named, series=OuterRef("pk"), revision=OuterRef("revision"))
    total = series.count()
    placed = series.filter(Exists(rows.exclude(vector=b""))).count() if versions else 0
    failed = missed + (series.filter(Exists(rows.filter(vector=b""))).count() if versions else 0)
    return {
        **lease.job.params,
        "series": total,
        "embedded": placed,
        "failed": failed,
        "passed_over": max(total - placed - failed, 0),
        "reasons": reasons,
    }
