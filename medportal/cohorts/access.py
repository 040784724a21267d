"""The cohorts that a user may see, and the series that it may choose from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, User
from medportal.archive.access import Filter, filtered, visible_studies
from medportal.archive.models import Instance, Series, Study
from medportal.archive.rows import NOT_PICTURES
from medportal.cohorts.models import Cohort, CohortMember, CohortVersion, Kind, Split
from medportal.errors import InvalidError, NotFoundError
from medportal.imaging.generated import PATIENT_PREFIX, SYNTHETIC

# Studies of one search, and series of one choice.
MOST_CHOSEN = 20_000
_AT_ONCE = 1000


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
    team = get_team(user, team_slug, role)
    if not Cohort.objects.filter(team=team, name=name).exists():
        raise NotFoundError("cohort_not_found", f"There is no cohort “{name}” in this team.")
    versions = _versions().filter(cohort__team=team, cohort__name=name)
    version = (versions if number is None else versions.filter(number=number)).first()
    if version is None:
        raise NotFoundError("cohort_version_not_found", f"Cohort “{name}” has no such version.")
    count_members([version])
    return version


def _versions() -> QuerySet[CohortVersion]:
    return CohortVersion.objects.select_related("cohort", "cohort__team", "created_by").order_by("-number")


def count_members(versions: list[CohortVersion]) -> None:
    """Set on each version `counts` (split → class → series) and `patients` (split → groups), by one query each."""
    for version in versions:
        empty = {split: dict.fromkeys(version.classes, 0) for split in Split.values}
        version.counts = version.fingerprint.get("counts") or empty
        version.patients = dict.fromkeys(Split.values, 0)
    by_id = {version.pk: version for version in versions}
    members = CohortMember.objects.filter(version__in=versions).order_by()
    # Versions of before there were fingerprints.
    bare = members.filter(version__fingerprint={}, version__kind=Kind.CLASSES)
    for row in bare.values("version_id", "split", "label").annotate(n=Count("id")):
        by_id[row["version_id"]].counts[row["split"]][row["label"]] = row["n"]
    for row in members.values("version_id", "split").annotate(n=Count("group", distinct=True)):
        by_id[row["version_id"]].patients[row["split"]] = row["n"]


def classes_of(member: CohortMember, version: CohortVersion) -> set[str]:
    """Return the classes that a member holds."""
    match version.kind:
        case Kind.CLASSES:
            return {member.label}
        case Kind.MULTI_LABEL:
            return set(member.labels)
        case Kind.BOXES:
            return {str(box["label"]) for box in member.boxes}
        case Kind.MASKS if member.annotation_set is not None:
            return {segment["label"] for segment in member.annotation_set.label_map.segments if segment["voxels"]}
    return set()


def choosable_series(
    user: User,
    team_slug: str,
    *,
    series_uids: Collection[str] = (),
    study_uids: Collection[str] = (),
    search: Filter | None = None,
) -> list[Series]:
    """Return the series named, and all pictures of the studies named or found; NotFoundError names the first missing.

    Raises InvalidError `too_many` where there are more than can be frozen at once.
    """
    studies = visible_studies(user, team_slug).order_by()
    series = Series.objects.filter(study__in=studies).select_related("study", "study__patient", "team")
    by_uid = {one.series_instance_uid: one for one in _among(series, "series_instance_uid", series_uids)}
    chosen = list(_among(series, "study__study_instance_uid", study_uids))
    found = {one.study.study_instance_uid for one in chosen}
    for uid in [u for u in series_uids if u not in by_uid] + [u for u in study_uids if u not in found]:
        raise NotFoundError("series_not_found", f"There is no series or study {uid} in this team.")
    if search is not None:
        keys = filtered(studies, search).order_by().values("pk")
        chosen += series.filter(study__in=Study.objects.filter(pk__in=keys))[: MOST_CHOSEN + 1]
    pictures = [one for one in chosen if one.modality not in NOT_PICTURES and one.number_of_frames]
    every = by_uid | {one.series_instance_uid: one for one in pictures}
    if len(every) > MOST_CHOSEN:
        raise InvalidError("too_many", f"A cohort is frozen of at most {MOST_CHOSEN} series: narrow the search.")
    return list(every.values())


def generated_among(series: Collection[Series]) -> set[int]:
    """Return the rows of those series that a model has made up: by what `imaging.generated` writes into them.

    Phantoms are synthetic too, but what is on them is known by construction: they are not meant.
    """
    made = Q(study__patient__patient_id__startswith=PATIENT_PREFIX)
    made |= Q(study__patient__patient_name__startswith=f"{SYNTHETIC}^")
    keys, found = [one.pk for one in series if one.is_synthetic], set[int]()
    for start in range(0, len(keys), _AT_ONCE):
        some = Series.objects.filter(made, pk__in=keys[start : start + _AT_ONCE])
        found |= set(some.values_list("pk", flat=True))
    return found


def series_of(keys: Collection[int]) -> list[Series]:
    """Return series by their rows, some at a time."""
    return _among(Series.objects.all(), "pk", keys)


def patients_of(series: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return whose each series is, by its row: PatientID and issuer, or the study where nobody is named."""
    keys, found = list(series), dict[int, tuple[str, ...]]()
    columns = ("study__patient__patient_id", "study__patient__issuer_of_patient_id", "study__study_instance_uid")
    for start in range(0, len(keys), _AT_ONCE):
        rows = Series.objects.filter(pk__in=keys[start : start + _AT_ONCE]).order_by()
        for key, patient, issuer, study in rows.values_list("pk", *columns):
            found[key] = (patient, issuer) if patient else (study,)
    return found


def _among(series: QuerySet[Series], column: str, values: Collection[Any]) -> list[Series]:
    rows, wanted = list[Series](), list(values)
    for start in range(0, len(wanted), _AT_ONCE):
        rows += series.filter(**{f"{column}__in": wanted[start : start + _AT_ONCE]})
    return rows


def digests_of(series: Collection[int]) -> dict[int, str]:
    """Return for each series, by its key, the SHA-256 over those of its objects: another picture is another digest."""
    digests = {key: hashlib.sha256() for key in series}
    keys = list(digests)
    for start in range(0, len(keys), _AT_ONCE):
        rows = Instance.objects.filter(series__in=keys[start : start + _AT_ONCE]).order_by("sop_instance_uid")
        for key, sha256 in rows.values_list("series_id", "sha256").iterator():
            digests[key].update(sha256.encode())
    return {key: digest.hexdigest() for key, digest in digests.items()}
