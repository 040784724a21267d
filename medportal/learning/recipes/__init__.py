"""Recipes: declared training configurations, each setting explained. Loads no torch: forms are made from this."""

from __future__ import annotations

from medportal.learning.recipes.choosing import STEERING, complete_config, describe_recipes, input_spec
from medportal.learning.recipes.declared import RECIPES, TASKS_OF_KIND

__all__ = ["RECIPES", "STEERING", "TASKS_OF_KIND", "complete_config", "describe_recipes", "input_spec"]
