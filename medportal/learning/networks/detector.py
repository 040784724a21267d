"""A detector without anchors: a heat map of the centres of each class, and the extent of the box about each place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, log2
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medportal.learning.networks.blocks import BATCH_NORM, CONVOLUTION, ResidualBlock, stem
from medportal.learning.recipes.declared import DETECTOR_STRIDE

# How likely a place is a centre before anything is learnt (Lin et al. 2017, focal loss, 4.1).
PRIOR = 0.02
# Extents reach from the typical one times e^-4 to that times e^4: no sample can make them infinite.
LONGEST = 4.0


class Detector(nn.Module):
    """A residual encoder, a pyramid down to the cells of the heat map, and a head (Zhou et al. 2019; Lin et al. 2017, FPN).

    `typical` are distances in voxels from the middle of a usual box to its sides, along each axis: extents are learnt
    as the logarithm of their part of these.
    """

    typical: Tensor

    def __init__(
        self, channels: int, classes: int, *, width: int, stride: int, axes: int, typical: Sequence[float]
    ) -> None:
        super().__init__()
        # Each stage, the stem's included, halves the resolution.
        widths = [width * factor for factor in (1, 2, 4, 6, 8)][: round(log2(DETECTOR_STRIDE[axes]))]
        self.stem = stem(channels, width, axes=axes, stride=2)
        self.stages = nn.ModuleList(_stage(a, b, axes) for a, b in pairwise(widths))
        # The pyramid ends where the cells are as large as wanted.
        self.last = round(log2(stride)) - 1
        neck = 2 * width
        convolution = CONVOLUTION[axes]
        self.laterals = nn.ModuleList(convolution(there, neck, 1) for there in widths[self.last :])
        self.smooth = nn.ModuleList(_convolved(neck, neck, axes) for _ in widths[self.last : -1])
        self.trunk = nn.Sequential(_convolved(neck, neck, axes), _convolved(neck, neck, axes))
        self.heat, self.extent = convolution(neck, classes, 1), convolution(neck, 2 * axes, 1)
        nn.init.constant_(self.heat.bias, -log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]
        nn.init.zeros_(self.extent.bias)  # type: ignore[arg-type]
        self.register_buffer("typical", torch.tensor([*typical, *typical]).view(1, -1, *(1,) * axes))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (heat logits (batch, classes, *cells), extent (batch, 2·axes, *cells)).

        Extents are voxels from the cell's centre to the low sides of its box, then to the high ones.
        """
        found = [self.stem(x)]
        for stage in self.stages:
            found.append(stage(found[-1]))
        levels = [lateral(level) for lateral, level in zip(self.laterals, found[self.last :], strict=True)]
        here = levels[-1]
        for level, smooth in zip(levels[-2::-1], self.smooth, strict=True):
            here = smooth(level + F.interpolate(here, scale_factor=2.0, mode="nearest"))
        features = self.trunk(here)
        reach = self.extent(features).clamp(-LONGEST, LONGEST)
        return self.heat(features), torch.exp(reach) * self.typical


def _stage(channels_in: int, channels_out: int, axes: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(channels_in, channels_out, 2, axes=axes), ResidualBlock(channels_out, channels_out, axes=axes)
    )


def _convolved(channels_in: int, channels_out: int, axes: int) -> nn.Sequential:
    return nn.Sequential(
        CONVOLUTION[axes](channels_in, channels_out, 3, 1, 1, bias=False),
        BATCH_NORM[axes](channels_out),
        nn.ReLU(inplace=True),
    )


def build_detector(config: dict[str, Any], *, channels: int, classes: int, typical: Sequence[float]) -> Detector:
    """Return a fresh detector as a configuration asks for."""
    return Detector(
        channels,
        classes,
        width=config["width"],
        stride=config["stride"],
        axes=config["dimensions"],
        typical=typical,
    )
