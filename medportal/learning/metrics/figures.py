"""A figure and its interval: whole groups are drawn again and again, all rounds at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS = 1000
INTERVAL = (2.5, 97.5)
# Distances of distributions grow by drawing with replacement, whatever the model is worth: what they grow by on average,
# the bootstrap's estimate of bias (Efron and Tibshirani 1993, 10.2), is taken off their intervals.
BIASED = frozenset({"ece", "frechet"})
# Weights of this many numbers are held at once.
CHUNK = 1 << 21


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval; the ends are None where it could not be told."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measured:
    """What one measure gives for each round: (rounds,) over all classes, (rounds, classes) class by class.

    NaN where a figure is not defined for what was drawn.
    """

    overall: dict[str, Floats]
    per_class: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """Figures over all classes, and for each name one figure per class."""

    overall: dict[str, Figure]
    per_class: dict[str, list[Figure]]

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return the figures over all classes as {name: {"value", "low", "high"}}."""
        return {name: asdict(figure) for name, figure in self.overall.items()}

    def classes_to_json(self, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return {class: {name: {"value", "low", "high"}}}."""
        return {
            label: {name: asdict(figures[k]) for name, figures in self.per_class.items()}
            for k, label in enumerate(classes)
        }


# Takes weights (rounds, samples): how often each sample was drawn.
Measure = Callable[[Floats], Measured]


def resample(groups: Sequence[str], measure: Measure, *, rounds: int = ROUNDS, seed: int = 0) -> Figures:
    """Return figures with 95 % percentile intervals from drawing whole groups with replacement (Efron 1979).

    A patient's samples are not independent: the patient is drawn. `measure` is given weights instead of samples, so
    that many rounds are one matrix product. No interval is told from fewer than two groups, nor where the figure was
    not defined in half of the rounds.
    """
    _, group_of = np.unique(np.asarray(groups, str), return_inverse=True)
    value = measure(np.ones((1, len(group_of))))
    drawn = [measure(weights) for weights in _draws(group_of, rounds, seed)]
    return Figures(
        overall={
            name: _figure(name, one[0], np.concatenate([d.overall[name] for d in drawn]) if drawn else one[:0])
            for name, one in value.overall.items()
        },
        per_class={
            name: [
                _figure(
                    name, one[0, k], np.concatenate([d.per_class[name][:, k] for d in drawn]) if drawn else one[:0, k]
                )
                for k in range(one.shape[1])
            ]
            for name, one in value.per_class.items()
        },
    )


def _draws(group_of: NDArray[np.intp], rounds: int, seed: int) -> Iterator[Floats]:
    """Yield weights (some rounds, samples) until all rounds are drawn; none where there are fewer than two groups."""
    count = int(group_of.max()) + 1 if len(group_of) else 0
    if count < 2:
        return
    rng = np.random.default_rng(seed)
    step = max(1, CHUNK // max(len(group_of), count))
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        picks = rng.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)[:, group_of].astype(np.float64)


def _figure(name: str, value: float, drawn: Floats) -> Figure:
    told = drawn[np.isfinite(drawn)]
    if not math.isfinite(value):
        return Figure(None)
    if not len(told) or 2 * len(told) < len(drawn):
        return Figure(float(value))
    if name in BIASED:
        told = np.clip(told - told.mean() + value, 0, None)
    low, high = np.percentile(told, INTERVAL)
    return Figure(float(value), float(low), float(high))


def ratio(part: Floats, whole: Floats, *, empty: float = math.nan) -> Floats:
    """Return part / whole, elementwise, and `empty` where the whole is nothing."""
    quotient: Floats = np.full(np.broadcast_shapes(part.shape, whole.shape), empty, np.float64)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient


def mean_of_told(values: Floats) -> Floats:
    """Return the mean along the last axis of those that are numbers; NaN where none is."""
    told = np.isfinite(values)
    return ratio(np.where(told, values, 0.0).sum(axis=-1), told.sum(axis=-1).astype(np.float64))


def weighted_mean(weights: Floats, values: Floats) -> Floats:
    """Return for each round the mean of values (samples,) or (samples, columns), those that are NaN left out."""
    told = np.isfinite(values)
    return ratio(weights @ np.where(told, values, 0.0), weights @ told.astype(np.float64))


def mean_figures(
    groups: Sequence[str], values: Mapping[str, NDArray[Any]], *, rounds: int = ROUNDS, seed: int = 0
) -> Figures:
    """Return the mean over samples of each named column; NaN in it is left out."""

    def measure(weights: Floats) -> Measured:
        return Measured({name: weighted_mean(weights, np.asarray(v, np.float64)) for name, v in values.items()})

    return resample(groups, measure, rounds=rounds, seed=seed)


def bootstrap_by_group(
    groups: Sequence[str],
    measure: Callable[[NDArray[np.intp]], dict[str, float | None]],
    *,
    rounds: int = 500,
    seed: int = 0,
) -> dict[str, Figure]:
    """Return what `resample` does, for a measure that takes the indices of the samples drawn: slower, for any measure."""

    def weighted(weights: Floats) -> Measured:
        rows = [measure(np.repeat(np.arange(len(row)), row.astype(np.intp))) for row in weights]
        return Measured({name: np.array([_number(row[name]) for row in rows]) for name in rows[0]})

    return resample(groups, weighted, rounds=rounds, seed=seed).overall


def _number(value: float | None) -> float:
    return math.nan if value is None else value
