"""Boxes held against drawn ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from math import floor
from typing import Any

import numpy as np

from medportal.imaging.marks import Box, box_of, cut_by_slice
from medportal.inference.manifest import DetectionOutput, Manifest
from medportal.inference.package import Package
from medportal.inference.pieces import Answer
from medportal.learning.evaluation.task import Record, TaskEvaluation, groups_of
from medportal.learning.metrics.detection import LOWEST_SCORE, detection_figures, precision_curve
from medportal.learning.metrics.figures import ROUNDS, Figures
from medportal.learning.metrics.free_response import froc_curve
from medportal.learning.metrics.overlaps import corners, hit_in, overlaps
from medportal.learning.prepared import SeriesToPrepare

MATCH_IOU = 0.5


class DetectionEvaluation(TaskEvaluation):
    """Boxes of the cohort's classes; what else the model finds was not drawn, and is neither right nor wrong.

    A detector of slices is held against what each slice shows of a drawn box, as it was trained. The free-response
    figures are of the drawn boxes as they are: see `froc_measure`.
    """

    kinds = ("boxes",)

    def __init__(self, manifest: Manifest, *, kind: str, classes: Sequence[str], distance_unit: str = "mm") -> None:
        super().__init__(manifest, kind=kind, classes=classes, distance_unit=distance_unit)
        self.require_known(classes)

    @property
    def classes(self) -> tuple[str, ...]:
        """The cohort's classes."""
        return self.cohort_classes

    @cached_property
    def threshold(self) -> float:
        """The score from which the package shows a box."""
        assert isinstance(self.manifest.output, DetectionOutput)
        return self.manifest.output.score_threshold

    def _shown(self, boxes: Sequence[Box], slices: int) -> list[Box]:
        """Return drawn boxes as the model is to find them."""
        return list(boxes) if self.manifest.input.dimensions == 3 else cut_by_slice(boxes, range(slices))

    def package_to_run(self, package: Package) -> Package:
        """Return the package as it tells of boxes that it would not show."""
        output = package.manifest.output
        assert isinstance(output, DetectionOutput)
        lower = replace(output, score_threshold=min(LOWEST_SCORE, output.score_threshold))
        return replace(package, manifest=replace(package.manifest, output=lower))

    def record(self, one: SeriesToPrepare, found: Answer) -> Record:
        """Return the boxes of a series, drawn and found."""
        known = [box for box in found.boxes if box.label in self.classes]
        called = [box for box in known if box.score >= self.threshold]
        slices = one.volume.number_of_slices
        drawn = self._shown(one.boxes, slices)
        missed, false = unmatched(drawn, called)
        both = len(drawn) + len(called)
        return {
            "truth": _counted(drawn),
            "prediction": _counted(called),
            "score": round(max((box.score for box in called), default=0.0), 6),
            # 1 − F1; nothing drawn and nothing found is right.
            "loss": round((len(missed) + len(false)) / both, 6) if both else 0.0,
            "slice": floor(next((box.centre[0] for box in (*missed, *false, *drawn)), 0.0)),
            "data": {
                "slices": slices,
                "truth": [box.to_json() for box in one.boxes],
                "found": [box.to_json() for box in known],
            },
        }

    @staticmethod
    def _boxes(records: Sequence[Record], side: str) -> list[list[Box]]:
        return [[box_of(box) for box in record["data"][side]] for record in records]

    def _truths(self, records: Sequence[Record]) -> list[list[Box]]:
        drawn = self._boxes(records, "truth")
        return [self._shown(boxes, one["data"]["slices"]) for boxes, one in zip(drawn, records, strict=True)]

    def figures(self, records: Sequence[Record], *, rounds: int = ROUNDS) -> Figures:
        """Return the figures over the series."""
        return detection_figures(
            self._truths(records),
            self._boxes(records, "found"),
            self.classes,
            groups_of(records),
            threshold=self.threshold,
            hit=hit_in(self.manifest.input.dimensions),
            findings=self._boxes(records, "truth"),
            rounds=rounds,
        )

    def sections(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return precision and free-response curves of each class."""
        truths, findings, found = self._truths(records), self._boxes(records, "truth"), self._boxes(records, "found")
        hit = hit_in(self.manifest.input.dimensions)
        return {
            "threshold": self.threshold,
            "lowest_score": min(LOWEST_SCORE, self.threshold),
            "curves": {
                "pr": {c: points for c in self.classes if (points := precision_curve(truths, found, c))},
                "froc": {c: points for c in self.classes if (points := froc_curve(findings, found, c, hit=hit))},
            },
        }


def unmatched(truths: Sequence[Box], found: Sequence[Box]) -> tuple[list[Box], list[Box]]:
    """Return the drawn boxes that no found one matches (same class, IoU 0.5), and the found ones that match none."""
    shared = overlaps(corners(truths), corners(found))
    names = np.array([box.label for box in truths], str)[:, None] == np.array([box.label for box in found], str)[None]
    shared = np.where(names, shared, 0.0)
    is_free = np.ones(len(truths), bool)
    false = []
    for k in sorted(range(len(found)), key=lambda k: -found[k].score):
        worth = np.where(is_free, shared[:, k], -1.0)
        if len(worth) and worth.max() >= MATCH_IOU:
            is_free[int(worth.argmax())] = False
        else:
            false.append(found[k])
    return [box for box, free in zip(truths, is_free, strict=True) if free], false


def _counted(boxes: Sequence[Box]) -> str:
    counts = Counter(box.label for box in boxes)
    return ", ".join(f"{label} × {counts[label]}" for label in sorted(counts))
