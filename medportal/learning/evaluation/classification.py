"""Classifiers held against the truth: the class of each series, and of slices where they have their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.inference.manifest import ClassificationOutput, Manifest
from medportal.inference.pieces import Answer
from medportal.learning.evaluation.task import Record, TaskEvaluation, groups_of
from medportal.learning.metrics.calibration import label_bins, reliability_bins, reliability_curve
from medportal.learning.metrics.classification import (
    called_classes,
    classification_figures,
    confusion_matrix,
    multi_label_figures,
)
from medportal.learning.metrics.figures import ROUNDS, Figures, Floats
from medportal.learning.metrics.ranking import Points, pr_curve, roc_curve
from medportal.learning.prepared import SeriesToPrepare

# A slice is called by what is likelier; the package's threshold is for a series.
SLICE_THRESHOLD = 0.5
MOST_CURVES = 30


class ClassificationEvaluation(TaskEvaluation):
    """One class of several, or several labels at once."""

    kinds = ("classes", "multi_label")

    def __init__(self, manifest: Manifest, *, kind: str, classes: Sequence[str], distance_unit: str = "mm") -> None:
        super().__init__(manifest, kind=kind, classes=classes, distance_unit=distance_unit)
        if kind == "multi_label" and not self.is_multi_label:
            raise InvalidError(
                "cohort_does_not_fit", "The model tells of one class for each series, the cohort of several labels."
            )
        # Independent labels have no negative class: the cohort's first need not be among them.
        self.require_known(classes[1:] if self.is_multi_label and kind == "classes" else classes)

    @cached_property
    def output(self) -> ClassificationOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, ClassificationOutput)
        return self.manifest.output

    @property
    def is_multi_label(self) -> bool:
        """Say whether several labels may stand together."""
        return self.output.activation == "sigmoid"

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes: the first of them is the negative one, whatever the cohort's order."""
        return self.manifest.classes

    @property
    def threshold(self) -> float | None:
        """The package's threshold of two classes."""
        return self.output.thresholds[0] if len(self.classes) == 2 and not self.is_multi_label else None

    def record(self, one: SeriesToPrepare, found: Answer) -> Record:
        """Return truth and probabilities of a series, and of its slices where these have labels of their own."""
        assert found.probabilities is not None
        chances = np.asarray(found.probabilities, np.float64)
        indices = self._indices(one)
        data: dict[str, Any] = {"truth": indices, "probabilities": _rounded(chances)}
        if one.slice_labels and found.slice_probabilities is not None and self.manifest.input.dimensions == 2:
            labels = [one.slice_labels.get(uid) for uid in one.volume.sop_instance_uids]
            named = [k for k, label in enumerate(labels) if label in self.classes]
            data["slice_truth"] = [self.classes.index(str(labels[k])) for k in named]
            data["slice_probabilities"] = [_rounded(found.slice_probabilities[k]) for k in named]
        return {
            **self._words(indices, chances),
            "slice": self._slice_to_see(found, chances),
            "loss": self._loss(indices, chances),
            "data": data,
        }

    def _indices(self, one: SeriesToPrepare) -> list[int]:
        names = one.labels or ((one.label,) if one.label else ())
        return [self.classes.index(name) for name in names if name in self.classes]

    def _words(self, indices: list[int], chances: Floats) -> dict[str, Any]:
        truth = ", ".join(self.classes[k] for k in indices)
        if self.is_multi_label:
            called = ", ".join(
                name for name, p, t in zip(self.classes, chances, self.output.thresholds, strict=True) if p >= t
            )
            return {"truth": truth, "prediction": called, "score": round(float(chances.max()), 6)}
        best = int(called_classes(chances[None], self.threshold)[0])
        shown = 1 if len(self.classes) == 2 else best
        return {"truth": truth, "prediction": self.classes[best], "score": round(float(chances[shown]), 6)}

    def _loss(self, indices: list[int], chances: Floats) -> float:
        """Return the negative log-likelihood of the truth."""
        sure = np.clip(chances, 1e-6, 1 - 1e-6)
        if not self.is_multi_label:
            return round(float(-np.log(sure[indices[0]])), 6)
        is_there = np.isin(np.arange(len(sure)), indices)
        return round(float(-np.log(np.where(is_there, sure, 1 - sure)).mean()), 6)

    def _slice_to_see(self, answer: Answer, chances: Floats) -> int:
        """Return the slice that speaks most for what was called."""
        slices = answer.slice_probabilities
        if slices is None or not len(slices):
            return 0
        if self.manifest.input.dimensions == 3:
            return len(slices) // 2
        called = int(chances.argmax()) if self.is_multi_label else int(called_classes(chances[None], self.threshold)[0])
        return int(slices[:, called].argmax())

    def _truth(self, records: Sequence[Record]) -> NDArray[np.bool_]:
        truth = np.zeros((len(records), len(self.classes)), bool)
        for row, record in enumerate(records):
            truth[row, record["data"]["truth"]] = True
        return truth

    @staticmethod
    def _chances(records: Sequence[Record]) -> Floats:
        return np.array([record["data"]["probabilities"] for record in records], np.float64)

    def figures(self, records: Sequence[Record], *, rounds: int = ROUNDS) -> Figures:
        """Return the figures of the series."""
        truth, chances, groups = self._truth(records), self._chances(records), groups_of(records)
        if self.is_multi_label:
            return multi_label_figures(truth, chances, groups, self.output.thresholds, rounds=rounds)
        return classification_figures(truth.argmax(axis=1), chances, groups, threshold=self.threshold, rounds=rounds)

    def sections(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return curves of each class against all others, confusion, reliability and the figures of slices."""
        truth, chances = self._truth(records), self._chances(records)
        told = [1] if self.threshold is not None else list(range(min(len(self.classes), MOST_CURVES)))
        curves: dict[str, dict[str, Points]] = {
            name: {self.classes[k]: points for k in told if (points := draw(truth[:, k], chances[:, k]))}
            for name, draw in (("roc", roc_curve), ("pr", pr_curve))
        }
        found: dict[str, Any] = {"curves": curves, "threshold": self.threshold}
        if self.is_multi_label:
            found["calibration"] = {"bins": reliability_curve(label_bins(truth, chances))}
            return found
        labels = truth.argmax(axis=1)
        called = called_classes(chances, self.threshold)
        found["confusion"] = {
            "classes": list(self.classes),
            "counts": confusion_matrix(labels, called, len(self.classes)),
        }
        found["calibration"] = {"bins": reliability_curve(reliability_bins(labels, chances))}
        return found | self._of_slices(records)

    def _of_slices(self, records: Sequence[Record]) -> dict[str, Any]:
        groups = [record["group"] for record in records for _ in record["data"].get("slice_truth", ())]
        if not groups:
            return {}
        labels = np.concatenate([record["data"].get("slice_truth", ()) for record in records]).astype(np.intp)
        rows = [row for record in records for row in record["data"].get("slice_probabilities", ())]
        threshold = SLICE_THRESHOLD if len(self.classes) == 2 else None
        figures = classification_figures(labels, np.array(rows, np.float64), groups, threshold=threshold, rounds=200)
        return {"slices": {"n": len(groups), "metrics": figures.to_json()}}


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 6) for value in values]
