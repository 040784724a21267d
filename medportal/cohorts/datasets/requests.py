"""What is asked of an import, in words that a command line and a form can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medportal.cohorts.datasets.items import Options, split_of
from medportal.errors import InvalidError

DEFAULT_PARTS = {"train": 0.7, "validation": 0.15, "test": 0.15}


@dataclass(frozen=True)
class SplitRule:
    """How the splits come about: kept as given (or made, where none is), made anew, or one for all."""

    # None: what is given is kept, else they are made in the default parts.
    parts: dict[str, float] | None = None
    column: str = ""
    all_in: str = ""

    @property
    def fractions(self) -> dict[str, float]:
        """The parts in which splits are made."""
        return self.parts or DEFAULT_PARTS


def split_rule(text: str) -> SplitRule:
    """Return what `train=.7,validation=.15,test=.15`, `column:NAME`, `all:test` or "" asks for.

    Raises InvalidError `split_rule` for anything else.
    """
    word, _, rest = text.partition(":")
    if not text:
        return SplitRule()
    if word == "column" and rest:
        return SplitRule(column=rest)
    if word == "all" and split_of(rest):
        return SplitRule(all_in=split_of(rest))
    try:
        pairs = [part.split("=") for part in text.split(",")]
        parts = {split_of(name): float(value) for name, value in pairs}
    except ValueError:
        parts = {}
    is_whole = bool(parts) and min(parts.values()) >= 0 and abs(sum(parts.values()) - 1) < 1e-6
    if not is_whole or "" in parts or len(parts) < len(text.split(",")):
        detail = (
            f"“{text}” is no split: say train=.7,validation=.15,test=.15 (they add up to 1), column:NAME or all:test."
        )
        raise InvalidError("split_rule", detail)
    return SplitRule(parts={split: part for split, part in parts.items() if part > 0})


@dataclass(frozen=True)
class Request:
    """What is to be imported, and how."""

    path: Path
    format: str
    cohort: str
    split: SplitRule = field(default_factory=SplitRule)
    options: Options = field(default_factory=Options)
    seed: int = 0
    title: str = ""
    description: str = ""
    # The label scheme and the issuer of the patients' ids; by default the cohort's name.
    scheme: str = ""
    issuer: str = ""
    is_synthetic: bool = False


def request_of(words: Mapping[str, Any], path: Path) -> Request:
    """Return the request that plain words make: texts, booleans and numbers, lists joined by commas.

    Raises InvalidError `split_rule` or `where`.
    """

    def several(name: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in str(words.get(name) or "").split(",") if word.strip())

    def text(name: str, default: str = "") -> str:
        return str(words.get(name) or default)

    return Request(
        path=path,
        format=words["format"],
        cohort=words["cohort"],
        split=split_rule(text("split")),
        seed=int(words.get("seed") or 0),
        title=text("title"),
        description=text("description"),
        scheme=text("scheme"),
        issuer=text("issuer"),
        is_synthetic=bool(words.get("synthetic")),
        options=Options(
            classes=several("classes"),
            path_column=text("path_column", "path"),
            label_columns=several("label_columns") or (text("label_column", "label"),),
            group_column=text("group_column"),
            where=tuple(_condition(word) for word in words.get("where") or ()),
            root=words.get("root"),
            table=words.get("table"),
            is_instances=bool(words.get("instances")),
            is_multi_label=bool(words.get("multi_label")),
            is_images_only=bool(words.get("images_only")),
            modality=text("modality"),
        ),
    )


def _condition(word: str) -> tuple[str, str]:
    column, mark, value = word.partition("=")
    if not mark:
        raise InvalidError("where", f"“{word}” is not COLUMN=VALUE.")
    return column, value
