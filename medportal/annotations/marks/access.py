"""The marks that a user may see: those of the studies of its teams."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.annotations.models import Mark, MarkRevision
from medportal.archive.access import get_study
from medportal.archive.models import Instance, Series, Study
from medportal.errors import NotFoundError

# Marks of a study that are there, and all that ever were.
MOST_MARKS = 5000
MOST_EVER = 50_000
MOST_REVISIONS = 1000
_AT_ONCE = 500


def with_rows(marks: QuerySet[Mark]) -> QuerySet[Mark]:
    """Read along what a mark's row shows."""
    return marks.select_related("study", "series", "author", "updated_by")


def visible_marks(user: User, team_slug: str, study_uid: str, *, deleted: bool = False) -> QuerySet[Mark]:
    """Return a study's marks in the order in which they were made, with the deleted ones if asked for."""
    rows = Mark.objects.filter(study=get_study(user, team_slug, study_uid))
    rows = rows if deleted else rows.filter(is_deleted=False)
    return with_rows(rows.order_by("pk"))


def get_mark(user: User, team_slug: str, study_uid: str, uuid: UUID, role: Role = Role.VIEWER) -> Mark:
    """Return a mark of a study, deleted or not; NotFoundError `mark_not_found`."""
    get_team(user, team_slug, role)
    mark = visible_marks(user, team_slug, study_uid, deleted=True).filter(uuid=uuid).first()
    if mark is None:
        raise NotFoundError("mark_not_found", "There is no such mark in this study.")
    return mark


def revisions_of(mark: Mark) -> QuerySet[MarkRevision]:
    """Return a mark's history, newest first."""
    return MarkRevision.objects.filter(mark=mark).select_related("author").order_by("-revision")


def places_in(study: Study, instances: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return which of the instances are of the study: (series, instance) → number of its frames."""
    wanted, found = sorted(set(instances)), dict[tuple[str, str], int]()
    for start in range(0, len(wanted), _AT_ONCE):
        rows = Instance.objects.filter(series__study=study, sop_instance_uid__in=wanted[start : start + _AT_ONCE])
        for series, uid, frames in rows.values_list(
            "series__series_instance_uid", "sop_instance_uid", "number_of_frames"
        ):
            found[series, uid] = frames
    return found


def series_in(study: Study) -> dict[str, Series]:
    """Return a study's series by UID."""
    return {row.series_instance_uid: row for row in study.series.all()}
