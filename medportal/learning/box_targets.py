"""What a detector is to answer: the heat, extents and their weights that boxes make, and how far an answer is from them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

# A centre's heat falls off with this part of the box's side as standard deviation (Liu et al. 2020, TTFNet: 0.54 / 6).
SPREAD = 0.09
# In cells: boxes smaller than a few cells still warm their neighbours a little.
NARROWEST = 0.4
# Extents are learnt where a box's heat is at least so high: at the centre and in a small neighbourhood.
NEAR = 0.25
# Beyond so many deviations nothing is felt of a box.
FURTHEST = 3.5
# Voxels: an extent is never less.
SHORTEST = 0.01


@dataclass(frozen=True)
class Truth:
    """A sample's boxes: `edges` (n, 2·axes), the low corner then the high one in voxels, rows before columns; `labels` (n,)."""

    edges: Tensor
    labels: Tensor


def targets_of(truth: Truth, cells: tuple[int, ...], stride: int, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return (heat (classes, *cells) in 0…1, extent (2·axes, *cells), weight (1, *cells)) that boxes make.

    The heat is 1 at the cell that holds a box's centre. Of boxes that meet in a cell the one with the higher heat there
    owns its extent. Centres that lie outside of the cells make nothing.
    """
    heat = np.zeros((classes, *cells), np.float32)
    extent = np.ones((2 * len(cells), *cells), np.float32)
    weight = np.zeros(cells, np.float32)
    for edges, label in zip(truth.edges.numpy(), truth.labels.tolist(), strict=True):
        low, high = edges.reshape(2, -1)
        middle = np.floor((low + high) / 2 / stride).astype(np.int64)
        if (middle < 0).any() or (middle >= cells).any():
            continue
        place, near = _near(middle, (high - low) / stride, cells)
        np.maximum(heat[label][place], near, out=heat[label][place])
        owned = (near >= NEAR) & (near > weight[place])
        np.copyto(weight[place], near, where=owned)
        for axis, at in enumerate(np.ogrid[place]):
            centre = (at + 0.5) * stride
            for side, reach in ((axis, centre - low[axis]), (len(cells) + axis, high[axis] - centre)):
                np.copyto(extent[side][place], np.maximum(reach, SHORTEST).astype(np.float32), where=owned)
    return torch.from_numpy(heat), torch.from_numpy(extent), torch.from_numpy(weight[None])


def _near(
    middle: NDArray[np.int64], sides: NDArray[np.float32], cells: tuple[int, ...]
) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """Return where a box's heat is felt, in cells, and the heat there; `middle` is its cell, `sides` are in cells."""
    place, near = [], np.ones((), np.float32)
    for at, side, length in zip(middle.tolist(), sides.tolist(), cells, strict=True):
        spread = max(side * SPREAD, NARROWEST)
        reach = ceil(FURTHEST * spread)
        part = slice(max(at - reach, 0), min(at + reach + 1, length))
        along = np.exp(-0.5 * ((np.arange(part.start, part.stop) - at) / spread) ** 2)
        place.append(part)
        near = near[..., None] * along.astype(np.float32)
    return tuple(place), near


def heat_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """Return the penalty-reduced focal loss per box (Law and Deng 2018, eq. 1; α = 2, β = 4)."""
    at_centre = (heat >= 1).to(logits)
    chance = torch.sigmoid(logits)
    # Where nothing is near, (1 − heat)⁴ is 1.
    positive = F.logsigmoid(logits) * (1 - chance) ** 2 * at_centre
    negative = F.logsigmoid(-logits) * chance**2 * (1 - heat) ** 4 * (1 - at_centre)
    return -(positive + negative).sum() / at_centre.sum().clamp_min(1)


def extent_loss(found: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Return the mean over the weighted cells of L1 of the logarithms and 1 − GIoU (Rezatofighi et al. 2019)."""
    axes = found.shape[1] // 2
    near = (found.log() - wanted.log()).abs().mean(1, keepdim=True)
    smaller, larger = torch.minimum(found, wanted), torch.maximum(found, wanted)
    # Boxes about one cell's centre always meet there.
    shared = (smaller[:, :axes] + smaller[:, axes:]).prod(1, keepdim=True)
    around = (larger[:, :axes] + larger[:, axes:]).prod(1, keepdim=True)
    volumes = [(one[:, :axes] + one[:, axes:]).prod(1, keepdim=True) for one in (found, wanted)]
    union = volumes[0] + volumes[1] - shared
    overlap = shared / union - (around - union) / around
    return ((near + 1 - overlap) * weight).sum() / weight.sum().clamp_min(1)
