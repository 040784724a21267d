"""What is done to cohorts: choose series by what is known of them, and freeze them as a version."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from medportal.accounts.access import get_team
from medportal.accounts.models import Role, Team, User
from medportal.annotations.access import current_labels, current_study_labels, horizon_of, newest_sets
from medportal.annotations.models import Label
from medportal.archive.access import Filter
from medportal.archive.models import Patient, Series
from medportal.cohorts import access
from medportal.cohorts.comparing import compared
from medportal.cohorts.datasets.requests import request_of
from medportal.cohorts.freezing import Choice, freeze_version
from medportal.cohorts.models import CohortVersion, Kind
from medportal.cohorts.names import in_order
from medportal.cohorts.uploads import receive_upload, remove_upload
from medportal.errors import InvalidError
from medportal.jobs.models import FINAL_STATES, Job
from medportal.jobs.services import create_job

__all__ = ["Choice", "choose_version", "freeze_version", "group_of", "mark_untrainable"]
DATASET_KIND = "dataset"
DATASET_TASK = "medportal.cohorts.tasks.import_dataset"
# A table of outcomes that a page sends: some hundred thousand patients.
OUTCOMES_BYTES = 16 * 2**20
# Refused lines that are named in an answer.
_NAMED = 1000
# Of several labels at once, in one value.
LABEL_SEPARATOR = "|"


def choose_version(
    user: User,
    team_slug: str,
    *,
    name: str,
    kind: str = Kind.CLASSES,
    scheme: str = "",
    classes: Sequence[str] = (),
    series: Collection[str] = (),
    studies: Collection[str] = (),
    search: Mapping[str, str] | None = None,
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    title: str = "",
    description: str = "",
    include_model_marks: bool = False,
) -> tuple[CohortVersion, bool]:
    """Freeze series that the user may see, with what is known of them now; see `freeze_version`.

    They are named, or come with their studies, which are named or found as the worklist finds them (`search`, the
    fields of `archive.access.Filter`). By kind their targets are the labels of `scheme`, or their newest masks or
    boxes; without `classes`, those that occur. A series of which only slices are labelled is of the last class among
    them: one slice in which something is found makes a series in which it is. What models have marked is left out
    unless it is asked for: a model's answer is no truth. Raises InvalidError `unlabelled` for a series that was named
    and has no target; one that came with its study alone is left out.
    """
    team = get_team(user, team_slug, Role.RESEARCHER)
    rows = access.choosable_series(
        user, team_slug, series_uids=series, study_uids=studies, search=Filter(**search) if search is not None else None
    )
    choices = _with_targets(rows, kind, scheme, classes, named=set(series), with_models=include_model_marks)
    return freeze_version(
        team,
        name=name,
        title=title,
        description=description,
        kind=kind,
        horizon_days=horizon_of(team, scheme) if kind in (Kind.CLASSES, Kind.MULTI_LABEL) else None,
        scheme=scheme,
        classes=classes or _classes_that_occur(choices, kind),
        choices=choices,
        fractions=split,
        seed=seed,
        actor=user,
    )


def _classes_that_occur(choices: Sequence[Choice], kind: str) -> list[str]:
    """Return the classes in the order in which a model is to know them: the negative one first, where there is one."""
    return in_order(name for choice in choices for name in (*choice.classes_in_it(kind), *choice.slice_labels.values()))


def check_name(name: str) -> str:
    """Return a cohort's name; InvalidError `cohort_name` for one that cannot stand in an address."""
    if not re.fullmatch(r"[-a-zA-Z0-9_]{1,80}", name):
        raise InvalidError("cohort_name", "A cohort's name has letters, digits, - and _ alone, at most 80.")
    return name


def group_of(patient: Patient, study_instance_uid: str) -> str:
    """Return the group that must stay on one side of a split: the patient, or the study of an unnamed one."""
    if not patient.patient_id:
        return f"study {study_instance_uid}"
    name = f"{patient.patient_id}^^^{patient.issuer_of_patient_id}".rstrip("^")
    return name if len(name) <= 120 else hashlib.sha256(name.encode()).hexdigest()


def _with_targets(
    rows: list[Series], kind: str, scheme: str, classes: Sequence[str], *, named: set[str], with_models: bool
) -> list[Choice]:
    """Join series with their targets; a series that came with its study alone may be without one."""
    match kind:
        case Kind.CLASSES | Kind.MULTI_LABEL:
            labels = _labels(rows, scheme, with_models=with_models)
            targets = _several_of(labels) if kind == Kind.MULTI_LABEL else _classes_of(labels, classes)
        case Kind.MASKS | Kind.BOXES:
            sets = newest_sets(rows, has_mask=kind == Kind.MASKS, with_models=with_models)
            key = "annotation_set" if kind == Kind.MASKS else "boxes"
            targets = {
                pk: {key: one if kind == Kind.MASKS else _boxes_of(one.boxes, classes), "source": one.source}
                for pk, one in sets.items()
            }
        case _:
            targets = {row.pk: {} for row in rows}
    for row in rows:
        if row.pk not in targets and row.series_instance_uid in named:
            what = f"label of the scheme “{scheme}”" if scheme else {"masks": "mask"}.get(kind, "set of boxes")
            whose = "" if with_models else " but, perhaps, a model's"
            raise InvalidError("unlabelled", f"Series {row} has no {what}{whose}.")
    return [
        Choice(row, group_of(row.study.patient, row.study.study_instance_uid), **targets[row.pk])
        for row in rows
        if row.pk in targets
    ]


