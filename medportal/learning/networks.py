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
    """A residual CNN of stride 8 that decides by the place that speaks most for a class: small findings are not averaged away.

    Each place of the last map is scored; the logit of a class is the greatest lead over the first, negative class
    that its score has anywhere. So the map of a class *is* what its logit was taken from (after Zhou et al. 2016, with
    the maximum of Oquab et al. 2015 in place of the mean).
    """

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.stages = nn.Sequential(
            ResidualBlock(width, width, 1), ResidualBlock(width, 2 * width, 2), ResidualBlock(2 * width, 2 * width, 1)
        )
        self.head = nn.Conv2d(2 * width, classes, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (logits (batch, classes), activation (batch, classes, rows/8, columns/8) in 0…1)."""
        scores = self.head(self.stages(self.stem(x)))
        lead = scores - scores[:, :1]
        return lead.flatten(2).amax(2), torch.sigmoid(lead)


def build_network(name: str, *, channels: int, classes: int, width: int) -> nn.Module:
    """Return a fresh network of a recipe's choice."""
    return {"resnet_small": ResnetSmall}[name](channels, classes, width)
