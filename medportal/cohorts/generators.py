"""What the models have learnt from that have made series up: the rooms above that know it register themselves here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from medportal.cohorts.access import generated_among, series_of

# Rows of series that were made up → the job that trained the model which made them, where there was one.
Makers = Callable[[Collection[int]], Mapping[int, UUID]]
# Jobs that trained a model → rows of the series that it was trained on, where they are known.
Lessons = Callable[[Collection[UUID]], Mapping[UUID, Collection[int]]]
_makers: list[Makers] = []
_lessons: list[Lessons] = []


def register_makers(makers: Makers) -> None:
    """Have `makers` asked which training a series comes from."""
    _makers[:] = [makers]


def register_lessons(lessons: Lessons) -> None:
    """Have `lessons` asked what a training has learnt from."""
    _lessons[:] = [lessons]


@dataclass
class Taught:
    """Rows of the series that models were trained on, and of those made by models of which that is not known."""

    by: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)


def taught_makers(made: Collection[int]) -> Taught:
    """Return what the makers of series have learnt from, and the makers of what they have learnt from, and so on."""
    taught, asked, ask = Taught(), set[int](), set(made)
    while ask:
        told = _learnt_for(ask)
        taught.unknown |= ask - set(told)
        asked |= ask
        new = {row for learnt in told.values() for row in learnt} - taught.by
        taught.by |= new
        ask = generated_among(series_of(new)) - asked
    return taught


def _learnt_for(made: Collection[int]) -> dict[int, Collection[int]]:
    jobs = {row: job for makers in _makers for row, job in makers(made).items()}
    learnt = {job: rows for lessons in _lessons for job, rows in lessons(set(jobs.values())).items()}
    return {row: learnt[job] for row, job in jobs.items() if job in learnt}
