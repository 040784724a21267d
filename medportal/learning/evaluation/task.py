"""What every task does for an evaluation: one record of each series, and figures of all records."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from medportal.errors import InvalidError
from medportal.inference.manifest import Manifest
from medportal.inference.package import Package
from medportal.inference.pieces import Answer
from medportal.inference.predict import predict, summarise
from medportal.inference.session import Session
from medportal.learning.metrics.figures import ROUNDS, Figures
from medportal.learning.prepared import SeriesToPrepare

# JSON: what was true and what was answered of one series, small enough to keep for all of a split.
Record = dict[str, Any]


class TaskEvaluation(ABC):
    """How a package's answers are held against a cohort's truth.

    A record has `truth` and `prediction` (words), `score` (a number or None), `loss` (the greater the worse), `slice` (where to
    look) and `data` (what the figures are made of). It is JSON, so that a run that was cut off goes on where it was.
    """

    # Kinds of cohorts (see cohorts.Kind) that hold the truth of this task.
    kinds: tuple[str, ...] = ()
    # A split that is read beside the one evaluated, where the cohort has it.
    reference_split = ""
    has_subgroups = True

    def __init__(self, manifest: Manifest, *, kind: str, classes: Sequence[str], distance_unit: str = "mm") -> None:
        self.manifest, self.kind, self.cohort_classes = manifest, kind, tuple(classes)
        # "px" where the images carry no spacing.
        self.distance_unit = distance_unit
        if kind not in self.kinds:
            raise InvalidError(
                "cohort_does_not_fit", f"A model of the task {manifest.task} is not evaluated on a cohort of {kind}."
            )

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The classes that figures are told of, in order."""

    def package_to_run(self, package: Package) -> Package:
        """Return the package as it is run here: what it would leave unsaid may be wanted for the figures."""
        return package

    def read(self, session: Session, one: SeriesToPrepare, *, check: Callable[[], None] = lambda: None) -> Record:
        """Run the package on a series and return its record; raises as `inference.predict`, and what `check` raises.

        `check` is called after each slice, so that work that takes minutes can be stopped.
        """
        pieces = []
        for piece in predict(session, one.volume):
            check()
            pieces.append(piece)
        return self.record(one, summarise(session, one.volume, pieces))

    def complete(  # noqa: B027 - most tasks have nothing to do
        self, session: Session, reference: Sequence[Record], records: Sequence[Record]
    ) -> None:
        """Do what is done once, when all series have been read."""

    @abstractmethod
    def record(self, one: SeriesToPrepare, found: Answer) -> Record:
        """Return what is kept of one series."""

    @abstractmethod
    def figures(self, records: Sequence[Record], *, rounds: int = ROUNDS) -> Figures:
        """Return the figures of these series; each record has its `group` too."""

    def sections(self, records: Sequence[Record]) -> dict[str, Any]:  # noqa: ARG002 - some tasks have none
        """Return what the document tells beside the figures: curves, confusion, calibration, units, slices."""
        return {}

    def require_known(self, names: Sequence[str]) -> None:
        """Refuse a cohort with a class that the model was never taught; raises InvalidError `cohort_does_not_fit`."""
        unknown = [name for name in names if name not in self.manifest.classes]
        if unknown:
            raise InvalidError(
                "cohort_does_not_fit",
                f"The model knows no class “{unknown[0]}”; it knows {', '.join(self.manifest.classes)}.",
            )


def groups_of(records: Sequence[Record]) -> list[str]:
    """Return the group of each record."""
    return [str(record["group"]) for record in records]


def number_or_none(value: float) -> float | None:
    """Return a number for JSON: None for what is none."""
    return round(float(value), 6) if math.isfinite(value) else None


def number_or_nan(value: float | None) -> float:
    """Return what `number_or_none` has written."""
    return math.nan if value is None else float(value)
