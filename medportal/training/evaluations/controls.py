"""The controls beside an evaluation, looked up when it is read: they may end long after the model was measured."""

from __future__ import annotations

from typing import Any

from medportal.jobs.models import State
from medportal.training.evaluations.seen import measured_by
from medportal.training.models import Evaluation, TrainingRun


def with_controls(evaluation: Evaluation) -> dict[str, Any]:
    """Return the evaluation's document with `controls`: {name: figures} of those trained for this model, the newest of each.

    By the same recipe on the same version of the cohort, and measured on the very series that the evaluation is of.
    """
    runs = TrainingRun.objects.filter(
        team=evaluation.team_id,
        model_name=evaluation.model_name,
        recipe=evaluation.document["task"],
        cohort_version=evaluation.cohort_version_id,
        job__state=State.SUCCEEDED,
    ).order_by("job__created_at")
    controls = [one for one in runs if one.config["control"] != "none" and one.metrics]
    series = _series_of(evaluation) if controls else frozenset()
    found = {one.config["control"]: one.metrics for one in controls if measured_by(one) == series}
    return {**evaluation.document, "controls": found}


def _series_of(evaluation: Evaluation) -> frozenset[str]:
    """Return the series of the split; a training may have made its validation split itself."""
    own = TrainingRun.objects.filter(pk=evaluation.pk).first()
    if own is not None:
        return measured_by(own)
    members = evaluation.cohort_version.members.filter(split=evaluation.split)
    return frozenset(members.values_list("series_instance_uid", flat=True))
