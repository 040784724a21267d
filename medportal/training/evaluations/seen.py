"""What a model has met in its training: figures of what it, or the maker of its images, has learnt from say nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from medportal.cohorts.models import CohortMember, CohortVersion
from medportal.learning.splits import measured_split, with_validation
from medportal.training.models import TrainingRun

# What something was chosen by counts as what was learnt from.
_LEARNT_FROM = ("train", "validation")


def seen_in_training(run: TrainingRun, version: CohortVersion, series_uids: Collection[str]) -> dict[str, int]:
    """Return of how many of the series, and of how many of their groups, the training had any image.

    Those by which thresholds, and with patience the best epoch, were chosen count as those that were learnt from. A group
    is known again by its series, by its patient, and within one cohort by its name: other cohorts may call others the
    same.
    """
    learnt = _members_in(run, _LEARNT_FROM)
    uids = {member.series_instance_uid for member in learnt}
    patients = {member.series.study.patient_id for member in learnt if _is_named(member) and member.series}
    groups = {member.group for member in learnt} if run.cohort_version.cohort_id == version.cohort_id else set()
    series, met = 0, set[str]()
    for member in _members(version):
        if member.series_instance_uid not in series_uids:
            continue
        is_same = member.series_instance_uid in uids
        series += is_same
        is_known = bool(_is_named(member) and member.series and member.series.study.patient_id in patients)
        if is_same or is_known or member.group in groups:
            met.add(member.group)
    return {"series": series, "groups": len(met)}


def _members(version: CohortVersion) -> list[CohortMember]:
    return list(version.members.select_related("series__study__patient"))


def trained_on(jobs: Collection[UUID]) -> dict[UUID, set[int]]:
    """Return for jobs that trained a model the rows of the series that it was trained on.

    Those by which only something was chosen have not shaped what it makes.
    """
    runs = TrainingRun.objects.filter(pk__in=jobs).select_related("cohort_version")
    shown = {run.pk: _members_in(run, ("train",)) for run in runs}
    return {job: {one.series_id for one in members if one.series_id is not None} for job, members in shown.items()}


def _members_in(run: TrainingRun, wanted: Collection[str]) -> list[CohortMember]:
    """Return the members of some of a run's splits, as `run_training` made them."""
    members = _members(run.cohort_version)
    return [member for member, split in zip(members, _splits(run, members), strict=True) if split in wanted]


def measured_by(run: TrainingRun) -> frozenset[str]:
    """Return the series (UIDs) that the figures of a run are of."""
    members = list(run.cohort_version.members.all())
    splits = _splits(run, members)
    measured = measured_split(splits)
    return frozenset(
        member.series_instance_uid for member, split in zip(members, splits, strict=True) if split == measured
    )


def _splits(run: TrainingRun, members: Sequence[CohortMember]) -> list[str]:
    """Return the split of each member as `run_training` uses it."""
    known = [(member.group, member.label, member.split) for member in members]
    return with_validation(known, seed=run.config["seed"])


def _is_named(member: CohortMember) -> bool:
    return member.series is not None and bool(member.series.study.patient.patient_id)
