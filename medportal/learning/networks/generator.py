"""Networks of a generative adversarial pair: a generator that paints images of a class, and a critic that judges them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medportal.errors import InvalidError

# An image grows from at least so many cells a side; channels are at most so many times the narrowest layer's.
FEWEST_CELLS, WIDEST = 4, 4
_SLOPE = 0.2
# Images whose spread the critic is told, at a time.
_GROUP = 4


def doublings(size: int) -> int:
    """Return how often the cells are doubled until they are `size` pixels or more."""
    count = 0
    while -(-size // 2 ** (count + 1)) >= FEWEST_CELLS:
        count += 1
    return count


def _widths(width: int, size: int) -> list[int]:
    """Return channels from the full resolution down to the coarsest."""
    return [width * min(2**stage, WIDEST) for stage in range(doublings(size) + 1)]


class Generator(nn.Module):
    """From chance and a class to an image by transposed convolutions (Radford et al. 2016, DCGAN)."""

    def __init__(self, latent: int, classes: int, *, channels: int, width: int, size: int) -> None:
        super().__init__()
        widths = _widths(width, size)[::-1]
        self.size, self.cells = size, -(-size // 2 ** doublings(size))
        self.first = nn.Linear(latent + classes, widths[0] * self.cells**2)
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for here, there in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(here, there, 4, 2, 1, bias=False),
                nn.BatchNorm2d(there),
                nn.ReLU(inplace=True),
            ]
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, latent: Tensor, label: Tensor) -> Tensor:
        """Return images (batch, channels, rows, columns) in 0…1 of `latent` (batch, z) and `label` (batch, classes), one-hot."""
        cells = self.first(torch.cat([latent, label], 1)).unflatten(1, (-1, self.cells, self.cells))
        image = self.last(self.body(cells))
        return torch.sigmoid(image[:, :, : self.size, : self.size])


class Critic(nn.Module):
    """Says how real images of a class look; the class is judged by a projection (Miyato and Koyama 2018).

    It is told how much a few images differ from each other (Karras et al. 2018), so that a generator that always paints
    the same is found out. Nothing is normalised by batch: the gradient penalty is of each image by itself. `probability`
    is that with which what it sees is augmented at present; it is kept with the weights.
    """

    probability: Tensor

    def __init__(self, classes: int, *, channels: int, width: int, size: int) -> None:
        super().__init__()
        widths = _widths(width, size)
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1), nn.LeakyReLU(_SLOPE)]
        for here, there in pairwise(widths):
            layers += [nn.Conv2d(here, there, 4, 2, 1), nn.LeakyReLU(_SLOPE)]
        self.stride = 2 ** doublings(size)
        self.body = nn.Sequential(*layers)
        self.together = nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1)
        cells = -(-size // self.stride)
        self.verdict = nn.Linear(widths[-1] * cells**2, 1)
        self.of_class = nn.Linear(classes, widths[-1], bias=False)
        self.register_buffer("probability", torch.zeros(()))

    def forward(self, images: Tensor, label: Tensor) -> Tensor:
        """Return (batch,) scores of images (batch, channels, rows, columns) in 0…1: the higher, the more real."""
        rows, columns = ((-side) % self.stride for side in images.shape[-2:])
        if rows or columns:
            images = F.pad(images, (0, columns, 0, rows), mode="replicate")
        found = self.body(images * 2 - 1)
        found = F.leaky_relu(self.together(torch.cat([found, _spread(found)], 1)), _SLOPE)
        scores: Tensor = self.verdict(found.flatten(1))[:, 0] + (self.of_class(label) * found.mean((2, 3))).sum(1)
        return scores


def _spread(found: Tensor) -> Tensor:
    """Return a channel that says how much an image and its neighbours in the batch differ."""
    count = len(found)
    group = _GROUP if count % _GROUP == 0 else count
    grouped = found.reshape(count // group, group, *found.shape[1:])
    spread: Tensor = (grouped.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return spread.repeat_interleave(group).view(-1, 1, 1, 1).expand(-1, 1, *found.shape[2:])


def build_pair(config: dict[str, Any], *, channels: int, classes: int) -> tuple[Generator, Critic]:
    """Return a fresh generator and critic as a configuration asks for.

    Raises InvalidError `setting` where there is no size, or the images are no single slices.
    """
    if not config["size"] or config["context"]:
        raise InvalidError("setting", "A generator paints single slices of one size: size > 0, context 0.")
    shape = {"channels": channels, "width": config["width"], "size": config["size"]}
    return Generator(config["latent"], classes, **shape), Critic(classes, **shape)
