"""Blocks that several networks are made of, in two or three dimensions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTION: dict[int, type[nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, type[nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
BATCH_NORM: dict[int, type[nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE_NORM: dict[int, type[nn.Module]] = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
AVERAGE_POOL: dict[int, type[nn.Module]] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
MAX_POOL: dict[int, type[nn.Module]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


class ResidualBlock(nn.Module):
    """Two convolutions of 3 beside a short cut (He et al. 2016, fig. 2, with the batch norm of fig. 3).

    Where the resolution is halved, the short cut averages before it projects (He et al. 2019, ResNet-D): nothing of
    the input is skipped.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, *, axes: int = 2) -> None:
        super().__init__()
        convolution, norm = CONVOLUTION[axes], BATCH_NORM[axes]
        self.body = nn.Sequential(
            convolution(channels_in, channels_out, 3, stride, 1, bias=False),
            norm(channels_out),
            nn.ReLU(inplace=True),
            convolution(channels_out, channels_out, 3, 1, 1, bias=False),
            norm(channels_out),
        )
        steps: list[nn.Module] = [AVERAGE_POOL[axes](stride, ceil_mode=True)] if stride != 1 else []
        if stride != 1 or channels_in != channels_out:
            steps += [convolution(channels_in, channels_out, 1, bias=False), norm(channels_out)]
        self.short_cut = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        return F.relu(self.body(x) + self.short_cut(x))


def stem(channels: int, width: int, *, axes: int = 2, stride: int = 4) -> nn.Sequential:
    """Return the first layers: a wide convolution, and a maximum over neighbours where the stride is 4."""
    layers = [
        CONVOLUTION[axes](channels, width, 5 if axes == 2 else 3, min(stride, 2), 2 if axes == 2 else 1, bias=False),
        BATCH_NORM[axes](width),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([MAX_POOL[axes](2)] if stride == 4 else []))
