"""Logits become probabilities, and slices a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.inference.manifest import OutputSpec

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Verdict:
    """What a model says of a series."""

    value: str
    probability: float
    threshold: float
    positive: bool


def probabilities(logits: NDArray[np.generic], temperature: float) -> Floats:
    """Return the softmax of (batch, classes) logits at a temperature (Guo et al. 2017, eq. 9)."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    odds = np.exp(scaled)
    shares: Floats = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def positive_probability(logits: NDArray[np.generic], temperature: float) -> Floats:
    """Return for each sample the probability of any class but the first, which is the negative one."""
    return 1 - probabilities(logits, temperature)[:, 0]


def series_probability(slices: NDArray[np.generic], top_k: int) -> float:
    """Return the mean of the `top_k` highest probabilities of a series' slices."""
    highest = np.sort(np.asarray(slices, np.float64))[::-1][:top_k]
    return float(highest.mean()) if highest.size else 0.0


def verdict(slices: NDArray[np.generic], spec: OutputSpec, classes: tuple[str, ...]) -> Verdict:
    """Return the verdict on a series of two classes from its slices' probabilities."""
    probability = series_probability(slices, spec.top_k)
    positive = probability >= spec.threshold
    return Verdict(classes[1] if positive else classes[0], probability, spec.threshold, positive)
