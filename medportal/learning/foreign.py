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
# What is drawn of each piece, and between which bounds: its middle and radius as parts of the side, the logarithm of how
# long it is for its breadth, the softness of its edge in pixels, how much of it is seen, a grey, and two chances.
_BOUNDS = {
    "row": (0.0, 1.0),
    "column": (0.0, 1.0),
    "angle": (0.0, pi),
    "log_length": (-1.0, 1.0),
    "log_radius": (log(SMALLEST), log(LARGEST)),
    "softness": (0.7, 2.2),
    "opacity": (0.4, 1.0),
    "grey": (0.0, 1.0),
    "is_there": (0.0, 1.0),
    "is_plain": (0.0, 1.0),
}
_LOW, _HIGH = torch.tensor(list(_BOUNDS.values())).T


def pasted(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Return images (batch, channels, rows, columns) into each of which up to two soft-edged pieces are blended.

    Each with `probability`: of one grey, or of another slice of the batch at another place, as in Foreign Patch
    Interpolation (Tan et al. 2020) and DRAEM (Zavrtanik et al. 2021), of which the first won a challenge on finding
    anomalies in CT and MR without having seen any (MOOD 2020).
    """
    if probability <= 0:
        return images
    # All numbers at once, and all pieces of a kind: small operations cost as much as large ones.
    numbers = torch.rand(PIECES * len(images), len(_BOUNDS), generator=generator)
    drawn = dict(zip(_BOUNDS, torch.lerp(_LOW, _HIGH, numbers).T[..., None, None], strict=True))
    seen = drawn["opacity"] * (drawn["is_there"] < probability)
    shares = _covers(drawn, images.shape[2:], generator) * seen
    out = images
    for share, grey, is_plain in zip(
        *(part.unsqueeze(1).chunk(PIECES) for part in (shares, drawn["grey"], drawn["is_plain"] < _PLAIN)), strict=True
    ):
        out = out.lerp(_contents(images, grey, is_plain, generator), share)
    return out


def _covers(drawn: dict[str, Tensor], size: torch.Size, generator: torch.Generator) -> Tensor:
    """Return how much of each pixel each piece covers, (pieces, rows, columns): ellipses with uneven edges."""
    rows, columns = size
    bumps = torch.randn(len(drawn["row"]), _KNOTS, _KNOTS, generator=generator)
    uneven = cubic(rows, _KNOTS) @ bumps @ cubic(columns, _KNOTS).T
    radius = torch.exp(drawn["log_radius"]) * max(rows, columns)
    sharpness = radius / drawn["softness"]
    # A square of a distance from the middle is a sum of products of a function of y and one of x.
    y = torch.arange(rows)[:, None] - drawn["row"] * rows
    x = torch.arange(columns) - drawn["column"] * columns
    cos, sin, long = torch.cos(drawn["angle"]), torch.sin(drawn["angle"]), torch.exp(drawn["log_length"])
    of_yy, of_xx = long * sin**2 + cos**2 / long, long * cos**2 + sin**2 / long
    of_yx = 2 * cos * sin * (long - 1 / long)
    in_y = torch.cat([of_yy * y.square(), of_yx * y, torch.ones_like(y)], dim=2)
    in_x = torch.cat([torch.ones_like(x), x, of_xx * x.square()], dim=1)
    distance = (in_y @ in_x).clamp_min_(0).sqrt_().div_(radius).add_(uneven, alpha=0.2)
    return distance.mul_(-sharpness).add_(sharpness + 0.5).clamp_(0, 1)


def _contents(images: Tensor, grey: Tensor, is_plain: Tensor, generator: torch.Generator) -> Tensor:
    """Return for each image what is pasted into it: a grey, near one of another slice, or that slice itself, shifted."""
    others = images[torch.randperm(len(images), generator=generator)]
    picks = torch.randint(others[0, 0].numel(), (len(images), 1, 1), generator=generator)
    greys = others.flatten(2).gather(2, picks.expand(-1, images.shape[1], 1)).unsqueeze(-1)
    shifts = [int(torch.randint(side, (), generator=generator)) for side in images.shape[2:]]
    return torch.where(is_plain, 0.7 * greys + 0.3 * grey, torch.roll(others, shifts, (2, 3)))
