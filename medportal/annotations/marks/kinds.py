"""The kinds of marks, and which points each is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medportal.errors import InvalidError

MOST_POINTS = 4096
# Farther from the origin lies no patient (mm) and no image (pixels).
FARTHEST = 1e6


@dataclass(frozen=True)
class Kind:
    """How many points a kind has: from `fewest` to `most`."""

    fewest: int
    most: int

    def __str__(self) -> str:
        return str(self.fewest) if self.fewest == self.most else f"{self.fewest} to {self.most}"


KINDS = {
    # The two ends.
    "length": Kind(2, 2),
    # Ends of the long axis, then of the short one.
    "bidirectional": Kind(4, 4),
    # End, vertex, end.
    "angle": Kind(3, 3),
    # Ends of one line, then of the other.
    "cobb": Kind(4, 4),
    # Ends of one axis, then of the other.
    "ellipse": Kind(4, 4),
    # Corners.
    "rectangle": Kind(4, 4),
    # Along the outline.
    "freehand": Kind(2, MOST_POINTS),
    # Control points.
    "spline": Kind(2, MOST_POINTS),
    # Tip, and where the text begins.
    "arrow": Kind(2, 2),
    "probe": Kind(1, 1),
    "text": Kind(1, 2),
    # Centre, and a point of the edge.
    "circle": Kind(2, 2),
    "polyline": Kind(2, MOST_POINTS),
    # A key image: of the frame as a whole.
    "key": Kind(0, 0),
}
NAMES = list(KINDS)
# What encloses an area: an outline of it is a polygon.
CLOSED = frozenset({"ellipse", "rectangle", "freehand", "spline", "circle"})


def checked_points(kind: str, points: Any, *, is_flat: bool) -> list[list[float]]:
    """Return a kind's points as [x, y, z] numbers; `is_flat` where they are of an image, whose third number is 0.

    Raises InvalidError `points` that says what is wrong.
    """
    wanted = KINDS[kind]
    if not isinstance(points, list) or not wanted.fewest <= len(points) <= wanted.most:
        raise InvalidError("points", f"A mark of kind “{kind}” has {wanted} points.")
    checked = [_point(point, number) for number, point in enumerate(points, start=1)]
    if is_flat and any(point[2] for point in checked):
        raise InvalidError("points", "Points of an image are [column, row, 0].")
    return checked


def _point(point: Any, number: int) -> list[float]:
    if isinstance(point, Sequence) and len(point) == 3 and all(type(value) in (int, float) for value in point):
        # What is too large for a float is too far away as well.
        if all(abs(value) <= FARTHEST and math.isfinite(value) for value in point):
            return [float(value) for value in point]
        raise InvalidError("points", f"Point {number} lies nowhere: its numbers are to be finite, of at most 1e6.")
    raise InvalidError("points", f"Point {number} is not three numbers.")
