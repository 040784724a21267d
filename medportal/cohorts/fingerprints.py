"""What a cohort's images are like, from rows and headers alone: a recipe's defaults are chosen from it."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from django.db.models import Min

from medportal.archive.models import Instance, Series
from medportal.archive.reading import attributes_of
from medportal.cohorts.models import Kind, Split
from medportal.errors import MedportalError
from medportal.imaging.attributes import Attributes
from medportal.imaging.geometry import planes_of, slice_spacing_mm

_AT_ONCE = 500


@dataclass
class _Stack:
    """What the rows say of a series."""

    rows: int = 0
    columns: int = 0
    slices: int = 0
    bits: int = 8
    is_colour: bool = False
    positions: list[float] = field(default_factory=list)
    spacing_mm_zyx: tuple[float, float, float] | None = None


def fingerprint_of(
    kind: str,
    classes: Sequence[str],
    series: Sequence[Series],
    *,
    splits: Sequence[str],
    groups: Sequence[str],
    held: Sequence[Sequence[str]],
    boxes: Sequence[Sequence[Mapping[str, Any]]],
) -> dict[str, Any]:
    """Return a cohort's fingerprint; `splits`, `groups`, `held` (the classes in it) and `boxes` are of each series.

    Medians, and the number of boxes, are of the train split alone (of all where it is empty): a recipe's settings, too,
    are learnt. What kinds of values there are is of all series, since all of them are prepared alike; so is whether
    there is a spacing: None unless every series carries one.
    """
    of_series = _stacks(series)
    stacks = list(of_series.values())
    train = [place for place, split in enumerate(splits) if split == Split.TRAIN] or list(range(len(series)))
    learnt = [of_series[series[place].pk] for place in train]
    spacings = [stack.spacing_mm_zyx for stack in learnt if stack.spacing_mm_zyx]
    spacing = _medians(spacings) if all(stack.spacing_mm_zyx for stack in stacks) else None
    fingerprint = {
        "kind": str(kind),
        "classes": list(classes),
        "series": len(series),
        "groups": len(set(groups)),
        **_sizes(stacks, learnt),
        "spacing_mm_zyx": spacing,
        "modalities": sorted({one.modality for one in series} - {""}),
        "manufacturers": sorted({one.manufacturer for one in series} - {""}),
        "channels": 3 if any(stack.is_colour for stack in stacks) else 1,
        "bits": 16 if any(stack.bits > 8 for stack in stacks) else 8,
        "counts": {split: counts_in(split, classes, splits, held) for split in Split.values},
        "series_of_split": {split: list(splits).count(split) for split in Split.values},
    }
    if kind == Kind.BOXES:
        fingerprint |= _box_sizes([boxes[place] for place in train], spacing)
    return fingerprint


def counts_in(
    split: str, classes: Sequence[str], splits: Sequence[str], held: Sequence[Sequence[str]]
) -> dict[str, int]:
    """Return how many series of a split hold each class."""
    counts = dict.fromkeys(classes, 0)
    for one, names in zip(splits, held, strict=True):
        for name in names if one == split else ():
            counts[name] += 1
    return counts


def _sizes(stacks: Sequence[_Stack], learnt: Sequence[_Stack]) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for name in ("slices", "rows", "columns"):
        values = [getattr(stack, name) for stack in stacks]
        sizes |= {name: median(getattr(stack, name) for stack in learnt)}
        sizes |= {f"{name}_min": min(values), f"{name}_max": max(values)}
    return sizes


def _medians(rows: Sequence[Sequence[float]]) -> list[float] | None:
    return [round(median(column), 4) for column in zip(*rows, strict=True)] if rows else None


def _box_sizes(boxes: Sequence[Sequence[Mapping[str, Any]]], spacing: list[float] | None) -> dict[str, Any]:
    sizes = [[high - low for low, high in zip(box["low"], box["high"], strict=True)] for of in boxes for box in of]
    pixels = _medians(sizes)
    mm = [round(a * b, 4) for a, b in zip(pixels, spacing, strict=True)] if pixels and spacing else None
    return {"boxes": len(sizes), "box_px": pixels, "box_mm": mm}


def _stacks(series: Sequence[Series]) -> dict[int, _Stack]:
    """Return what the rows of each series say, and the header of its first instance."""
    stacks = {one.pk: _Stack() for one in series}
    keys = list(stacks)
    for start in range(0, len(keys), _AT_ONCE):
        some = Instance.objects.filter(series__in=keys[start : start + _AT_ONCE], number_of_frames__gt=0).order_by()
        _count(stacks, some.values_list(*_COLUMNS).iterator(chunk_size=2000))
        firsts = some.values("series").annotate(first=Min("pk")).values("first")
        for instance in Instance.objects.filter(pk__in=firsts).defer("frame_ranges").order_by():
            _measure(stacks[instance.series_id], instance)
    return stacks


_COLUMNS = (
    "series_id",
    "rows",
    "columns",
    "number_of_frames",
    "bits_allocated",
    "photometric_interpretation",
    "slice_position_mm",
)


def _count(stacks: dict[int, _Stack], rows: Iterator[tuple[Any, ...]]) -> None:
    """Add up frames by their size; a stack's size is that which most of its frames have."""
    frames: dict[int, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for series_id, height, width, number, bits, photometric, position in rows:
        stack = stacks[series_id]
        frames[series_id][height, width] += number
        stack.bits = max(stack.bits, bits or 8)
        stack.is_colour = stack.is_colour or not str(photometric).startswith("MONOCHROME")
        if position is not None:
            stack.positions.append(position)
    for series_id, sizes in frames.items():
        (height, width), number = max(sizes.items(), key=lambda item: item[1])
        stack = stacks[series_id]
        stack.rows, stack.columns, stack.slices = height, width, number


def _measure(stack: _Stack, instance: Instance) -> None:
    """Read the spacing from the header of a series' first instance."""
    plane = planes_of(_header(instance), 1)[0]
    if plane.spacing_mm is not None:
        stack.spacing_mm_zyx = (slice_spacing_mm(stack.positions, plane.thickness_mm), *plane.spacing_mm)


def _header(instance: Instance) -> Attributes:
    try:
        return attributes_of(instance)
    except (MedportalError, zlib.error, json.JSONDecodeError):
        # Its bytes are lost: who trains on it is told.
        return Attributes({})
