"""What is done to cohorts: choose series by their labels, split their patients, freeze the content as a version."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, Team, User
from medportal.annotations.access import current_labels
from medportal.archive.models import Patient, Series
from medportal.audit.services import record
from medportal.cohorts import access
from medportal.cohorts.models import Cohort, CohortMember, CohortVersion, Split
from medportal.cohorts.splitting import DEFAULT_FRACTIONS, split_groups
from medportal.errors import InvalidError


@dataclass(frozen=True)
class Choice:
    """A series to be frozen; without a split it is given one with the other series of its group."""

    series: Series
    group: str
    label: str
    slice_labels: dict[str, str] = field(default_factory=dict)
    split: str | None = None


def choose_version(
    user: User,
    team_slug: str,
    *,
    name: str,
    scheme: str,
    classes: Sequence[str],
    series: Collection[str] = (),
    studies: Collection[str] = (),
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    title: str = "",
    description: str = "",
) -> tuple[CohortVersion, bool]:
    """Freeze series that the user may see, with the labels that they carry now; see `freeze_version`."""
    team = get_team(user, team_slug, Role.RESEARCHER)
    rows = access.choosable_series(user, team_slug, series_uids=series, study_uids=studies)
    return freeze_version(
        team,
        name=name,
        title=title,
        description=description,
        classes=classes,
        choices=_labelled(rows, scheme, named=set(series)),
        fractions=split,
        seed=seed,
        actor=user,
    )


def group_of(patient: Patient, study_instance_uid: str) -> str:
    """Return the group that must stay on one side of a split: the patient, or the study of an unnamed one."""
    if not patient.patient_id:
        return f"study {study_instance_uid}"
    name = f"{patient.patient_id}^^^{patient.issuer_of_patient_id}".rstrip("^")
    return name if len(name) <= 120 else hashlib.sha256(name.encode()).hexdigest()


def _labelled(rows: list[Series], scheme: str, *, named: set[str]) -> list[Choice]:
    """Join series with their labels; a series that came with its study alone may be without one."""
    of_series: dict[int, str] = {}
    of_slices: dict[int, dict[str, str]] = defaultdict(dict)
    for label in current_labels(rows, scheme):
        assert label.series_id is not None
        if label.instance is None:
            of_series[label.series_id] = label.value
        else:
            of_slices[label.series_id][label.instance.sop_instance_uid] = label.value
    for row in rows:
        if row.pk not in of_series and row.series_instance_uid in named:
            raise InvalidError("unlabelled", f"Series {row} has no label of the scheme “{scheme}”.")
    return [
        Choice(row, group_of(row.study.patient, row.study.study_instance_uid), of_series[row.pk], of_slices[row.pk])
        for row in rows
        if row.pk in of_series
    ]


def freeze_version(
    team: Team,
    *,
    name: str,
    classes: Sequence[str],
    choices: Sequence[Choice],
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
    title: str = "",
    description: str = "",
    actor: User | None,
) -> tuple[CohortVersion, bool]:
    """Freeze a content as the cohort's next version; returns (version, whether it is new).

    The same content again is the version that there is. Raises InvalidError where a group would be on two sides of a
    split (`group_on_two_sides`), a class has too few patients to be in each split (`class_too_small`), a label is of
    none of the classes (`unknown_class`), or the whole is empty or doubled.
    """
    _check_classes(classes, choices)
    complete = _with_splits(choices, list(classes), fractions or DEFAULT_FRACTIONS, seed)
    _check_splits(complete, classes)
    content_hash = _content_hash(classes, complete)
    with transaction.atomic():
        cohort = _locked_cohort(team, name, title, description)
        version = cohort.versions.filter(content_hash=content_hash).first()
        is_new = version is None
        if version is None:
            version = _insert(cohort, content_hash, list(classes), complete, actor)
    access.count_members([version])
    return version, is_new


def _check_classes(classes: Sequence[str], choices: Sequence[Choice]) -> None:
    if not choices:
        raise InvalidError("empty_cohort", "The selection holds no labelled series.")
    if len(set(classes)) < len(classes):
        raise InvalidError("class_twice", "A class is named twice.")
    seen: set[str] = set()
    for choice in choices:
        uid = choice.series.series_instance_uid
        if uid in seen:
            raise InvalidError("series_twice", f"Series {uid} is chosen twice.")
        seen.add(uid)
        for label in {choice.label, *choice.slice_labels.values()} - set(classes):
            raise InvalidError("unknown_class", f"Series {uid} is labelled “{label}”, which is none of the classes.")


def _with_splits(
    choices: Sequence[Choice], classes: list[str], fractions: Mapping[str, float], seed: int
) -> list[Choice]:
    """Keep the splits that are given; where none is, make them by group, stratified by the group's highest class."""
    given = [choice for choice in choices if choice.split]
    if given and len(given) < len(choices):
        missing = next(choice for choice in choices if not choice.split)
        raise InvalidError("split_missing", f"Series {missing.series} has no split, while others have one.")
    if given:
        return list(choices)
    if min(fractions.get(split, 0) for split in Split.values) <= 0 or abs(sum(fractions.values()) - 1) > 1e-6:
        raise InvalidError("bad_fractions", "Train, validation and test each need a part, and the parts add up to one.")
    strata: dict[str, int] = {}
    for choice in choices:
        strata[choice.group] = max(strata.get(choice.group, 0), classes.index(choice.label))
    _check_strata(strata, classes)
    splits = split_groups(strata, fractions, seed=seed)
    return [replace(choice, split=splits[choice.group]) for choice in choices]


