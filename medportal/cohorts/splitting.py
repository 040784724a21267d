"""Patient-level splits: by stratum, seeded, and the same wherever they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from medportal.cohorts.models import Split

DEFAULT_FRACTIONS: Mapping[str, float] = {Split.TRAIN: 0.6, Split.VALIDATION: 0.15, Split.TEST: 0.25}


def split_groups(
    strata: Mapping[str, int], fractions: Mapping[str, float], *, seed: int, sizes: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Give each group a split, so that every stratum is spread over the splits in the same proportion.

    `strata` maps a group to its stratum; `sizes` to how many series it has (one, where nothing is said), and it is the
    series that are spread. Every split that has a part gets at least one group of a stratum that has groups enough. The
    order within a stratum is that of a keyed hash: it depends on no library's generator.
    """
    splits = [split for split in Split.values if fractions.get(split, 0) > 0]
    parts = [fractions[split] for split in splits]
    chosen: dict[str, str] = {}
    for stratum in sorted(set(strata.values())):
        groups = sorted((g for g, s in strata.items() if s == stratum), key=lambda g: _rank(seed, stratum, g))
        weights = [sizes.get(group, 1) if sizes else 1 for group in groups]
        if len(set(weights)) == 1:
            counts = _counts(len(groups), parts)
            places = [place for place, count in enumerate(counts) for _ in range(count)]
        else:
            places = _spread(weights, parts)
        chosen |= {group: splits[place] for group, place in zip(groups, places, strict=True)}
    return chosen


def _spread(weights: list[int], parts: list[float]) -> list[int]:
    """Return a place for each weight, in their order: always that which is furthest from its part of the whole.

    Then nobody goes empty while another has two or more.
    """
    wanted = [sum(weights) * part / sum(parts) for part in parts]
    filled = [0] * len(parts)
    places = []
    for weight in weights:
        place = max(range(len(parts)), key=lambda i: (wanted[i] - filled[i], -i))
        filled[place] += weight
        places.append(place)
    while (empty := next((i for i in range(len(parts)) if i not in places), None)) is not None:
        fullest = max(range(len(parts)), key=lambda i: (places.count(i), -i))
        if places.count(fullest) < 2:
            break
        lightest = min((n for n, place in enumerate(places) if place == fullest), key=lambda n: (weights[n], n))
        places[lightest] = empty
    return places


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
