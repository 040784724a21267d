"""Names of classes: in which order a model is to know them, the one first that says that nothing is there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# What a class is called in which nothing is found, the plainest first; letters and digits alone.
NEGATIVES = (
    *("normal", "negative", "no", "none", "0", "00", "healthy", "control", "controls", "absent", "false", "background"),
    *("nofinding", "nofindings", "noabnormality", "unremarkable", "uninfected", "unaffected", "nl", "cn", "nc", "hc"),
    *("nontumor", "notumor", "notumour", "nonodule", "nolesion", "nocancer", "nodisease", "nofracture", "nopneumonia"),
    *("nodr", "nodementia", "nondemented", "noncancer", "noncovid", "noncovid19", "nonpneumonia", "nontb", "benign"),
)
_DENIAL = re.compile(r"(?:without|not|non|no)[ _-]?(?=\w)")


def in_order(names: Iterable[str]) -> list[str]:
    """Return class names in order: numbers by their size, words by the alphabet, after what says “nothing”."""
    unique = set(names)
    return sorted(unique, key=lambda name: (_place(name, unique), *_natural(name)))


def _place(name: str, names: Collection[str]) -> int:
    """Return how plainly a name says that nothing is there: its place among those that do, then all others."""
    plain = _letters(name)
    if plain in NEGATIVES:
        return NEGATIVES.index(plain)
    denial = _DENIAL.match(name.strip().casefold())
    # What is denied is another class, as in “non-viral” beside “viral”: a nodule denies nothing.
    denied = _letters(name.strip()[denial.end() :]) if denial else ""
    is_denied = len(denied) > 3 and any(denied in _letters(other) for other in names if other != name)
    return len(NEGATIVES) + (not is_denied)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _natural(name: str) -> tuple[list[tuple[int, float, str]], str]:
    """Return what sorts “10” and “level 10” behind “2” and “level 2”."""
    parts = re.findall(r"\d+(?:\.\d+)?|\D+", name.casefold())
    return [(0, float(part), "") if part[0].isdecimal() else (1, 0.0, part) for part in parts], name