def _check_strata(strata: Mapping[str, int], classes: list[str]) -> None:
    for index, name in enumerate(classes):
        patients = sum(1 for stratum in strata.values() if stratum == index)
        if patients < len(Split):
            raise InvalidError(
                "class_too_small", f"Class “{name}” has {patients} patient(s): too few to be in each of three splits."
            )


def _check_splits(choices: Sequence[Choice], classes: Sequence[str]) -> None:
    side: dict[str, Choice] = {}
    for choice in choices:
        if choice.split not in Split.values:
            raise InvalidError("unknown_split", f"Series {choice.series} is in “{choice.split}”, which is no split.")
        other = side.setdefault(choice.group, choice)
        if other.split != choice.split:
            raise InvalidError(
                "group_on_two_sides",
                f"Series {other.series} ({other.split}) and {choice.series} ({choice.split}) are of one patient.",
            )
    present = {(choice.split, choice.label) for choice in choices}
    for split in Split:
        for name in classes:
            if (split, name) not in present:
                raise InvalidError("empty_split", f"The {split.label.lower()} split has no series of class “{name}”.")


def _content_hash(classes: Sequence[str], choices: Sequence[Choice]) -> str:
    """SHA-256 over the classes and each series' UID, group, split, label and slice labels, in order of UID."""
    rows: list[Any] = [
        [c.series.series_instance_uid, c.group, c.split, c.label, sorted(c.slice_labels.items())]
        for c in sorted(choices, key=lambda c: c.series.series_instance_uid)
    ]
    text = json.dumps([list(classes), rows], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _locked_cohort(team: Team, name: str, title: str, description: str) -> Cohort:
    """Return the cohort, made if need be, with its row locked: versions are numbered one after the other."""
    Cohort.objects.get_or_create(team=team, name=name)
    cohort = Cohort.objects.select_for_update().get(team=team, name=name)
    cohort.title, cohort.description = title or cohort.title or name, description or cohort.description
    cohort.save(update_fields=["title", "description"])
    return cohort


def _insert(
    cohort: Cohort, content_hash: str, classes: list[str], choices: Sequence[Choice], actor: User | None
) -> CohortVersion:
    last = cohort.versions.order_by("-number").first()
    version = CohortVersion.objects.create(
        cohort=cohort,
        number=last.number + 1 if last else 1,
        content_hash=content_hash,
        classes=classes,
        created_by=actor,
    )
    CohortMember.objects.bulk_create(
        [
            CohortMember(
                version=version,
                series=choice.series,
                series_instance_uid=choice.series.series_instance_uid,
                group=choice.group,
                split=choice.split or "",
                label=choice.label,
                slice_labels=choice.slice_labels,
            )
            for choice in choices
        ],
        batch_size=200,
    )
    record(
        actor=actor,
        action="cohort.frozen",
        team=cohort.team.slug,
        object_type="cohort",
        object_id=f"{cohort.name}@{version.number}",
        detail={"content_hash": content_hash, "series": len(choices)},
    )
    return version


@transaction.atomic
def mark_untrainable(series: Series) -> None:
    """Note on every frozen version that holds the series that it can no longer be learnt from."""
    CohortVersion.objects.filter(members__series=series).update(is_trainable=False)
