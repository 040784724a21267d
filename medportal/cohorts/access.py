"""The cohorts that a user may see, and the series that it may choose from."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count, Prefetch, QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.archive.access import visible_studies
from medportal.archive.models import Series
from medportal.cohorts.models import Cohort, CohortMember, CohortVersion, Split
from medportal.errors import NotFoundError


def visible_cohorts(user: User, team_slug: str, role: Role = Role.VIEWER) -> list[Cohort]:
    """Return the team's cohorts by name, with their versions, newest first, and what is in each."""
    team = get_team(user, team_slug, role)
    cohorts = list(Cohort.objects.filter(team=team).prefetch_related(Prefetch("versions", _versions())))
    count_members([version for cohort in cohorts for version in cohort.versions.all()])
    return cohorts


def get_cohort(user: User, team_slug: str, name: str, role: Role = Role.VIEWER) -> Cohort:
    """Return a cohort of the team by name, as `visible_cohorts` does."""
    team = get_team(user, team_slug, role)
    query = Cohort.objects.filter(team=team, name=name).prefetch_related(Prefetch("versions", _versions()))
    cohort = query.first()
    if cohort is None:
        raise NotFoundError("cohort_not_found", f"There is no cohort “{name}” in this team.")
    count_members(list(cohort.versions.all()))
    return cohort


def get_version(
    user: User, team_slug: str, name: str, number: int | None = None, role: Role = Role.VIEWER
) -> CohortVersion:
    """Return a version of a cohort, by default the newest."""
    versions = list(get_cohort(user, team_slug, name, role).versions.all())
    version = next((v for v in versions if number in (None, v.number)), None)
    if version is None:
        raise NotFoundError("cohort_version_not_found", f"Cohort “{name}” has no such version.")
    return version


def _versions() -> QuerySet[CohortVersion]:
    return CohortVersion.objects.select_related("cohort", "cohort__team", "created_by").order_by("-number")


def count_members(versions: list[CohortVersion]) -> None:
    """Set on each version `counts` (split → class → series) and `patients` (split → groups), by one query each."""
    for version in versions:
        version.counts = {split: dict.fromkeys(version.classes, 0) for split in Split.values}
        version.patients = dict.fromkeys(Split.values, 0)
    by_id = {version.pk: version for version in versions}
    members = CohortMember.objects.filter(version__in=versions).order_by()
    for row in members.values("version_id", "split", "label").annotate(n=Count("id")):
        by_id[row["version_id"]].counts[row["split"]][row["label"]] = row["n"]
    for row in members.values("version_id", "split").annotate(n=Count("group", distinct=True)):
        by_id[row["version_id"]].patients[row["split"]] = row["n"]


def choosable_series(
    user: User, team_slug: str, *, series_uids: Collection[str] = (), study_uids: Collection[str] = ()
) -> list[Series]:
    """Return the series named, and all those of the studies named; NotFoundError names the first that is not there."""
    studies = visible_studies(user, team_slug)
    series = Series.objects.filter(study__in=studies).select_related("study", "study__patient", "team")
    by_uid = {s.series_instance_uid: s for s in series.filter(series_instance_uid__in=series_uids)}
    of_studies = list(series.filter(study__study_instance_uid__in=study_uids))
    found = {s.study.study_instance_uid for s in of_studies}
    for uid in [u for u in series_uids if u not in by_uid] + [u for u in study_uids if u not in found]:
        raise NotFoundError("series_not_found", f"There is no series or study {uid} in this team.")
    return list((by_uid | {s.series_instance_uid: s for s in of_studies}).values())