def _boxes_of(boxes: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the boxes of the classes that are asked for; all where none is."""
    return [box for box in boxes if not classes or box["label"] in classes]


@dataclass
class _Labels:
    """What is said of a series: of the whole (its own label, else its study's), and of its slices by their UIDs."""

    whole: Label | None = None
    slices: dict[str, Label] = field(default_factory=dict)


def _labels(rows: list[Series], scheme: str, *, with_models: bool) -> dict[int, _Labels]:
    """Return the labels of each series of which anything is said."""
    of_study = current_study_labels({row.study_id for row in rows}, scheme, with_models=with_models)
    found = defaultdict(_Labels, {row.pk: _Labels(of_study[row.study_id]) for row in rows if row.study_id in of_study})
    for label in current_labels(rows, scheme, with_models=with_models):
        assert label.series_id is not None
        if label.instance is None:
            found[label.series_id].whole = label
        else:
            found[label.series_id].slices[label.instance.sop_instance_uid] = label
    return found


def _classes_of(labels: Mapping[int, _Labels], classes: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Return each series' class and those of its slices; by slices alone, it is of the last class among them."""
    order = classes or in_order(label.value for one in labels.values() for label in one.slices.values())
    # What is none of the classes is refused when the version is frozen.
    places = {name: place for place, name in enumerate(order)}

    def deciding(one: _Labels) -> Label:
        return one.whole or max(one.slices.values(), key=lambda label: places.get(label.value, -1))

    return {
        pk: {
            "label": deciding(one).value,
            "slice_labels": {uid: label.value for uid, label in one.slices.items()},
            "source": deciding(one).source,
        }
        for pk, one in labels.items()
    }


def _several_of(labels: Mapping[int, _Labels]) -> dict[int, dict[str, Any]]:
    """Return the labels that apply to each series; by slices alone, all that apply to any of them."""
    targets = {}
    for pk, one in labels.items():
        told = [one.whole] if one.whole else list(one.slices.values())
        names = dict.fromkeys(name for label in told for name in label.value.split(LABEL_SEPARATOR) if name)
        targets[pk] = {"labels": tuple(names), "source": told[0].source}
    return targets


class Upload(Protocol):
    """A file on its way in."""

    name: str | None

    def chunks(self) -> Iterable[bytes]:
        """Yield its content."""


def start_dataset(
    user: User,
    team_slug: str,
    *,
    id: UUID,  # noqa: A002 - the job's own name
    upload: Upload,
    format: str,  # noqa: A002 - the word of the command line
    cohort: str,
    **options: Any,
) -> Job:
    """Keep an uploaded data set and have it imported; the same id again is the same job.

    `options` are those of `manage.py import_dataset`. Raises InvalidError `cohort_name`, `split_rule` or `where`,
    ConflictError `job_id_taken`, and as `uploads.receive_upload`.
    """
    team = get_team(user, team_slug, Role.RESEARCHER)
    params = {"format": format, "cohort": check_name(cohort), **options}
    request_of(params, Path())
    if not Job.objects.filter(pk=id).exists():
        # Durable before there is a row that promises it.
        receive_upload(id, upload.chunks())
    with transaction.atomic():
        return _dataset_job(user, team, id, cohort, params)


def _dataset_job(user: User, team: Team, job_id: UUID, cohort: str, params: dict[str, Any]) -> Job:
    job, _ = create_job(
        id=job_id,
        team=team,
        kind=DATASET_KIND,
        title=f"Data set {cohort}",
        task_name=DATASET_TASK,
        queue="default",
        params=params,
        created_by=user,
    )
    return job


def label_outcomes(
    user: User, team_slug: str, *, upload: Upload, scheme: str, horizon_days: float, **columns: str
) -> dict[str, Any]:
    """Label the studies of an uploaded table's patients with their outcomes at a horizon; returns the report.

    `columns` are fields of `outcomes.Columns`. Raises as `outcomes.import_outcomes`.
    """
    # The readers of data sets come along, which the web process needs for nothing else.
    from medportal.cohorts.outcomes import Columns, import_outcomes

    report = import_outcomes(
        get_team(user, team_slug, Role.RESEARCHER),
        user,
        name=upload.name or "table",
        table=b"".join(upload.chunks()),
        scheme=scheme,
        horizon_days=horizon_days,
        columns=Columns(**columns),
    )
    return {**report, "refused": report["refused"][:_NAMED], "refused_in_all": len(report["refused"])}


def clear_dataset(job: Job) -> None:
    """Remove what was uploaded once its job has ended; called at each change of the job's state."""
    if job.state in FINAL_STATES:
        transaction.on_commit(lambda: remove_upload(job.pk))


# How long somebody waits for series to be compared that were not yet.
CHECK_S = 4.0


def check_version(user: User, team_slug: str, name: str, number: int, *, budget_s: float = CHECK_S) -> dict[str, Any]:
    """Return a version's check; series without perceptual hashes get theirs first, as many as the time allows.

    What comes of it is kept, so that asking again goes on where it stopped.
    """
    return compared(access.get_version(user, team_slug, name, number), budget_s=budget_s)


@transaction.atomic
def mark_untrainable(series: Series) -> None:
    """Note on every frozen version that holds the series that it can no longer be learnt from."""
    CohortVersion.objects.filter(members__series=series).update(is_trainable=False)
