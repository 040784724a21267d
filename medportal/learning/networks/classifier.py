"""Networks that tell classes apart: logits, the class activation maps behind them, and an embedding."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from monai.networks.nets import DenseNet121
from torch import Tensor, nn

from medportal.learning.networks.blocks import CONVOLUTION, ResidualBlock, stem

LARGEST = 256


class Classifier(nn.Module):
    """A network whose every place of the last map is scored for each class.

    `maximum`: the logit of a class is the greatest lead over the first, negative class that its score has anywhere, so
    that small findings are not averaged away (after Zhou et al. 2016, with the maximum of Oquab et al. 2015 in place of
    the mean). `mean`: the scores are averaged (Zhou et al. 2016). Either way the map *is* what the logit was taken from.
    With independent classes (`multi_label`) scores are taken as they are.
    """

    def __init__(
        self,
        features: nn.Module,
        channels: int,
        classes: int,
        *,
        axes: int,
        pooling: str,
        dropout: float,
        multi_label: bool,
    ) -> None:
        super().__init__()
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.head = CONVOLUTION[axes](channels, classes, 1)
        self.pooling, self.multi_label = pooling, multi_label

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (logits (batch, classes), activation (batch, classes, *cells) in 0…1, embedding (batch, channels))."""
        found = self.features(x)
        embedding = found.flatten(2).mean(2)
        scores = self.head(found)
        lead = scores if self.multi_label else scores - scores[:, :1]
        if self.pooling == "maximum":
            logits = lead.flatten(2).amax(2)
        else:
            # The mean of scores is the score of the mean, which dropout may then thin out.
            logits = self.head(self.dropout(embedding)[(...,) + (None,) * (x.ndim - 2)]).flatten(1)
        return logits, torch.sigmoid(lead), embedding


def residual_features(channels: int, width: int, depth: int, *, axes: int) -> tuple[nn.Module, int]:
    """Return a residual encoder of stride 4·2^(depth-1) and the number of its last channels."""
    layers: list[nn.Module] = [stem(channels, width, axes=axes)]
    here = width
    for stage in range(depth):
        there = min(width * 2**stage, LARGEST)
        layers.append(ResidualBlock(here, there, 1 if stage == 0 else 2, axes=axes))
        here = there
    layers.append(ResidualBlock(here, here, 1, axes=axes))
    return nn.Sequential(*layers), here


class _DenseFeatures(nn.Module):
    """The convolutional part of DenseNet-121 (Huang et al. 2017)."""

    def __init__(self, channels: int, *, axes: int) -> None:
        super().__init__()
        self.features = DenseNet121(spatial_dims=axes, in_channels=channels, out_channels=1).features

    def forward(self, x: Tensor) -> Tensor:
        """Return the last map."""
        return F.relu(self.features(x))


def total_stride(config: dict[str, Any]) -> int:
    """Return how many voxels along each axis a place of the last map stands for."""
    return 32 if config["network"] == "densenet121" else int(2 ** (config["depth"] + 1))


def build_classifier(config: dict[str, Any], *, channels: int, classes: int, multi_label: bool) -> Classifier:
    """Return a fresh classifier as a configuration asks for."""
    axes = config["dimensions"]
    if config["network"] == "densenet121":
        features, last = _DenseFeatures(channels, axes=axes), 1024
    else:
        features, last = residual_features(channels, config["width"], config["depth"], axes=axes)  # type: ignore[assignment]
    return Classifier(
        features,
        last,
        classes,
        axes=axes,
        pooling=config["pooling"],
        dropout=config["dropout"],
        multi_label=multi_label,
    )
