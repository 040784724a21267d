"""Networks. Each maps (batch, channels, rows, columns) to logits and to the class activation maps behind them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a short cut (He et al. 2016, fig. 2, with the batch norm of fig. 3)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.short_cut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.short_cut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        return F.relu(self.body(x) + self.short_cut(x))


class ResnetSmall(nn.Module):
    """A residual CNN of stride 8 whose logits are soft maxima over a map, so that a small finding is not averaged away.

    The map of each class *is* where its logit comes from (after Zhou et al. 2016; pooling by log-sum-exp after Pinheiro
    and Collobert 2015, eq. 6).
    """

    SHARPNESS = 4.0

    def __init__(self, channels: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.stages = nn.Sequential(
            ResidualBlock(width, width, 1),
            ResidualBlock(width, 2 * width, 2),
            ResidualBlock(2 * width, 2 * width, 1),
            ResidualBlock(2 * width, 4 * width, 2),
            ResidualBlock(4 * width, 4 * width, 1),
        )
        self.head = nn.Conv2d(4 * width, classes, 1)
        # A finding is rare among places: begin by saying no (see Lin et al. 2017, 3.3).
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (logits (batch, classes), activation (batch, classes, rows/8, columns/8) in 0…1)."""
        scores = self.head(self.stages(self.stem(x)))
        flat = scores.flatten(2) * self.SHARPNESS
        places = torch.log(torch.full((1,), float(flat.shape[2]), dtype=flat.dtype, device=flat.device))
        logits = (torch.logsumexp(flat, dim=2) - places) / self.SHARPNESS
        return logits, torch.sigmoid(scores - scores[:, :1])


def build_network(name: str, *, channels: int, classes: int, width: int) -> nn.Module:
    """Return a fresh network of a recipe's choice."""
    return {"resnet_small": ResnetSmall}[name](channels, classes, width)
