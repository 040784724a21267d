"""Keeps what each series looks like, roughly, so that near-duplicates are found without decoding everything again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from medportal.archive import reading
from medportal.archive.models import Series
from medportal.cohorts.checking import known_hashes
from medportal.cohorts.models import PerceptualHash
from medportal.errors import MedportalError
from medportal.imaging.perceptual import picture_hash, shown_slices
from medportal.imaging.stacks import decode_source


def keep_hashes(hashes: Mapping[int, tuple[int, list[str]]]) -> None:
    """Keep perceptual hashes: series' row → (the revision that they are of, hashes)."""
    PerceptualHash.objects.bulk_create(
        [PerceptualHash(series_id=pk, revision=revision, hashes=texts) for pk, (revision, texts) in hashes.items()],
        update_conflicts=True,
        unique_fields=["series"],
        update_fields=["revision", "hashes"],
        batch_size=500,
    )


def hash_series(series: Sequence[Series], *, budget_s: float) -> int:
    """Hash series that are not yet, for so many seconds; return how many were. What cannot be read has no hashes."""
    known, deadline = known_hashes(series), time.monotonic() + budget_s
    made: dict[int, tuple[int, list[str]]] = {}
    for one in series:
        if one.pk in known:
            continue
        if time.monotonic() > deadline:
            break
        made[one.pk] = (one.revision, _hashes_of(one))
    keep_hashes(made)
    return len(made)


def _hashes_of(series: Series) -> list[str]:
    """Decode the few slices by which a series is known, in the order along its normal."""
    frames = [
        (position if position is not None else 0.0, number or 0, pk, frame)
        for pk, position, number, count in series.instances.filter(number_of_frames__gt=0).values_list(
            "pk", "slice_position_mm", "instance_number", "number_of_frames"
        )
        for frame in range(1, count + 1)
    ]
    frames.sort()
    try:
        return [_hash_of(series, pk, frame) for _, _, pk, frame in (frames[i] for i in shown_slices(len(frames)))]
    except (MedportalError, IndexError):
        return []


def _hash_of(series: Series, pk: int, frame: int) -> str:
    source = reading.source_of(series.instances.get(pk=pk), frame)
    return picture_hash(decode_source(source, reading.decoder()))
