"""What a user can do about similar cases: look for them, have series embedded, say how the team looks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from django.db import transaction
from django.utils import timezone

from medportal.accounts.access import get_team, role_of
from medportal.accounts.models import Role, Team, User
from medportal.analysis import access, nearest
from medportal.analysis.models import SimilarCases
from medportal.analysis.services import QUEUE, check_fit_of
from medportal.annotations.models import Label
from medportal.archive import access as archive_access
from medportal.archive.models import Series
from medportal.audit.services import record
from medportal.cohorts import access as cohort_access
from medportal.errors import ConflictError, InvalidError
from medportal.inference.manifest import parse_manifest
from medportal.jobs.models import Job, State
from medportal.jobs.services import create_job
from medportal.zoo.models import ModelVersion

KIND = "embedding"
TASK = "medportal.analysis.tasks.run_embedding"
ARRIVAL_TASK = "medportal.analysis.tasks.embed_after_change"
# After so many that failed, the last one is told of instead of another try.
MAX_TRIES = 5
_NAMESPACE = UUID("6a0d1a0a-3a3c-4d0e-9c55-0a0a5be4d7a1")


@dataclass(frozen=True)
class Case:
    """A series that lies near the one that was asked about."""

    series: Series
    similarity: float
    labels: list[Label]


@dataclass(frozen=True)
class Found:
    """The nearest series, and among how many they were looked for."""

    # Of the series that was asked about.
    study_instance_uid: str
    version: ModelVersion
    compared: int
    cases: list[Case]


def find_similar(
    user: User,
    team_slug: str,
    series_uid: str,
    *,
    model: str = "",
    limit: int = nearest.USUAL_LIMIT,
    same_patient: bool = False,
) -> Found | Job:
    """Return the nearest of the team's series; or, where this one has no embedding yet, the job that makes it.

    Raises as `access.get_embedding_versions`; InvalidError `package_does_not_fit` where no model can read the series,
    ConflictError `no_embedding` for a viewer, who starts no jobs.
    """
    series = archive_access.get_series(user, team_slug, series_uid)
    version = fitting(access.get_embedding_versions(user, team_slug, model), series)
    own = access.embedding_of(series, version)
    if own is None:
        return _embed(user, series, version)
    without = {series.pk} if same_patient else access.of_same_patient(series)
    key = (version.model.team_id, version.model.name, version.number)
    vector = np.frombuffer(bytes(own.vector), "<f4")
    compared, found = nearest.find(key, vector, limit=limit, without=without)
    rows = access.series_rows(key for key, _ in found)
    labels = access.labels_of(rows.values())
    # A series may have been deleted since.
    cases = [Case(rows[key], similarity, labels[key]) for key, similarity in found if key in rows]
    return Found(series.study.study_instance_uid, version, compared, cases)


def fitting(versions: Sequence[ModelVersion], series: Series) -> ModelVersion:
    """Return the first version that can read the series; raises InvalidError `package_does_not_fit` of the first."""
    refused: InvalidError | None = None
    for version in versions:
        try:
            check_fit_of(parse_manifest(version.manifest), series)
        except InvalidError as error:
            refused = refused or error
        else:
            return version
    assert refused is not None
    raise refused


@transaction.atomic
def _embed(user: User, series: Series, version: ModelVersion) -> Job:
    """Have one series embedded; asked again, it is the same job, unless that has failed."""
    role = role_of(user, series.team)
    if role is None or not role.includes(Role.READER):
        raise ConflictError("no_embedding", "This series has no embedding yet; who may run models can have it made.")
    job: Job | None = None
    for number in range(MAX_TRIES):
        parts = (series.team.slug, series.series_instance_uid, series.revision, version, version.sha256, number)
        job_id = uuid5(_NAMESPACE, "/".join(map(str, parts)))
        job = Job.objects.select_related("team", "created_by").filter(pk=job_id).first()
        if job is None:
            return _create(
                job_id,
                series.team,
                f"{version} places {series.series_description or series.series_instance_uid}",
                {"series_instance_uid": series.series_instance_uid, **_named(version)},
                user,
            )
        if job.state in (State.QUEUED, State.RUNNING):
            return job
    assert job is not None
    return job


def _named(version: ModelVersion) -> dict[str, Any]:
    return {"model": version.model.name, "version": version.number}


def _create(job_id: UUID, team: Team, title: str, params: dict[str, Any], user: User | None) -> Job:
    job, _ = create_job(
        id=job_id,
        team=team,
        kind=KIND,
        title=title[:200],
        task_name=TASK,
        queue=QUEUE,
        params=params,
        created_by=user,
    )
    return job


@transaction.atomic
def start_embedding(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    model: str = "",
    version: int | None = None,
    cohort: str = "",
) -> Job:
    """Have all of the team's series embedded that are not yet, or a cohort's; by a model, or by those that fit.

    The same id again is the same job. Raises as `access.get_embedding_versions`, NotFoundError `cohort_not_found`.
    """
    team = get_team(user, team_slug, Role.RESEARCHER)
    params: dict[str, Any] = {"scope": "all"}
    if cohort:
        chosen = cohort_access.get_version(user, team_slug, cohort)
        params = {"scope": "cohort", "cohort": cohort, "cohort_version": chosen.number}
    versions = access.get_embedding_versions(user, team_slug, model, version)
    if model:
        params |= _named(versions[0])
    words = f"the series of {cohort}" if cohort else "all series"
    return _create(id, team, f"{versions[0] if model else 'Models in production'}: place {words}", params, user)


@transaction.atomic
def embed_arrived(team_id: int, event_id: int) -> Job | None:
    """Have the series embedded that have come in, where the team wants that; one job waits at most."""
    wanted = SimilarCases.objects.select_related("team").filter(team=team_id).first()
    if wanted is None or wanted.on_arrival_since is None:
        return None
    params = {"scope": "arrived"}
    if Job.objects.filter(team=team_id, kind=KIND, state=State.QUEUED, params=params).exists():
        return None
    return _create(uuid5(_NAMESPACE, f"event {event_id}"), wanted.team, "Place series that have come in", params, None)


@transaction.atomic
def set_similar_cases(
    user: User, team_slug: str, *, is_on_arrival: bool | None = None, wanted_model: str | None = None
) -> SimilarCases:
    """Say how the team looks for similar cases; raises InvalidError `no_embedding` for a model without any."""
    team = get_team(user, team_slug, Role.MANAGER)
    if wanted_model:
        access.get_embedding_versions(user, team_slug, wanted_model)
    row, _ = SimilarCases.objects.get_or_create(team=team)
    if wanted_model is not None:
        row.wanted_model = wanted_model
    if is_on_arrival is not None and is_on_arrival != (row.on_arrival_since is not None):
        row.on_arrival_since = timezone.now() if is_on_arrival else None
    row.save()
    detail = {"is_on_arrival": row.on_arrival_since is not None, "wanted_model": row.wanted_model}
    record(
        actor=user,
        action="similar_cases.set",
        team=team.slug,
        object_type="team",
        object_id=team.slug,
        detail=detail,
    )
    return row
