"""When a run ends before its last epoch: its preset figure is reached, or nothing got better for long."""

from __future__ import annotations

from typing import Any

import numpy as np

from medportal.learning.recipes.declared import Recipe


def reason_to_stop(config: dict[str, Any], recipe: Recipe, history: list[dict[str, Any]]) -> str:
    """Return why a run ends before its last epoch: its figure is reached, or did not get better for long."""
    if not history:
        return ""
    if _has_reached(config, recipe, history[-1]["figures"].get(config["stop_metric"])):
        return "figure"
    since_best = len(history) - 1 - int(np.argmax([worth_of(recipe, row) for row in history]))
    return "patience" if 0 < config["patience"] <= since_best else ""


def _has_reached(config: dict[str, Any], recipe: Recipe, value: float | None) -> bool:
    """Return whether the preset figure is as good as was asked for; one that is not known is not."""
    if value is None or not np.isfinite(value):
        return False
    is_less_better = config["stop_metric"] == recipe.headline and not recipe.more_is_better
    return bool(value <= config["stop_value"] if is_less_better else value >= config["stop_value"])


def worth_of(recipe: Recipe, row: dict[str, Any]) -> float:
    """Return how good an epoch is by the recipe's figure, more being better; where that is not known nothing is worse."""
    value = row["figures"].get(recipe.headline)
    if value is None or not np.isfinite(value):
        return float("-inf")
    return float(value if recipe.more_is_better else -value)
