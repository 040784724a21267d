"""The analyses and embeddings that a user may see: those of the team."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Team, User
from medportal.analysis.models import Analysis, Embedding, SimilarCases
from medportal.annotations.models import Label
from medportal.archive.models import Series
from medportal.errors import InvalidError, NotFoundError
from medportal.zoo import access as zoo_access
from medportal.zoo.models import ModelVersion, Stage


def visible_analyses(
    user: User, team_slug: str, *, study_uid: str | None = None, series_uid: str | None = None
) -> QuerySet[Analysis]:
    """Return the team's analyses, newest first, optionally of one study or series."""
    analyses = with_rows(Analysis.objects.filter(team=get_team(user, team_slug)))
    if study_uid:
        analyses = analyses.filter(series__study__study_instance_uid=study_uid)
    if series_uid:
        analyses = analyses.filter(series__series_instance_uid=series_uid)
    return analyses.order_by("-job__created_at")


def with_rows(analyses: QuerySet[Analysis]) -> QuerySet[Analysis]:
    """Read along what the `Analysis` component shows."""
    return analyses.select_related(
        "team",
        "job__team",
        "job__created_by",
        "series__study",
        "model_version__model__team",
        "annotation_set__study",
        "annotation_set__series",
        "annotation_set__author",
    )


def get_analysis(user: User, team_slug: str, job_id: UUID) -> Analysis:
    """Return an analysis of the team by its job's id."""
    analysis = visible_analyses(user, team_slug).filter(pk=job_id).first()
    if analysis is None:
        raise NotFoundError("analysis_not_found", "There is no such analysis in this team.")
    return analysis


def similar_cases_of(team: Team) -> SimilarCases:
    """Return how a team looks for similar cases; where it has never said, a row that is not kept."""
    return SimilarCases.objects.filter(team=team).first() or SimilarCases(team=team)


def embedding_versions(team: Team) -> list[ModelVersion]:
    """Return the versions in production by which the team compares series, the preferred first.

    Autoencoders go before others: they have not learnt to see one question alone. Then the newest.
    """
    rows = ModelVersion.objects.select_related("model__team").filter(model__team=team, stage=Stage.PRODUCTION)
    if wanted := similar_cases_of(team).wanted_model:
        rows = rows.filter(model__name=wanted)
    found = [version for version in rows if zoo_access.has_embedding(version)]
    return sorted(found, key=lambda v: (v.model.task != "autoencoder", -(v.promoted_at or v.created_at).timestamp()))


def get_embedding_versions(
    user: User, team_slug: str, model: str = "", number: int | None = None
) -> list[ModelVersion]:
    """Return the version that is named, or those of `embedding_versions`.

    Raises NotFoundError `no_embedding_model` where there is none, InvalidError `no_embedding` for a model without.
    """
    if model:
        version = zoo_access.get_version(user, team_slug, model, number)
        if not zoo_access.has_embedding(version):
            raise InvalidError("no_embedding", f"{version} does not say where a series lies among others.")
        return [version]
    versions = embedding_versions(get_team(user, team_slug))
    if not versions:
        raise NotFoundError(
            "no_embedding_model", "No model in production says where a series lies among others: train an autoencoder."
        )
    return versions


def embedding_of(series: Series, version: ModelVersion) -> Embedding | None:
    """Return where a series as it is now lies, as a version sees it."""
    return embeddings_by(version).filter(series=series, revision=series.revision).first()


def embeddings_by(version: ModelVersion) -> QuerySet[Embedding]:
    """Return a version's embeddings; those of series that it could not read are not among them."""
    rows = Embedding.objects.filter(team_id=version.model.team_id, model=version.model.name, version=version.number)
    return rows.exclude(vector=b"")


def of_same_patient(series: Series) -> set[int]:
    """Return the rows of all series of the patient."""
    patient = series.study.patient_id
    return set(Series.objects.filter(team_id=series.team_id, study__patient=patient).values_list("pk", flat=True))


def series_rows(keys: Iterable[int]) -> dict[int, Series]:
    """Return series, which the caller may see, by row, with their studies and patients."""
    return {row.pk: row for row in Series.objects.filter(pk__in=list(keys)).select_related("study__patient")}


def labels_of(series: Iterable[Series]) -> dict[int, list[Label]]:
    """Return the newest label of each scheme that series, or their studies as a whole, have: series' row → labels."""
    rows = list(series)
    found: dict[int, dict[str, Label]] = {row.pk: {} for row in rows}
    of_study: dict[int, list[int]] = {}
    for row in rows:
        of_study.setdefault(row.study_id, []).append(row.pk)
    wanted = Q(series__in=rows) | Q(series=None, study__in=of_study.keys())
    for label in Label.objects.filter(wanted, instance=None).order_by("pk"):
        for key in [label.series_id] if label.series_id else of_study[label.study_id]:
            found[key][label.scheme] = label
    return {key: list(labels.values()) for key, labels in found.items()}


def similar_cases_state(user: User, team_slug: str) -> dict[str, Any]:
    """Return what the `SimilarCases` component shows of a team."""
    team = get_team(user, team_slug)
    row, versions = similar_cases_of(team), embedding_versions(team)
    preferred = versions[0] if versions else None
    return {
        "is_on_arrival": row.on_arrival_since is not None,
        "wanted_model": row.wanted_model,
        "model": preferred.model.name if preferred else "",
        "version": preferred.number if preferred else None,
        "embedded": embeddings_by(preferred).count() if preferred else 0,
        "series": Series.objects.filter(team=team, number_of_frames__gt=0).count(),
    }
