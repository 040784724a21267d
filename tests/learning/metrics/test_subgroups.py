"""Subgroups: ages from tags, a table where there is something to tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from medportal.learning.metrics.subgroups import age_band, age_years, by_subgroup


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        (("045Y", "", ""), 45),
        (("018M", "19000101", "20200101"), 1.5),
        (("", "19800615", "20200614"), 39),
        (("", "1980-06-15", "2020-06-15"), 40),
        (("", "20200102", "20200101"), None),
        (("abcY", "", ""), None),
        (("", "", "20200101"), None),
    ],
)
def test_ages_come_from_the_tag_or_from_two_dates(tags: tuple[str, str, str], years: float | None) -> None:
    assert age_years(*tags) == years


def test_bands_hold_their_lower_end() -> None:
    assert [age_band(age) for age in (0, 17.9, 18, 59.5, 60, 93, None, 200)] == [
        "0–17",
        "0–17",
        "18–39",
        "40–59",
        "60–79",
        "80+",
        "",
        "",
    ]


def test_a_table_stands_where_an_attribute_tells_two_groups_apart() -> None:
    attributes = [
        {"sex": "F", "manufacturer": "A"},
        {"sex": "M", "manufacturer": "A"},
        {"sex": "F", "manufacturer": "A"},
    ]

    def figures(chosen: np.ndarray) -> dict[str, list[int]]:
        return {"which": chosen.tolist()}

    table = by_subgroup([*attributes, {"manufacturer": "A"}], ["p", "q", "p", "r"], figures)

    assert set(table) == {"sex"}
    assert table["sex"] == [
        {"value": "F", "n": 2, "groups": 1, "metrics": {"which": [0, 2]}},
        {"value": "M", "n": 1, "groups": 1, "metrics": {"which": [1]}},
        {"value": "", "n": 1, "groups": 1, "metrics": {"which": [3]}},
    ]


def test_a_text_that_tells_patients_apart_makes_no_table() -> None:
    attributes = [{"manufacturer": f"scanner {k}"} for k in range(30)]
    assert by_subgroup(attributes, [str(k) for k in range(30)], lambda _: {}) == {}
