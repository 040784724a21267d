"""A result's first line says whose probability it tells, and a threshold only where there is one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from medportal.analysis.told import lines_of


@pytest.mark.parametrize(
    ("value", "probability", "threshold", "named", "line"),
    [
        # Of labels that may stand together.
        ("mass", 0.9, 0.6, {"mass": 0.9, "other": 0.2}, "mass (0.900, threshold 0.600)"),
        ("normal", 0.241, 0.595, {"normal": 0.759, "cancer": 0.241}, "normal (cancer 0.241, threshold 0.595)"),
        ("cancer", 0.7, 0.595, {"normal": 0.3, "cancer": 0.7}, "cancer (0.700, threshold 0.595)"),
        ("b", 0.5, 0.0, {"a": 0.2, "b": 0.5, "c": 0.3}, "b (0.500)"),
        ("anomalous", 0.03, 0.02, {}, "anomalous (0.030, threshold 0.020)"),
    ],
)
def test_the_first_line(value: str, probability: float, threshold: float, named: dict[str, float], line: str) -> None:
    verdict = {
        "value": value,
        "probability": probability,
        "threshold": threshold,
        "probabilities": named,
        "measures": {},
    }
    activation = "sigmoid" if "other" in named else "softmax"
    manifest = {"output": {"activation": activation} if named else {}}
    analysis: Any = SimpleNamespace(annotation_set=object(), model_version=SimpleNamespace(manifest=manifest))
    assert next(lines_of(analysis, {"verdict": verdict, "boxes": []})) == line
