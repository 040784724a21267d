"""Plots as lines, boxes and words, so that a page and a PDF show the same; knows neither."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

Point = tuple[float, float]
# Okabe and Ito 2008: told apart by colour-blind readers too.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#444444")
INK, FAINT, GRID = "#1f2933", "#6b7280", "#d9dee5"
MOST_LINES = 8


@dataclass(frozen=True)
class Line:
    """A line through points; y grows downwards."""

    points: tuple[Point, ...]
    colour: str = INK
    width: float = 1.0
    is_dashed: bool = False


@dataclass(frozen=True)
class Rectangle:
    """A filled box: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float
    fill: str


@dataclass(frozen=True)
class Words:
    """A text at its base line; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: float = 8
    anchor: str = "start"
    colour: str = INK
    is_upright: bool = True


@dataclass(frozen=True)
class Drawing:
    """A picture of points (1/72 inch), its shapes in the order in which they are drawn."""

    title: str
    width: float
    height: float
    shapes: tuple[Line | Rectangle | Words, ...]


@dataclass(frozen=True)
class Axis:
    """A range of values on a stretch of the drawing; logarithmic to base two where said."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where a value lies; what is beyond an end lies at it."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, value = math.log2(low), math.log2(high), math.log2(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)


UNIT_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
RATE_TICKS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def curves(
    title: str,
    lines: Mapping[str, Sequence[Sequence[float]]],
    *,
    x_title: str,
    y_title: str,
    has_diagonal: bool = False,
    is_log: bool = False,
) -> Drawing:
    """Return curves in the unit square, or over rates of 1/8 to 8, with their names beside them."""
    x = Axis(0.125, 8, 44, 234, RATE_TICKS, is_log=True) if is_log else Axis(0, 1, 44, 234, UNIT_TICKS)
    y = Axis(0, 1, 200, 10, UNIT_TICKS)
    shapes: list[Line | Rectangle | Words] = [*_frame(x, y, x_title, y_title)]
    if has_diagonal:
        shapes.append(Line(((x.at(0), y.at(0)), (x.at(1), y.at(1))), FAINT, 0.8, is_dashed=True))
    for k, (name, points) in enumerate(islice(lines.items(), MOST_LINES)):
        colour = PALETTE[k % len(PALETTE)]
        shapes.append(Line(tuple((x.at(a), y.at(b)) for a, b in points), colour, 1.5))
        if len(lines) > 1:
            shapes += [Rectangle(244, 12 + 13 * k, 8, 8, colour), Words(256, 19 + 13 * k, _short(name, 18))]
    if len(lines) > MOST_LINES:
        shapes.append(Words(244, 19 + 13 * MOST_LINES, f"and {len(lines) - MOST_LINES} more", colour=FAINT))
    return Drawing(title, 350 if len(lines) > 1 else 250, 232, tuple(shapes))


def _frame(x: Axis, y: Axis, x_title: str, y_title: str) -> list[Line | Words]:
    shapes: list[Line | Words] = []
    for tick in y.ticks:
        shapes.append(Line(((x.start, y.at(tick)), (x.end, y.at(tick))), GRID, 0.6))
        shapes.append(Words(x.start - 5, y.at(tick) + 3, f"{tick:g}", 7, "end", FAINT))
    for tick in x.ticks:
        shapes.append(Line(((x.at(tick), y.start), (x.at(tick), y.end)), GRID, 0.6))
        shapes.append(Words(x.at(tick), y.start + 11, _tick(tick, is_log=x.is_log), 7, "middle", FAINT))
    shapes.append(Line(((x.start, y.end), (x.start, y.start), (x.end, y.start)), INK, 0.8))
    shapes.append(Words((x.start + x.end) / 2, y.start + 25, x_title, 8, "middle"))
    shapes.append(Words(14, (y.start + y.end) / 2, y_title, 8, "middle", is_upright=False))
    return shapes


def _tick(value: float, *, is_log: bool) -> str:
    return f"1/{1 / value:g}" if is_log and value < 1 else f"{value:g}"


def reliability(bins: Sequence[Mapping[str, float]]) -> Drawing:
    """Return how often what was claimed was so, for each bin of claims; a bar is fainter where fewer samples are in it."""
    x, y = Axis(0, 1, 44, 234, UNIT_TICKS), Axis(0, 1, 200, 10, UNIT_TICKS)
    shapes: list[Line | Rectangle | Words] = [*_frame(x, y, "claimed probability", "observed frequency")]
    most = max((one["n"] for one in bins), default=1)
    for one in bins:
        top, left, right = y.at(one["frequency"]), x.at(one["low"]), x.at(one["high"])
        strength = 0.25 + 0.75 * math.sqrt(one["n"] / most)
        shapes.append(Rectangle(left + 0.5, top, right - left - 1, y.start - top, shade(PALETTE[0], strength)))
    shapes.append(Line(((x.at(0), y.at(0)), (x.at(1), y.at(1))), FAINT, 0.8, is_dashed=True))
    return Drawing("Reliability", 250, 232, tuple(shapes))


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Drawing:
    """Return the confusion matrix: truth in the rows, each row shaded by its shares."""
    size = min(46.0, 330 / max(len(classes), 1))
    left, top = 96.0, 30.0
    shapes: list[Line | Rectangle | Words] = [
        Words(left, 10, "called", 8, colour=FAINT),
        Words(4, top - 8, "truth", 8, colour=FAINT),
    ]
    for row, (name, numbers) in enumerate(zip(classes, counts, strict=True)):
        y = top + row * size
        shapes.append(Words(left - 6, y + size / 2 + 3, _short(name, 17), 8, "end"))
        shapes.append(Words(left + (row + 0.5) * size, top - 5, _short(name, max(3, int(size / 4.4))), 8, "middle"))
        for column, number in enumerate(numbers):
            share = number / max(sum(numbers), 1)
            x = left + column * size
            shapes.append(Rectangle(x + 0.5, y + 0.5, size - 1, size - 1, shade(PALETTE[0], 0.04 + 0.9 * share)))
            colour = "#ffffff" if share > 0.55 else INK
            shapes.append(Words(x + size / 2, y + size / 2 + 3, str(number), min(9, size / 3), "middle", colour))
    return Drawing("Confusion", left + len(classes) * size + 8, top + len(classes) * size + 8, tuple(shapes))


def intervals(rows: Sequence[tuple[str, float, float | None, float | None]]) -> Drawing:
    """Return figures of 0 to 1 as points on their intervals, one below the other."""
    x = Axis(0, 1, 130, 400, UNIT_TICKS)
    bottom = 10.0 + 15 * len(rows)
    shapes: list[Line | Rectangle | Words] = []
    for tick in x.ticks:
        shapes.append(Line(((x.at(tick), 4), (x.at(tick), bottom)), GRID, 0.6))
        shapes.append(Words(x.at(tick), bottom + 10, f"{tick:g}", 7, "middle", FAINT))
    for k, (name, value, low, high) in enumerate(rows):
        y = 13.0 + 15 * k
        shapes.append(Words(x.start - 8, y + 3, _short(name, 28), 8, "end"))
        if low is not None and high is not None:
            shapes.append(Line(((x.at(low), y), (x.at(high), y)), PALETTE[0], 2))
        shapes.append(Rectangle(x.at(value) - 2.5, y - 2.5, 5, 5, PALETTE[0]))
    return Drawing("Figures and their 95 % intervals", 412, bottom + 16, tuple(shapes))


def shade(colour: str, strength: float) -> str:
    """Return a colour mixed with white."""
    parts = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * strength):02x}" for part in parts)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
