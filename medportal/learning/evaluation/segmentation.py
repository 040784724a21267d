"""Masks held against drawn ones: each segment's overlap and surfaces, and objects where they are numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from medportal.errors import InvalidError
from medportal.inference.manifest import Manifest
from medportal.inference.pieces import Answer
from medportal.inference.segment import Segment
from medportal.learning.evaluation.task import Record, TaskEvaluation, groups_of, number_or_nan, number_or_none
from medportal.learning.metrics.figures import ROUNDS, Figures
from medportal.learning.metrics.segmentation import (
    TOLERANCE_MM,
    Mask,
    Objects,
    Overlap,
    match_objects,
    measure_segments,
    segmentation_figures,
    worst_slice,
)
from medportal.learning.prepared import SeriesToPrepare


class SegmentationEvaluation(TaskEvaluation):
    """Segments by name: what the model calls the k-th need not be the cohort's k-th."""

    kinds = ("masks",)

    def __init__(self, manifest: Manifest, *, kind: str, classes: Sequence[str], distance_unit: str = "mm") -> None:
        super().__init__(manifest, kind=kind, classes=classes, distance_unit=distance_unit)
        if not self._is_one_to_one:
            self.require_known(classes)

    @property
    def _is_one_to_one(self) -> bool:
        """Say whether there is one segment on both sides: then it is the same, whatever its name."""
        return len(self.cohort_classes) == len(self.manifest.classes) == 1

    @property
    def classes(self) -> tuple[str, ...]:
        """The cohort's segments."""
        return self.cohort_classes

    @cached_property
    def _from_model(self) -> Mask:
        """The cohort's number of each of the model's; what the cohort does not know is background."""
        names = self.cohort_classes if self._is_one_to_one else self.manifest.classes
        numbers = [self.cohort_classes.index(name) + 1 if name in self.cohort_classes else 0 for name in names]
        return np.array([0, *numbers], np.uint16)

    def record(self, one: SeriesToPrepare, found: Answer) -> Record:
        """Return the measures of a series' mask; raises InvalidError `mask_missing` for a series without one."""
        if one.mask is None or found.mask is None:
            raise InvalidError("mask_missing", f"Series {one.series_uid} has no mask.")
        mask = self._from_model[found.mask]
        truth = (one.mask > 0).astype(np.uint16) if one.is_instances else one.mask
        spacing = one.volume.spacing_mm_zyx if self.distance_unit == "mm" else (1.0, 1.0, 1.0)
        segments = measure_segments(truth, mask, len(self.classes), spacing)
        dice = [segment.dice for segment in segments if np.isfinite(segment.dice)]
        mean = float(np.mean(dice)) if dice else 1.0
        objects = asdict(self._objects(one.mask, found)) if one.is_instances else None
        rows = [{name: number_or_none(value) for name, value in asdict(segment).items()} for segment in segments]
        return {
            "truth": self._names(truth),
            "prediction": self._names(mask),
            "score": round(mean, 6),
            "loss": round(1 - mean, 6),
            "slice": worst_slice(truth, mask),
            "data": {"segments": rows, "objects": objects},
        }

    def _names(self, mask: Mask) -> str:
        there = np.unique(mask)
        return ", ".join(name for k, name in enumerate(self.classes, start=1) if k in there)

    @staticmethod
    def _objects(truth: Mask, found: Answer) -> Objects:
        """Count objects slice by slice: within slices an answer tells them apart, as the viewer shows them."""
        assert found.mask is not None
        objects = found.objects if found.objects is not None else [Segment.objects(plane) for plane in found.mask]
        counts = [match_objects(a, b) for a, b in zip(truth, objects, strict=True)]
        return Objects(*(sum(getattr(one, name) for one in counts) for name in ("hits", "missed", "false")))

    def figures(self, records: Sequence[Record], *, rounds: int = ROUNDS) -> Figures:
        """Return the figures of the segments over the series."""
        cases = [
            [Overlap(**{name: number_or_nan(value) for name, value in row.items()}) for row in one["data"]["segments"]]
            for one in records
        ]
        objects = [Objects(**one["data"]["objects"]) for one in records if one["data"]["objects"]]
        complete = objects if len(objects) == len(records) else []
        return segmentation_figures(cases, groups_of(records), objects=complete, rounds=rounds)

    def sections(self, records: Sequence[Record]) -> dict[str, Any]:  # noqa: ARG002
        """Return the units of distances."""
        return {"units": {"hd95": self.distance_unit}, "tolerance": TOLERANCE_MM}
