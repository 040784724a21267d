"""The marks that a user may see: those of the teams of which it is a member."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import User
from medportal.annotations.models import AnnotationSet, Label
from medportal.archive.models import Series


def visible_annotation_sets(user: User, team_slug: str) -> QuerySet[AnnotationSet]:
    """Return the team's results, newest first."""
    team = get_team(user, team_slug)
    return AnnotationSet.objects.filter(team=team).select_related("study", "series", "author")


def current_labels(series: Iterable[Series], scheme: str) -> list[Label]:
    """Return, of series that the caller may see, each series' and each instance's newest label of a scheme."""
    newest: dict[tuple[int | None, int | None], Label] = {}
    rows = Label.objects.filter(series__in=list(series), scheme=scheme).select_related("instance").order_by("pk")
    for label in rows:
        newest[label.series_id, label.instance_id] = label
    return list(newest.values())
