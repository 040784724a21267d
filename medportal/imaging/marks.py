"""Boxes in a series' stack: what detectors find and people draw, in one set of coordinates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medportal.errors import InvalidError

Corner = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """A box with its class, in voxel-edge coordinates (slice, row, column): voxel i reaches from i to i+1.

    A box of one slice k reaches from k to k+1 along the stack.
    """

    label: str
    low: Corner
    high: Corner
    score: float = 1.0

    @property
    def centre(self) -> Corner:
        """Middle of the box."""
        z, y, x = ((low + high) / 2 for low, high in zip(self.low, self.high, strict=True))
        return (z, y, x)

    @property
    def volume(self) -> float:
        """Voxels in the box."""
        z, y, x = (max(high - low, 0.0) for low, high in zip(self.low, self.high, strict=True))
        return z * y * x

    def to_json(self) -> dict[str, Any]:
        """Return the box as JSON."""
        return {
            "label": self.label,
            "low": [round(float(v), 3) for v in self.low],
            "high": [round(float(v), 3) for v in self.high],
            "score": round(float(self.score), 6),
        }


def box_of(document: Mapping[str, Any]) -> Box:
    """Return the box that JSON describes; raises InvalidError `box` for one that is none or is empty."""
    try:
        low, high = (tuple(float(v) for v in document[name]) for name in ("low", "high"))
        label, score = str(document["label"]), float(document.get("score", 1.0))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidError("box", "A box is {label, low: [slice, row, column], high: […], score}.") from error
    if len(low) != 3 or len(high) != 3 or not all(a < b for a, b in zip(low, high, strict=True)):
        raise InvalidError("box", f"The box {list(low)}–{list(high)} is empty or not of three dimensions.")
    return Box(label, (low[0], low[1], low[2]), (high[0], high[1], high[2]), score)


def is_shown(low: Any, high: Any, index: Any) -> Any:
    """Say whether a slice shows what reaches from `low` to `high` along the stack: its middle lies within. Of arrays, of each."""
    return (low < index + 0.5) & (high > index + 0.5)


def cut_by_slice(boxes: Sequence[Box], slices: Iterable[int]) -> list[Box]:
    """Return what slices show of boxes, each part a box of one slice, as a detector of slices finds them."""
    return [
        replace(box, low=(float(index), *box.low[1:]), high=(index + 1.0, *box.high[1:]))
        for index in slices
        for box in boxes
        if is_shown(box.low[0], box.high[0], index)
    ]


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the overlap of two boxes as a part of their union (Jaccard 1901), 0 to 1."""
    shared = 1.0
    for axis in range(3):
        shared *= max(min(one.high[axis], other.high[axis]) - max(one.low[axis], other.low[axis]), 0.0)
    whole = one.volume + other.volume - shared
    return shared / whole if whole > 0 else 0.0
