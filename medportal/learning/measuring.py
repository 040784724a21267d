"""Which values a cohort's images have: measured where a recipe leaves it to the data. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from medportal.errors import InvalidError
from medportal.learning.prepared import SeriesToPrepare

Member = TypeVar("Member")
# Values taken of each series, and series that are worth looking at: more changes nothing.
VALUES, SERIES = 20_000, 64


def measured_levels(series: Iterable[SeriesToPrepare], low: float, high: float) -> tuple[float, float]:
    """Return two percentiles of the series' values, inside the marked regions where there are any (Isensee et al. 2021).

    Raises InvalidError `empty_split` without any series.
    """
    rng = np.random.default_rng(0)
    found = []
    for one in series:
        inside = one.volume.array[one.mask > 0] if one.mask is not None and (one.mask > 0).any() else one.volume.array
        values = np.asarray(inside, np.float32).reshape(-1)
        found.append(values if values.size <= VALUES else rng.choice(values, VALUES, replace=False))
    if not found:
        raise InvalidError("empty_split", "The cohort's train split is empty: there is nothing to learn from.")
    below, above = (float(v) for v in np.percentile(np.concatenate(found), (low, high)))
    return below, max(above, below + 1e-3)


def evenly(members: Sequence[Member]) -> list[Member]:
    """Return as many members as are worth looking at, evenly chosen: their order tells where they come from."""
    if len(members) <= SERIES:
        return list(members)
    return [members[k] for k in np.linspace(0, len(members) - 1, SERIES).astype(int)]
