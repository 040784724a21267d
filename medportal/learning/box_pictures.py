"""Boxes as pictures of the live page and of the form show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.imaging.marks import Box, is_shown
from medportal.learning.box_targets import Truth
from medportal.learning.tasks.base import Preview, grey_preview


def boxes_of(truth: Truth, classes: Sequence[str]) -> list[Box]:
    """Return boxes with their classes' names; those of a slice reach from 0 to 1 along the stack."""
    axes = truth.edges.shape[1] // 2
    found = []
    for edges, label in zip(truth.edges.tolist(), truth.labels.tolist(), strict=True):
        low, high = ([0.0, *edges[:2]], [1.0, *edges[2:]]) if axes == 2 else (edges[:3], edges[3:])
        found.append(Box(classes[label], (low[0], low[1], low[2]), (high[0], high[1], high[2])))
    return found


def through(boxes: Sequence[Box], index: int) -> list[Box]:
    """Return the boxes that a slice of the stack shows."""
    return [box for box in boxes if is_shown(box.low[0], box.high[0], index)]


def boxed(image: NDArray[Any], drawn: Sequence[tuple[Sequence[Box], int]], caption: str) -> Preview:
    """Return an image (channels, rows, columns) in 0…1 with the outlines of boxes, each set in a colour channel."""
    base = grey_preview(image, caption).image
    shown = np.stack([base] * 3, -1) if base.ndim == 2 else base.copy()
    rows, columns = shown.shape[:2]
    for boxes, channel in drawn:
        for box in boxes:
            top, bottom = (min(max(round(edge), 0), rows - 1) for edge in (box.low[1], box.high[1] - 1))
            left, right = (min(max(round(edge), 0), columns - 1) for edge in (box.low[2], box.high[2] - 1))
            for outline in (
                (slice(top, bottom + 1), [left, right]),
                ([top, bottom], slice(left, right + 1)),
            ):
                shown[outline] = 0
                shown[(*outline, channel)] = 255
    return Preview(shown, caption, "boxes")
