"""Whether a model is as good for everyone: the same figures for men and women, ages, makes of scanner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ATTRIBUTES = ("sex", "age", "manufacturer")
AGE_BANDS = ((0, 18), (18, 40), (40, 60), (60, 80), (80, 150))
# A text of which there are more kinds than this tells patients apart, not groups of them.
MOST_VALUES = 20


def age_band(years: float | None) -> str:
    """Return the band of an age, such as "40–59"; empty where it is not known or cannot be."""
    for low, high in AGE_BANDS:
        if years is not None and low <= years < high:
            return f"{low}–{high - 1}" if high < 150 else f"{low}+"
    return ""


def age_years(age_string: str, birth_date: str = "", study_date: str = "") -> float | None:
    """Return an age from DICOM's (0010,1010) AS such as "045Y" (PS3.5 6.2), else from two dates as YYYYMMDD."""
    number, unit = age_string[:3], age_string[3:4].upper()
    if number.isascii() and number.isdigit() and unit in {"Y", "M", "W", "D"}:
        return int(number) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[unit]
    dates = [text.replace("-", "").replace(".", "") for text in (birth_date, study_date)]
    if not all(len(text) == 8 and text.isascii() and text.isdigit() for text in dates):
        return None
    born, seen = (int(text) for text in dates)
    # YYYYMMDD as numbers: a year counts 10000, and is not full before the birthday.
    return float((seen - born) // 10000) if seen >= born else None


def by_subgroup(
    attributes: Sequence[Mapping[str, str]],
    groups: Sequence[str],
    figures: Callable[[NDArray[np.intp]], Mapping[str, Any]],
) -> dict[str, list[dict[str, Any]]]:
    """Return {attribute: [{"value", "n", "groups", "metrics"}]} for each attribute that tells at least two groups apart.

    `attributes` holds what is known of each sample; `figures` is given the indices of a subgroup's samples. Samples of
    which an attribute is not known are gathered under an empty value, last.
    """
    table: dict[str, list[dict[str, Any]]] = {}
    for attribute in ATTRIBUTES:
        values = np.array([one.get(attribute, "") for one in attributes], str)
        known = sorted(set(values.tolist()) - {""})
        if len(set(values.tolist())) < 2 or len(known) > MOST_VALUES:
            continue
        rows = [(value, np.flatnonzero(values == value)) for value in [*known, ""]]
        table[attribute] = [
            {
                "value": value,
                "n": len(chosen),
                "groups": len({groups[k] for k in chosen.tolist()}),
                "metrics": dict(figures(chosen)),
            }
            for value, chosen in rows
            if len(chosen)
        ]
    return table
