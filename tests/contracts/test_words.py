"""The page has a word for every setting of every recipe, and explains each in Chinese too."""

from __future__ import annotations

import json

import pytest

from medportal.learning.recipes import describe_recipes
from tests.processes import ROOT

FIELDS = sorted({(recipe["name"], field["name"]) for recipe in describe_recipes() for field in recipe["fields"]})


def words_of(language: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((ROOT / f"frontend/src/ui/words/{language}.json").read_text())[
        "setting"
    ]
    return found


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_setting_has_a_label(language: str) -> None:
    words = words_of(language)
    assert [name for _, name in FIELDS if not words.get(name, {}).get("label")] == []


def test_every_setting_is_explained_in_chinese() -> None:
    words = words_of("zh-CN")
    missing = [(recipe, name) for recipe, name in FIELDS if not {f"help_{recipe}", "help"} & set(words.get(name, {}))]
    assert missing == []
