"""Networks that say of each voxel which segment it is of: U-Net and SegResNet, in two or three dimensions."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets import SegResNet
from torch import Tensor, nn

from medportal.learning.networks.blocks import CONVOLUTION, INSTANCE_NORM, TRANSPOSED

LARGEST = 320


class _Stage(nn.Sequential):
    """Two convolutions with instance norm and leaky ReLU, the first with the stride (Isensee et al. 2021)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, *, axes: int) -> None:
        layers: list[nn.Module] = []
        for place, (before, step) in enumerate(((channels_in, stride), (channels_out, 1))):
            layers += [
                CONVOLUTION[axes](before, channels_out, 3, step, 1, bias=False),
                INSTANCE_NORM[axes](channels_out, affine=True),
                nn.LeakyReLU(0.01, inplace=True),
            ]
            assert place < 2
        super().__init__(*layers)


class Unet(nn.Module):
    """U-Net (Ronneberger et al. 2015) with the blocks of nnU-Net; coarser stages may answer as well while training."""

    def __init__(self, channels: int, classes: int, *, width: int, depth: int, axes: int, deep: bool) -> None:
        super().__init__()
        sizes = [min(width * 2**stage, LARGEST) for stage in range(depth + 1)]
        self.down = nn.ModuleList(
            [
                _Stage(channels if k == 0 else sizes[k - 1], sizes[k], 1 if k == 0 else 2, axes=axes)
                for k in range(depth + 1)
            ]
        )
        self.wider = nn.ModuleList([TRANSPOSED[axes](sizes[k + 1], sizes[k], 2, 2) for k in range(depth)])
        self.up = nn.ModuleList([_Stage(2 * sizes[k], sizes[k], 1, axes=axes) for k in range(depth)])
        self.heads = nn.ModuleList([CONVOLUTION[axes](sizes[k], classes, 1) for k in range(depth if deep else 1)])

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits (batch, background and segments, *space); while training with deep supervision, of each stage."""
        kept = []
        for stage in self.down:
            x = stage(x)
            kept.append(x)
        answers: list[Tensor] = []
        for k in range(len(self.up) - 1, -1, -1):
            x = self.up[k](torch.cat([self.wider[k](x), kept[k]], 1))
            if k < len(self.heads) and (k == 0 or self.training):
                answers.append(self.heads[k](x))
        return answers[::-1] if self.training and len(answers) > 1 else answers[-1]


def build_segmenter(config: dict[str, Any], *, channels: int, classes: int) -> nn.Module:
    """Return a fresh network; `classes` counts background."""
    axes = config["dimensions"]
    if config["network"] == "segresnet":
        network: nn.Module = SegResNet(
            spatial_dims=axes,
            init_filters=max(8, config["width"] // 8 * 8),
            in_channels=channels,
            out_channels=classes,
            blocks_down=(1, 2, 2, 4)[: config["depth"] + 1] if config["depth"] < 4 else (1, 2, 2, 4),
            blocks_up=(1,) * min(config["depth"], 3),
        )
        return network
    return Unet(
        channels, classes, width=config["width"], depth=config["depth"], axes=axes, deep=config["deep_supervision"]
    )


def total_stride(config: dict[str, Any]) -> int:
    """Return of what a sample's sides must be multiples."""
    return int(2 ** (min(config["depth"], 3) if config["network"] == "segresnet" else config["depth"]))
