"""Splits are by patient, in proportion within each class, and the same wherever they are made."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from medportal.cohorts.splitting import DEFAULT_FRACTIONS, split_groups

STRATA = {f"patient {n}": int(n % 4 == 0) for n in range(200)}


def shares(splits: dict[str, str], strata: dict[str, int], stratum: int) -> Counter[str]:
    return Counter(split for group, split in splits.items() if strata[group] == stratum)


def test_each_class_is_spread_in_proportion() -> None:
    splits = split_groups(STRATA, {"train": 0.6, "validation": 0.15, "test": 0.25}, seed=0)
    assert set(splits) == set(STRATA)
    assert shares(splits, STRATA, 0) == {"train": 90, "validation": 23, "test": 37}
    assert shares(splits, STRATA, 1) == {"train": 30, "validation": 8, "test": 12}


def test_the_seed_decides_and_the_order_does_not() -> None:
    one = split_groups(STRATA, DEFAULT_FRACTIONS, seed=3)
    assert split_groups(dict(reversed(STRATA.items())), DEFAULT_FRACTIONS, seed=3) == one
    assert split_groups(STRATA, DEFAULT_FRACTIONS, seed=4) != one
    # Written down: another Python, another machine, another year must give the same.
    assert [n for n in range(20) if one[f"patient {n}"] == "test"] == [2, 4, 6, 11, 12, 14, 19]


def test_series_are_spread_in_proportion_however_large_their_groups_are() -> None:
    strata = {f"patient {n}": int(n % 3 == 0) for n in range(70)}
    sizes = {group: 1 + n % 12 for n, group in enumerate(strata)}
    parts = {"train": 0.7, "validation": 0.15, "test": 0.15}
    seen = set()
    for seed in range(20):
        splits = split_groups(strata, parts, seed=seed, sizes=sizes)
        seen.add(tuple(splits.values()))
        for stratum in (0, 1):
            total = sum(sizes[group] for group in strata if strata[group] == stratum)
            for split, part in parts.items():
                held = sum(sizes[g] for g, s in splits.items() if s == split and strata[g] == stratum)
                assert abs(held - part * total) <= 12
    assert len(seen) == 20
    # Of one size each, nothing changes.
    assert split_groups(strata, parts, seed=3, sizes=dict.fromkeys(strata, 1)) == split_groups(strata, parts, seed=3)


def test_a_split_without_a_part_gets_nobody() -> None:
    splits = split_groups(STRATA, {"train": 0.5, "validation": 0.0, "test": 0.5}, seed=0)
    assert set(splits.values()) == {"train", "test"}
    few = {f"p{n}": 0 for n in range(3)}
    third = dict.fromkeys(("train", "validation", "test"), 1 / 3)
    assert set(split_groups(few, third, seed=0, sizes={"p0": 50, "p1": 1, "p2": 1}).values()) == set(third)


@given(
    st.dictionaries(st.text(max_size=8), st.integers(0, 2), min_size=1, max_size=60),
    st.tuples(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 1)),
    st.integers(0, 1000),
)
def test_every_group_has_one_split_and_no_split_goes_empty(
    strata: dict[str, int], parts: tuple[float, float, float], seed: int
) -> None:
    fractions = dict(zip(("train", "validation", "test"), (part / sum(parts) for part in parts), strict=True))
    splits = split_groups(strata, fractions, seed=seed)
    assert set(splits) == set(strata)
    for stratum in set(strata.values()):
        counts = shares(splits, strata, stratum)
        assert len(counts) == min(3, counts.total())
        if min(fractions.values()) * counts.total() >= 1:
            for split, fraction in fractions.items():
                assert abs(counts[split] - fraction * counts.total()) < 1
