"""Logits become probabilities, and slices a verdict: against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from medportal.inference.manifest import OutputSpec
from medportal.inference.postprocess import positive_probability, probabilities, series_probability, verdict

CLASSES = ("normal", "lung cancer")


def test_softmax_at_a_temperature() -> None:
    logits = np.array([[0.0, np.log(3)], [2.0, 2.0]], np.float32)
    np.testing.assert_allclose(probabilities(logits, 1.0), [[0.25, 0.75], [0.5, 0.5]], atol=1e-6)
    np.testing.assert_allclose(probabilities(logits, 0.5)[0], [0.1, 0.9], atol=1e-6)
    np.testing.assert_allclose(positive_probability(logits, 1.0), [0.75, 0.5], atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    np.testing.assert_array_equal(probabilities(np.array([[1e4, -1e4]]), 0.25), [[1, 0]])


def test_a_series_is_as_suspicious_as_its_most_suspicious_slices() -> None:
    slices = np.array([0.1, 0.9, 0.2, 0.7])
    assert series_probability(slices, 1) == pytest.approx(0.9)
    assert series_probability(slices, 2) == pytest.approx(0.8)
    assert series_probability(slices, 100) == pytest.approx(0.475)


def test_the_threshold_itself_is_positive() -> None:
    spec = OutputSpec(temperature=1.0, top_k=1, threshold=0.5)
    at, below = verdict(np.array([0.5]), spec, CLASSES), verdict(np.array([0.499]), spec, CLASSES)
    assert (at.value, at.positive, at.threshold) == ("lung cancer", True, 0.5)
    assert (below.value, below.positive) == ("normal", False)
