"""Augmentations one by one: which of a recipe's settings vary its samples, and with what each of them is seen alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from medportal.learning.recipes.declared import RECIPES


@dataclass(frozen=True)
class Alone:
    """An augmentation by itself: its setting, and the settings with which all others are off."""

    name: str
    settings: dict[str, Any]
    takes_of_others: bool


def untouched(recipe: str) -> dict[str, Any]:
    """Return the settings with which samples are as they are: every augmentation is off."""
    return {setting.name: type(setting.default)(0) for setting in _augmentations(recipe)}


def each_alone(recipe: str, config: Mapping[str, Any]) -> list[Alone]:
    """Return the augmentations that are on.

    What happens to a part of the samples then happens to all of them, so that it is seen.
    """
    found = []
    for setting in _augmentations(recipe):
        if value := config[setting.name]:
            on = {setting.name: 1.0 if setting.metadata.get("is_chance") else value}
            found.append(Alone(setting.name, untouched(recipe) | on, setting.metadata.get("takes_of_others", False)))
    return found


def _augmentations(recipe: str) -> list[Any]:
    return [one for one in fields(RECIPES[recipe].settings) if one.metadata["group"] == "augmentation"]
