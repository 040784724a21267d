"""The analyses that a user may see: those of the team."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import User
from medportal.analysis.models import Analysis
from medportal.errors import NotFoundError


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
