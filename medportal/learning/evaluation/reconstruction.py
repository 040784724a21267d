"""Autoencoders: how faithfully they give back, and whether what they cannot give back is what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.inference.manifest import ReconstructionOutput
from medportal.inference.pieces import Answer
from medportal.learning.evaluation.task import Record, TaskEvaluation, groups_of
from medportal.learning.metrics.classification import classification_figures
from medportal.learning.metrics.figures import ROUNDS, Figure, Figures, Floats, mean_figures
from medportal.learning.metrics.ranking import pr_curve, roc_curve
from medportal.learning.prepared import SeriesToPrepare

# Of a threshold on a score that is no probability these say something.
SERIES_NAMES = ("accuracy", "balanced_accuracy", "recall", "specificity", "precision", "f1", "auc", "average_precision")


class ReconstructionEvaluation(TaskEvaluation):
    """Any cohort shows how faithful; where it tells what is not normal, the anomaly score is held against it.

    Not normal is a series of any class but the first, one with a mask or a box; of slices those with a label other than
    the first class, and those that a mask or box touches.
    """

    kinds = ("classes", "multi_label", "masks", "boxes", "images")

    @property
    def classes(self) -> tuple[str, ...]:
        """There are none: a series is as usual or it is not."""
        return ()

    @cached_property
    def output(self) -> ReconstructionOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, ReconstructionOutput)
        return self.manifest.output

    def record(self, one: SeriesToPrepare, found: Answer) -> Record:
        """Return a series' anomaly scores and errors, by slice, and what is true of it."""
        assert found.scores is not None
        assert found.errors is not None
        odd, slices = self._series_truth(one), self._slice_truth(one)
        score, worst = float(found.scores.max()), int(found.scores.argmax())
        error = float(found.errors.mean())
        # How far the score lies on the wrong side of the threshold; without a truth, the error.
        loss = error if odd is None else (self.output.threshold - score) * (1 if odd else -1)
        return {
            "truth": "" if odd is None else _word(odd),
            "prediction": _word(score >= self.output.threshold),
            "score": round(score, 6),
            "loss": round(loss, 6),
            "slice": worst,
            "data": {
                "is_odd": odd,
                "error": error,
                "slice_truth": slices,
                "slice_scores": [round(float(v), 6) for v in found.scores] if slices is not None else None,
            },
        }

    def _series_truth(self, one: SeriesToPrepare) -> bool | None:
        if self.kind == "images":
            return None
        if self.kind == "classes":
            return one.label != self.cohort_classes[0]
        if self.kind == "multi_label":
            return bool(one.labels)
        return bool(one.boxes) or (one.mask is not None and bool(one.mask.any()))

    def _slice_truth(self, one: SeriesToPrepare) -> list[bool | None] | None:
        """Return of each slice whether it is odd; None where nobody has said so, as of one that shows a little of a finding."""
        uids, usual = one.volume.sop_instance_uids, self.cohort_classes[0] if self.cohort_classes else ""
        if self.kind == "classes" and (one.slice_labels or one.label == usual):
            # All slices of a normal series are normal.
            labels = [one.slice_labels.get(uid, usual if one.label == usual else None) for uid in uids]
            return [None if label is None else label != usual for label in labels]
        if one.mask is not None:
            return [bool(plane.any()) for plane in one.mask]
        if self.kind == "boxes":
            return [any(box.low[0] < k + 1 and box.high[0] > k for box in one.boxes) for k in range(len(uids))]
        return None

    def figures(self, records: Sequence[Record], *, rounds: int = ROUNDS) -> Figures:
        """Return PSNR (mean of the series', dB), mean squared error and compression; with a truth those of the score."""
        errors = np.array([record["data"]["error"] for record in records], np.float64)
        psnr = -10 * np.log10(np.maximum(errors, 1e-12))
        found = dict(mean_figures(groups_of(records), {"psnr": psnr, "mse": errors}, rounds=rounds).overall)
        found["compression"] = Figure(self.output.compression)
        truth = [record["data"]["is_odd"] for record in records]
        if None not in truth:
            scores = np.array([record["score"] for record in records], np.float64)
            series = self._of_scores(np.array(truth), scores, groups_of(records), rounds)
            found |= {name: series.overall[name] for name in SERIES_NAMES}
        labels, scores, groups = self._slices(records)
        if labels.any() and not labels.all():
            slices = self._of_scores(labels, scores, groups, min(rounds, 300))
            found |= {f"slice_{name}": slices.overall[name] for name in ("auc", "average_precision")}
        return Figures(found, {})

    def _of_scores(self, truth: NDArray[Any], scores: Floats, groups: list[str], rounds: int) -> Figures:
        two = np.stack([-scores, scores], axis=1)
        return classification_figures(
            truth.astype(np.intp), two, groups, threshold=self.output.threshold, rounds=rounds
        )

    @staticmethod
    def _slices(records: Sequence[Record]) -> tuple[NDArray[np.bool_], Floats, list[str]]:
        """Return truth, scores and groups of the slices of which it is known whether they are normal."""
        rows = [
            (is_odd, score, one["group"])
            for one in records
            if one["data"]["slice_truth"] is not None
            for is_odd, score in zip(one["data"]["slice_truth"], one["data"]["slice_scores"], strict=True)
            if is_odd is not None
        ]
        labels = np.array([is_odd for is_odd, _, _ in rows], bool)
        return labels, np.array([score for _, score, _ in rows], np.float64), [group for _, _, group in rows]

    def sections(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return the curves of the anomaly score, of series and of slices, and units."""
        sides: dict[str, tuple[NDArray[Any], Floats]] = {"slices": self._slices(records)[:2]}
        truth = [record["data"]["is_odd"] for record in records]
        if None not in truth:
            sides["series"] = (np.array(truth, bool), np.array([record["score"] for record in records], np.float64))
        curves = {
            name: {side: points for side, (labels, scores) in sides.items() if (points := draw(labels, scores))}
            for name, draw in (("roc", roc_curve), ("pr", pr_curve))
        }
        return {"threshold": self.output.threshold, "curves": curves, "units": {"psnr": "dB"}}


def _word(is_odd: bool) -> str:
    return "anomalous" if is_odd else "usual"
