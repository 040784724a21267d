"""The studies that a user may see, and the objects in them: the only door to these rows on behalf of people."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from medportal.accounts.access import default_team, get_team
from medportal.accounts.models import Role, Team, User
from medportal.archive.models import Instance, Series, Study
from medportal.errors import NotFoundError

ORDERINGS = {
    "study_date": ("study_date", "study_time"),
    "patient_name": ("patient__patient_name",),
    "patient_id": ("patient__patient_id",),
    "created_at": ("created_at",),
    "number_of_instances": ("number_of_instances",),
    "study_description": ("study_description",),
}


def team_for(user: User, slug: str | None, role: Role = Role.VIEWER) -> Team:
    """Return the named team, or the user's default one."""
    return get_team(user, slug, role) if slug else get_team(user, default_team(user).slug, role)


def visible_studies(user: User, slug: str | None) -> QuerySet[Study]:
    """Return the team's studies with what their rows need, newest arrivals first."""
    studies = Study.objects.filter(team=team_for(user, slug)).select_related("patient", "team")
    return studies.order_by("-created_at", "-id")


@dataclass(frozen=True)
class Filter:
    """What the worklist is asked to show."""

    search: str = ""
    modality: str = ""
    ai_status: str = ""
    date_from: str = ""
    date_to: str = ""
    ordering: str = ""


def filtered(studies: QuerySet[Study], wanted: Filter) -> QuerySet[Study]:
    """Return the studies that match all of the filter; every word of the search must occur."""
    for word in wanted.search.replace("^", " ").casefold().split()[:8]:
        studies = studies.filter(search_text__contains=word)
    if wanted.modality:
        # A JSON list of short codes; quoted, so that CT does not find the T of others.
        studies = studies.filter(modalities_in_study__icontains=f'"{wanted.modality}"')
    if wanted.ai_status:
        studies = studies.filter(ai_status="" if wanted.ai_status == "none" else wanted.ai_status)
    if wanted.date_from:
        studies = studies.filter(study_date__gte=wanted.date_from)
    if wanted.date_to:
        studies = studies.filter(Q(study_date__lte=wanted.date_to) & ~Q(study_date=""))
    name = wanted.ordering.removeprefix("-")
    if name in ORDERINGS:
        sign = "-" if wanted.ordering.startswith("-") else ""
        studies = studies.order_by(*(sign + field for field in ORDERINGS[name]), "-id")
    return studies


def get_study(user: User, slug: str | None, study_uid: str, role: Role = Role.VIEWER) -> Study:
    """Return a study; NotFoundError where the team has none of this UID."""
    team = team_for(user, slug, role)
    study = Study.objects.select_related("patient", "team").filter(team=team, study_instance_uid=study_uid).first()
    if study is None:
        raise NotFoundError("study_not_found", "There is no such study in this team.")
    return study


def series_of(study: Study) -> QuerySet[Series]:
    """Return the series of a study in order."""
    return study.series.order_by("series_number", "id")


def get_series(
    user: User, slug: str | None, series_uid: str, role: Role = Role.VIEWER, study_uid: str | None = None
) -> Series:
    """Return a series (of a study, if one is named); NotFoundError where the team has none of this UID."""
    team = team_for(user, slug, role)
    rows = Series.objects.select_related("study__patient", "team").filter(team=team, series_instance_uid=series_uid)
    series = (rows.filter(study__study_instance_uid=study_uid) if study_uid else rows).first()
    if series is None:
        raise NotFoundError("series_not_found", "There is no such series in this team.")
    return series


def get_instance(team: Team, study_uid: str, series_uid: str, sop_instance_uid: str) -> Instance:
    """Return an instance of a team that the user may see; NotFoundError where the team has none of these UIDs."""
    instance = (
        Instance.objects.filter(
            team=team,
            sop_instance_uid=sop_instance_uid,
            series__series_instance_uid=series_uid,
            series__study__study_instance_uid=study_uid,
        )
        .defer("header")
        .first()
    )
    if instance is None:
        raise NotFoundError("instance_not_found", "There is no such instance in this team.")
    return instance


def get_study_instance(user: User, slug: str | None, study_uid: str, sop_instance_uid: str) -> Instance:
    """Return an instance of a study that the user may see; NotFoundError where the study has none of this UID."""
    study = get_study(user, slug, study_uid)
    instance = Instance.objects.filter(series__study=study, sop_instance_uid=sop_instance_uid).first()
    if instance is None:
        raise NotFoundError("instance_not_found", "There is no such instance in this study.")
    return instance


def visible_series(user: User, slug: str | None) -> QuerySet[Series]:
    """Return the team's series, for searches."""
    return Series.objects.filter(team=team_for(user, slug)).select_related("study__patient").order_by("id")


def visible_instances(user: User, slug: str | None) -> QuerySet[Instance]:
    """Return the team's instances, for searches."""
    rows = Instance.objects.filter(team=team_for(user, slug)).defer("frame_ranges", "header", "pixel_description")
    return rows.select_related("series__study__patient").order_by("instance_number", "id")


def may_watch_study(user: User, name: str) -> bool:
    """Say whether the user may watch `<team>/<study UID>`."""
    slug, _, study_uid = name.partition("/")
    return Study.objects.filter(team__slug=slug, team__memberships__user=user, study_instance_uid=study_uid).exists()
