"""What a detector is to answer: the heat, extents and their weights that boxes make, and how far an answer is from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# A centre's heat falls off with this part of the box's side as standard deviation (Liu et al. 2020, TTFNet: 0.54 / 6).
SPREAD = 0.09
# In cells: boxes smaller than a few cells still warm their neighbours a little.
NARROWEST = 0.4
# Extents are learnt where a box's heat is at least so high: at the centre and in a small neighbourhood.
NEAR = 0.25


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
    axes = len(cells)
    heat, extent, weight = torch.zeros(classes, *cells), torch.ones(2 * axes, *cells), torch.zeros(1, *cells)
    at = [torch.arange(side).view([-1 if k == axis else 1 for k in range(axes)]) for axis, side in enumerate(cells)]
    for edges, label in zip(truth.edges, truth.labels.tolist(), strict=True):
        low, high = edges[:axes], edges[axes:]
        middle = torch.floor((low + high) / 2 / stride)
        if not all(0 <= m < side for m, side in zip(middle.tolist(), cells, strict=True)):
            continue
        spread = ((high - low) / stride * SPREAD).clamp_min(NARROWEST)
        squares = [((at[k] - middle[k]) / spread[k]) ** 2 for k in range(axes)]
        near = torch.exp(-0.5 * sum(squares[1:], squares[0]))
        torch.maximum(heat[label], near, out=heat[label])
        owned = (near >= NEAR) & (near > weight[0])
        weight[0] = torch.where(owned, near, weight[0])
        for k in range(axes):
            centre = (at[k] + 0.5) * stride
            extent[k] = torch.where(owned, centre - low[k], extent[k])
            extent[axes + k] = torch.where(owned, high[k] - centre, extent[axes + k])
    return heat, extent.clamp_min(1e-2), weight


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
