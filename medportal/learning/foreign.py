"""Pastes into slices what does not belong there, so that an autoencoder learns to leave out what it does not know."""

from __future__ import annotations

from math import log, pi

import torch
from torch import Tensor

from medportal.learning.augment import cubic

# Radii of what is pasted, as parts of the slice's side; how many are pasted at most; knots of their uneven edges.
SMALLEST, LARGEST = 0.012, 0.12
PIECES, _KNOTS = 2, 6
# How often a piece is of one grey; otherwise it is cut out of another slice.
_PLAIN = 0.6


def pasted(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Return images (batch, channels, rows, columns) into each of which up to two soft-edged pieces are blended.

    Each with `probability`: of one grey, or of another slice of the batch at another place, as in Foreign Patch
    Interpolation (Tan et al. 2020) and DRAEM (Zavrtanik et al. 2021), of which the first won a challenge on finding
    anomalies in CT and MR without having seen any (MOOD 2020).
    """
    if probability <= 0:
        return images
    bumps = torch.randn(len(images), 1, _KNOTS, _KNOTS, generator=generator)
    rows, columns = (cubic(side, _KNOTS) for side in images.shape[2:])
    bumps = rows @ bumps @ columns.T
    out = images
    for _ in range(PIECES):
        share = _cover(bumps, generator) * _uniform(images, 0.4, 1.0, generator)
        share = share * (_uniform(images, 0.0, 1.0, generator) < probability)
        out = out + share * (_contents(images, generator) - out)
    return out


def _uniform(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Return a number for each image, (batch, 1, 1, 1)."""
    return low + (high - low) * torch.rand(len(images), 1, 1, 1, generator=generator)


def _cover(bumps: Tensor, generator: torch.Generator) -> Tensor:
    """Return how much of each pixel a piece covers: an ellipse anywhere in the slice, its edge uneven by `bumps`."""
    rows, columns = bumps.shape[2:]
    y = torch.arange(rows).view(-1, 1) - _uniform(bumps, 0.0, rows, generator)
    x = torch.arange(columns).view(1, -1) - _uniform(bumps, 0.0, columns, generator)
    angle, stretch = _uniform(bumps, 0.0, pi, generator), torch.exp(_uniform(bumps, -0.5, 0.5, generator))
    along = (torch.cos(angle) * x + torch.sin(angle) * y) * stretch
    across = (torch.cos(angle) * y - torch.sin(angle) * x) / stretch
    radius = torch.exp(_uniform(bumps, log(SMALLEST), log(LARGEST), generator)) * max(rows, columns)
    softness = _uniform(bumps, 0.7, 2.2, generator)
    distance = (along.square() + across.square()).sqrt() / radius + 0.2 * bumps
    return ((1 - distance) * radius / softness + 0.5).clamp(0, 1)


def _contents(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return for each image what is pasted into it: a grey, near one of another slice, or that slice itself, shifted."""
    others = images[torch.randperm(len(images), generator=generator)]
    picks = torch.randint(others[0, 0].numel(), (len(images), 1, 1), generator=generator)
    greys = others.flatten(2).gather(2, picks.expand(-1, images.shape[1], 1)).unsqueeze(-1)
    greys = 0.7 * greys + 0.3 * _uniform(images, 0.0, 1.0, generator)
    shifts = [int(torch.randint(side, (), generator=generator)) for side in images.shape[2:]]
    is_plain = _uniform(images, 0.0, 1.0, generator) < _PLAIN
    return torch.where(is_plain, greys, torch.roll(others, shifts, (2, 3)))
