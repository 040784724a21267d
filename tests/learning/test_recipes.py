"""What a recipe declares is what forms show and what settings are checked against."""

from __future__ import annotations

from typing import Any

import pytest

from medportal.errors import InvalidError
from medportal.learning.recipes import STEERING, complete_config, describe_recipes, input_spec


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


SINGLE = {
    "slices": 1,
    "rows": 512,
    "columns": 512,
    "bits": 8,
    "modalities": ["OT"],
    "channels": 1,
    "spacing_mm_zyx": None,
}
STACK = {"slices": 60, "rows": 512, "columns": 512, "bits": 16, "modalities": ["CT"], "spacing_mm_zyx": [2.5, 0.7, 0.7]}


@pytest.mark.parametrize("known", [{}, SINGLE, STACK, {**SINGLE, "channels": 3}, {**STACK, "modalities": ["MR"]}])
def test_defaults_of_a_cohort_are_a_whole_configuration_for_every_recipe(known: dict[str, Any]) -> None:
    for recipe in describe_recipes(known):
        defaults = {field["name"]: field["default"] for field in recipe["fields"]}
        config = complete_config(recipe["name"], {}, known)
        assert config == defaults
        spec = input_spec(config, known.get("modalities", ["CT"]))
        assert spec.colour == (known.get("channels") == 3)
        assert spec.scaling.low < spec.scaling.high


@pytest.mark.parametrize("known", [{}, SINGLE, STACK])
def test_described_defaults_are_those_that_run_whatever_is_chosen(known: dict[str, Any]) -> None:
    for recipe in describe_recipes(known):
        for setting in [field for field in recipe["fields"] if field["choices"] or field["type"] == "boolean"]:
            for choice in setting["choices"] or [True, False]:
                # A size, since no frame can be fitted into none.
                asked = {"size": 64, setting["name"]: choice}
                described = _defaults(recipe)
                if setting["name"] in STEERING:
                    named = {one["name"]: one for one in describe_recipes(known, asked)}
                    described = _defaults(named[recipe["name"]])
                    assert described[setting["name"]] == setting["default"]
                config = complete_config(recipe["name"], asked, known)
                assert config == {**described, "size": 64, setting["name"]: config[setting["name"]]}


def _defaults(recipe: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field["default"] for field in recipe["fields"]}


@pytest.mark.parametrize("three", [3, 3.0, "3"])
def test_however_three_dimensions_are_written_the_defaults_are_of_volumes(three: Any) -> None:
    assert complete_config("classification", {"dimensions": three}, STACK)["size"] == 96


def test_a_recipe_without_a_choice_is_described_as_it_is() -> None:
    usual, asked = (
        {one["name"]: _defaults(one) for one in describe_recipes(STACK, settings)}
        for settings in ({}, {"dimensions": 3})
    )
    assert asked["autoencoder"] == usual["autoencoder"]
    assert asked["classification"] != usual["classification"]


def test_single_images_are_seen_whole_and_stacks_by_millimetres() -> None:
    single, stack = (complete_config("classification", {}, known) for known in (SINGLE, STACK))
    assert (single["fit"], single["pooling"], single["high"]) == ("frame", "mean", 255.0)
    assert (stack["fit"], stack["pooling"], stack["low"]) == ("millimetres", "maximum", -1000.0)
    assert stack["pixel_mm"] * stack["size"] == pytest.approx(512 * 0.7, rel=0.01)


def test_volumes_are_configured_as_volumes_where_they_are_asked_for() -> None:
    config = complete_config("classification", {"dimensions": "3"}, STACK)
    spec = input_spec(config, ["CT"])
    assert (spec.dimensions, spec.context) == (3, 0)
    assert spec.size is not None
    assert spec.spacing_mm is not None
    assert spec.size[1:] == (96, 96)
    assert spec.spacing_mm[0] * spec.size[0] == pytest.approx(60 * 2.5, rel=0.01)


@pytest.mark.parametrize("recipe", ["autoencoder", "generation"])
def test_volumes_are_refused_by_recipes_that_see_slices(recipe: str) -> None:
    with pytest.raises(InvalidError, match="dimensions must be one of 2"):
        complete_config(recipe, {"dimensions": 3}, STACK)
    (described,) = [one for one in describe_recipes() if one["name"] == recipe]
    assert {field["name"]: field["choices"] for field in described["fields"]}["dimensions"] == ["2"]


def test_left_and_right_are_not_mirrored_into_each_other() -> None:
    lungs = complete_config("segmentation", {}, {**SINGLE, "classes": ["left lung", "right lung"]})
    assert not lungs["flip"]
    assert complete_config("segmentation", {}, {**SINGLE, "classes": ["lesion"]})["flip"]
