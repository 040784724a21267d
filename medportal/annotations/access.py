"""The marks that a user may see: those of the teams of which it is a member."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, Team, User
from medportal.annotations.models import MADE_BY, AnnotationSet, Label, LabelMap, Source
from medportal.archive.access import get_series, get_study
from medportal.archive.models import Instance, Series, Study
from medportal.errors import InvalidError, NotFoundError

# Databases take a limited number of values in one question.
_AT_ONCE = 1000


def visible_annotation_sets(user: User, team_slug: str) -> QuerySet[AnnotationSet]:
    """Return the team's results, newest first; their label maps without the voxels."""
    team = get_team(user, team_slug)
    rows = AnnotationSet.objects.filter(team=team).select_related("study", "series", "author", "label_map")
    return rows.defer("label_map__payload")


def get_label_map(user: User, team_slug: str, set_id: UUID) -> LabelMap:
    """Return the mask of one of the team's annotation sets, with the study that it is of; its voxels when asked for."""
    rows = LabelMap.objects.select_related("annotation_set__study").defer("payload")
    label_map = rows.filter(annotation_set__team=get_team(user, team_slug), annotation_set=set_id).first()
    if label_map is None:
        raise NotFoundError("mask_not_found", "There is no such mask in this team.")
    return label_map


def current_labels(series: Iterable[Series], scheme: str, *, with_models: bool = True) -> list[Label]:
    """Return, of series that the caller may see, each series' and each instance's newest label of a scheme.

    Without what models say, it is the newest of the others.
    """
    rows, newest = list(series), dict[tuple[int | None, int | None], Label]()
    for start in range(0, len(rows), _AT_ONCE):
        labels = _of(with_models).filter(series__in=rows[start : start + _AT_ONCE], scheme=scheme)
        for label in labels.select_related("instance").order_by("pk"):
            newest[label.series_id, label.instance_id] = label
    return list(newest.values())


def current_study_labels(studies: Iterable[int], scheme: str, *, with_models: bool = True) -> dict[int, Label]:
    """Return the newest label of a scheme that each study has as a whole: study's row → label."""
    keys, newest = list(studies), dict[int, Label]()
    for start in range(0, len(keys), _AT_ONCE):
        labels = _of(with_models).filter(study__in=keys[start : start + _AT_ONCE], series=None, scheme=scheme)
        newest |= {label.study_id: label for label in labels.order_by("pk")}
    return newest


def horizon_of(team: Team, scheme: str) -> float | None:
    """Return the horizon, in days, at which a scheme's labels are outcomes of patients; None where they are not."""
    outcomes = Label.objects.filter(team=team, scheme=scheme, detail__has_key="horizon_days").order_by("pk")
    horizon: float | None = outcomes.values_list("detail__horizon_days", flat=True).first()
    return horizon


def _of(with_models: bool) -> QuerySet[Label]:
    """Return labels; without models those stay that say what an image was made to be: that is no judgement."""
    judged = Q(source=Source.MODEL) & ~Q(detail__has_key=MADE_BY)
    return Label.objects.all() if with_models else Label.objects.exclude(judged)


def newest_sets(series: Iterable[Series], *, has_mask: bool, with_models: bool) -> dict[int, AnnotationSet]:
    """Return, of series that the caller may see, each one's newest set of marks: series' row → set.

    With a mask, or of boxes (an empty list of a detection is one). What people and imports say goes before what
    models say, which is left out unless it is asked for.
    """
    rows, newest = list(series), dict[int, AnnotationSet]()
    for start in range(0, len(rows), _AT_ONCE):
        sets = AnnotationSet.objects.filter(series__in=rows[start : start + _AT_ONCE])
        sets = sets if with_models else sets.exclude(source=Source.MODEL)
        sets = sets.exclude(label_map=None) if has_mask else sets.filter(label_map=None, task="detection")
        for one in sets.select_related("label_map").defer("label_map__payload").order_by("created_at", "pk"):
            known = newest.get(one.series_id)
            if known is None or known.source == Source.MODEL or one.source != Source.MODEL:
                newest[one.series_id] = one
    return newest


@dataclass(frozen=True)
class LabelFilter:
    """Which labels are asked for."""

    scheme: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""


def visible_labels(user: User, team_slug: str, wanted: LabelFilter) -> QuerySet[Label]:
    """Return the labels that count now: of each study, series or instance the newest of each scheme."""
    rows = Label.objects.filter(team=get_team(user, team_slug))
    if wanted.scheme:
        rows = rows.filter(scheme=wanted.scheme)
    if wanted.study_instance_uid:
        rows = rows.filter(study__study_instance_uid=wanted.study_instance_uid)
    if wanted.series_instance_uid:
        rows = rows.filter(series__series_instance_uid=wanted.series_instance_uid)
    newest = rows.order_by().values("study", "series", "instance", "scheme").annotate(newest=Max("pk"))
    labels = Label.objects.filter(pk__in=newest.values("newest"))
    return labels.select_related("study", "series", "instance", "author").order_by("-pk")


def study_of(user: User, team_slug: str, wanted: LabelFilter) -> str:
    """Return the StudyInstanceUID that a filter is about; "" where it names a series that the team has not."""
    if wanted.study_instance_uid:
        return wanted.study_instance_uid
    rows = Series.objects.filter(team=get_team(user, team_slug), series_instance_uid=wanted.series_instance_uid)
    return rows.values_list("study__study_instance_uid", flat=True).first() or ""


def label_schemes(user: User, team_slug: str) -> list[dict[str, object]]:
    """Return the schemes by which the team's studies, series and slices are labelled, with their values.

    Each value with how many studies and series have it; one that slices alone have, with how many series they are of.
    """
    rows = visible_labels(user, team_slug, LabelFilter()).order_by("scheme", "value").values("scheme", "value")
    whole = {(row["scheme"], row["value"]): row["n"] for row in rows.filter(instance=None).annotate(n=Count("pk"))}
    sliced = rows.exclude(instance=None).annotate(n=Count("series", distinct=True))
    every = {(row["scheme"], row["value"]): row["n"] for row in sliced} | whole
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for (scheme, value), number in sorted(every.items()):
        counts[scheme][value] = number
    return [{"scheme": scheme, "values": values} for scheme, values in counts.items()]


@dataclass(frozen=True)
class Target:
    """What is labelled: a study, a series of it, or an instance of that."""

    study: Study
    series: Series | None = None
    instance: Instance | None = None


def get_target(user: User, team_slug: str, *, study: str = "", series: str = "", instance: str = "") -> Target:
    """Return what the UIDs name, for somebody who may label it; NotFoundError where the team has none such."""
    if series:
        row = get_series(user, team_slug, series, Role.READER, study or None)
        if not instance:
            return Target(row.study, row)
        one = Instance.objects.filter(series=row, sop_instance_uid=instance).defer("header").first()
        if one is None:
            raise NotFoundError("instance_not_found", "There is no such instance in this series.")
        return Target(row.study, row, one)
    if instance or not study:
        raise InvalidError("label_target", "Name a study, or a series, or a series and an instance of it.")
    return Target(get_study(user, team_slug, study, Role.READER))
