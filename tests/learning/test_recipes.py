"""What a recipe declares is what forms show and what settings are checked against."""

from __future__ import annotations

from typing import Any

import pytest

from medportal.errors import InvalidError
from medportal.learning.recipes import complete_config, describe_recipes


def test_every_setting_is_explained_typed_and_has_its_default_within_bounds() -> None:
    for recipe in describe_recipes():
        defaults = {field["name"]: field["default"] for field in recipe["fields"]}
        assert complete_config(recipe["name"], {}) == defaults
        for field in recipe["fields"]:
            assert field["help"].endswith(".")
            assert field["type"] in {"integer", "number", "boolean", "choice", "text"}


def test_text_from_a_command_line_becomes_numbers_and_truths() -> None:
    config = complete_config("classification", {"epochs": "3", "learning_rate": "0.01", "flip": "false"})

    assert (config["epochs"], config["learning_rate"], config["flip"]) == (3, 0.01, False)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"epoch": 3}, "epoch"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"epochs": "many"}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"flip": "perhaps"}, "flip"),
        ({"network": "resnet_large"}, "network"),
        ({"low": 400, "high": 300}, "low"),
    ],
)
def test_a_setting_that_is_wrong_is_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidError, match=named):
        complete_config("classification", settings)


def test_an_unknown_recipe_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidError, match="classification"):
        complete_config("alchemy", {})
