"""Boxes that go along with augmented samples: what is left of each at the edge, and a mosaic of four samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from medportal.learning.box_targets import Truth

# A box of which less is to be seen is left out.
SEEN = 0.3
# Where the four samples of a mosaic may meet, as a part of each side.
MEETING = (0.3, 0.7)


def clipped(truth: Truth, low: Sequence[int], high: Sequence[int], *, seen: float = SEEN) -> Truth:
    """Return boxes cut off at the corners of a region, without those of which less than `seen` remains."""
    axes = len(low)
    lower, upper = (torch.tensor(list(corner) * 2, dtype=torch.float32) for corner in (low, high))
    edges = torch.minimum(torch.maximum(truth.edges, lower), upper)
    sides, whole = ((one[:, axes:] - one[:, :axes]).clamp_min(0) for one in (edges, truth.edges))
    kept = (sides.prod(1) >= seen * whole.prod(1)) & (sides > 0).all(1)
    return Truth(edges[kept], truth.labels[kept])


def mosaic(
    images: Tensor, truths: Sequence[Truth], probability: float, generator: torch.Generator
) -> tuple[Tensor, list[Truth]]:
    """Make some samples of a batch of four: about a point each quarter shows another sample of the batch.

    `images` is (batch, channels, rows, columns). Nothing is shrunk: small objects stay as large as they will be. Boxes
    are cut off at the seams.
    """
    rows, columns = images.shape[-2:]
    out, found = images.clone(), list(truths)
    chosen = torch.rand(len(images), generator=generator) < probability
    for index in torch.nonzero(chosen).flatten().tolist():
        row, column = (_between(side, generator) for side in (rows, columns))
        others = torch.randint(len(images), (3,), generator=generator).tolist()
        four = [[index, *others][k] for k in torch.randperm(4, generator=generator).tolist()]
        parts = []
        for quarter, other in enumerate(four):
            low = (row * (quarter // 2), column * (quarter % 2))
            high = (rows if quarter // 2 else row, columns if quarter % 2 else column)
            place = (..., slice(low[0], high[0]), slice(low[1], high[1]))
            out[index][place] = images[other][place]
            parts.append(clipped(truths[other], low, high))
        found[index] = Truth(torch.cat([one.edges for one in parts]), torch.cat([one.labels for one in parts]))
    return out, found


def _between(side: int, generator: torch.Generator) -> int:
    low, high = MEETING
    return round(side * (low + (high - low) * float(torch.rand((), generator=generator))))
