"""Patient-level splits: by stratum, seeded, and the same wherever they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from medportal.cohorts.models import Split

DEFAULT_FRACTIONS: Mapping[str, float] = {Split.TRAIN: 0.6, Split.VALIDATION: 0.15, Split.TEST: 0.25}


def split_groups(strata: Mapping[str, int], fractions: Mapping[str, float], *, seed: int) -> dict[str, str]:
    """Give each group a split, so that every stratum is spread over the splits in the same proportion.

    `strata` maps a group to its stratum. Every split that has a part gets at least one group of a stratum that has
    groups enough. The order within a stratum is that of a keyed hash: it depends on no library's generator.
    """
    splits = [split for split in Split.values if fractions.get(split, 0) > 0]
    chosen: dict[str, str] = {}
    for stratum in sorted(set(strata.values())):
        groups = sorted((g for g, s in strata.items() if s == stratum), key=lambda g: _rank(seed, stratum, g))
        start = 0
        for split, count in zip(splits, _counts(len(groups), [fractions[s] for s in splits]), strict=True):
            chosen |= dict.fromkeys(groups[start : start + count], split)
            start += count
    return chosen


def _rank(seed: int, stratum: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}\x00{stratum}\x00{group}".encode()).digest()


def _counts(total: int, fractions: list[float]) -> list[int]:
    """Divide `total` by largest remainder; then nobody goes empty while another has two or more."""
    exact = [total * fraction / sum(fractions) for fraction in fractions]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    while 0 in counts and max(counts) > 1:
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return counts
