"""The evaluation document: all that is known of how good a model is on a split, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.inference.manifest import Manifest
from medportal.learning.evaluation.classification import ClassificationEvaluation
from medportal.learning.evaluation.detection import DetectionEvaluation
from medportal.learning.evaluation.generation import GenerationEvaluation
from medportal.learning.evaluation.reconstruction import ReconstructionEvaluation
from medportal.learning.evaluation.segmentation import SegmentationEvaluation
from medportal.learning.evaluation.task import Record, TaskEvaluation, groups_of
from medportal.learning.metrics.subgroups import by_subgroup

FORMAT = 1
WORST = 30
SUBGROUP_ROUNDS = 200
_TASKS: Mapping[str, type[TaskEvaluation]] = {
    "classification": ClassificationEvaluation,
    "segmentation": SegmentationEvaluation,
    "detection": DetectionEvaluation,
    "autoencoder": ReconstructionEvaluation,
    "generation": GenerationEvaluation,
}


def evaluation_of(
    manifest: Manifest, *, kind: str, classes: Sequence[str], distance_unit: str = "mm"
) -> TaskEvaluation:
    """Return the evaluation of a package on a cohort; raises InvalidError `cohort_does_not_fit` where they do not fit."""
    return _TASKS[manifest.task](manifest, kind=kind, classes=classes, distance_unit=distance_unit)


def build_document(
    evaluation: TaskEvaluation,
    records: Sequence[Record],
    *,
    header: Mapping[str, Any],
    failed: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Return the document; `header` names model, version, sha256, cohort, cohort_version, horizon_days and split.

    Every record has beside what its task wrote: series_uid, study_uid, group, attributes (sex, age, manufacturer).
    The document holds:

    - format, task, kind, classes, and the header;
    - n, groups: series evaluated, and patients (or other groups) they are of;
    - metrics: {name: {"value", "low", "high"}}, per_class: {class: the same};
    - what the task tells more: curves {roc|pr|froc: {class: [[x, y], …]}}, confusion {classes, counts (truth in rows)},
      calibration {bins}, units {name: unit}, threshold, slices {n, metrics}, samples, …;
    - subgroups: {sex|age|manufacturer: [{value, n, groups, metrics}]};
    - cases: the worst first, {series_uid, study_uid, group, truth, prediction, score, loss, slice};
    - failed: series that could not be read or run, {series_uid, code, detail}: they are in no figure;
    - worth: {real|generated|both: {training_images, measured_images, metrics}}, of a generator by which classifiers have
      learnt (`learning.synthetic`; from the site);
    - seen_in_training: {series, groups} of these that the model's training had, where it was trained here (header).

    Whoever reads it on the site finds controls beside: {name of the control: its metrics}; they may come later.
    Raises InvalidError `empty_split` without any record.
    """
    if not records:
        why = f" The first: {failed[0]['detail']}" if failed else ""
        raise InvalidError("empty_split", f"No series of the split {header.get('split')} could be evaluated.{why}")
    figures = evaluation.figures(records)
    groups = groups_of(records)
    return {
        "format": FORMAT,
        "task": evaluation.manifest.task,
        "kind": evaluation.kind,
        **header,
        "n": len(records),
        "groups": len(set(groups)),
        "classes": list(evaluation.classes),
        "metrics": figures.to_json(),
        "per_class": figures.classes_to_json(evaluation.classes) if figures.per_class else {},
        **evaluation.sections(records),
        "subgroups": _subgroups(evaluation, records, groups) if evaluation.has_subgroups else {},
        "cases": _worst(records),
        "failed": [dict(one) for one in failed],
    }


def _subgroups(evaluation: TaskEvaluation, records: Sequence[Record], groups: Sequence[str]) -> dict[str, Any]:
    def figures(chosen: NDArray[np.intp]) -> dict[str, Any]:
        return evaluation.figures([records[k] for k in chosen.tolist()], rounds=SUBGROUP_ROUNDS).to_json()

    return by_subgroup([record.get("attributes", {}) for record in records], groups, figures)


def _worst(records: Sequence[Record]) -> list[dict[str, Any]]:
    names = ("series_uid", "study_uid", "group", "truth", "prediction", "score", "loss", "slice")
    worst = sorted((one for one in records if one["loss"] > 0), key=lambda one: -float(one["loss"]))
    return [{name: one.get(name) for name in names} for one in worst[:WORST]]
