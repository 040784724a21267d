"""Names of classes: in which order a model is to know them, the one first that says that nothing is there."""

from __future__ import annotations

from collections.abc import Iterable

# What a class is called in which nothing is found.
NEGATIVES = ("normal", "negative", "no", "none", "0", "healthy", "control", "absent", "false", "background")


def in_order(names: Iterable[str]) -> list[str]:
    """Return class names in order: numbers by their size, words by the alphabet, after what says “nothing”."""
    places = {name: place for place, name in enumerate(NEGATIVES)}
    return sorted(set(names), key=lambda name: (places.get(name.casefold(), len(NEGATIVES)), _natural(name)))


def _natural(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)
