"""Augmentation of whole batches: scale, crop (shift), rotate, flip, elastic deformation, intensity, mosaic, mixing.

All that moves pixels is one resampling of a batch, whatever is asked for, so that it costs little beside the network
(a transform per sample took a third of the time of an epoch).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# Control points of an elastic deformation along each axis.
_KNOTS = 5


@dataclass(frozen=True)
class Moves:
    """How each sample of a batch is moved: a point of the result (x, y[, z] in −1…1) is taken from `theta @ (point, 1)`.

    `theta` is (batch, d, d+1) as torch.nn.functional.affine_grid takes it; `bends` (batch, d, *knots) or None.
    """

    theta: Tensor
    bends: Tensor | None = None


def draw_moves(
    count: int, size: tuple[int, ...], config: dict[str, Any], generator: torch.Generator, *, bend: bool = True
) -> Moves:
    """Draw moves for `count` samples of (rows, columns) or (slices, rows, columns), as a configuration asks for."""
    axes = len(size)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) * 2 - 1

    angle = torch.deg2rad(uniform(count) * config["rotate_degrees"])
    zoom = torch.exp(uniform(count) * config["scale_fraction"])
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    theta = torch.zeros(count, axes, axes + 1)
    # Rotation about the slices' normal, in pixels: rows and columns may differ in number.
    rows, columns = size[-2:]
    theta[:, 0, 0], theta[:, 0, 1] = cos, -sin * rows / columns
    theta[:, 1, 0], theta[:, 1, 1] = sin * columns / rows, cos
    if axes == 3:
        theta[:, 2, 2] = zoom
    theta[:, :, axes] = uniform(count, axes) * 2 * config.get("crop_fraction", 0.0)
    for axis, name in enumerate(("flip", "flip_rows", "flip_slices")[:axes]):
        if config.get(name):
            mirrored = torch.rand(count, generator=generator) < 0.5
            theta[mirrored, axis] *= -1
    bends = None
    share = config.get("deform_probability", 0.0)
    if bend and share > 0:
        chosen = (torch.rand(count, generator=generator) < share).float()
        bends = torch.randn(count, axes, *(_KNOTS,) * axes, generator=generator) * 0.05
        bends *= chosen.view(-1, *(1,) * (axes + 1))
    return Moves(theta, bends)


def grid_of(moves: Moves, size: tuple[int, ...]) -> Tensor:
    """Return where each point of the result is taken from, (batch, *size, d).

    Both parts of a move are sums of products of a function along each axis, so that the grid is a product of matrices
    along one axis after the other.
    """
    count, axes = len(moves.theta), len(size)
    knots = 0 if moves.bends is None else _KNOTS
    # How much there is of each product of functions: those of the knots, then 1, then the position.
    parts = torch.zeros(count, *(knots + 2,) * axes, axes)
    inner: tuple[slice, ...] = (slice(None), *[slice(knots)] * axes)
    if moves.bends is not None:
        parts[inner] = moves.bends.movedim(1, -1)
    # Axes are (…, y, x), columns of theta x, y, …, 1.
    for column in range(axes + 1):
        place: list[slice | int] = [slice(None), *[knots] * axes]
        if column < axes:
            place[axes - column] = knots + 1
        parts[tuple(place)] = moves.theta[:, :, column]
    for axis in reversed(range(axes)):
        before, behind = parts.shape[: 1 + axis], parts.shape[2 + axis :]
        made = _functions(size[axis], knots) @ parts.reshape(prod(before), knots + 2, prod(behind))
        parts = made.view(*before, size[axis], *behind)
    return parts


@lru_cache(maxsize=32)
def _functions(side: int, knots: int) -> Tensor:
    """Return functions along an axis, at the middles of its voxels, (side, knots + 2).

    Cubic interpolation between the knots, 1, and the position in −1…1 as affine_grid has it without aligned corners.
    """
    others = torch.stack([torch.ones(side), (torch.arange(side) * 2 + 1) / side - 1], dim=1)
    return torch.cat([cubic(side, knots), others], dim=1) if knots else others


@lru_cache(maxsize=32)
def cubic(side: int, knots: int) -> Tensor:
    """Return the weights of `knots` values, from end to end of an axis, in the cubic interpolation, (side, knots)."""
    each = torch.eye(knots)[None, None]
    return F.interpolate(each, size=(side, knots), mode="bicubic", align_corners=True)[0, 0]


def moved(images: Tensor, grid: Tensor, *, nearest: bool = False, outside: str = "zeros") -> Tensor:
    """Return images (batch, channels, *space) resampled at a grid; what lies outside is 0, or as the `border` is.

    Where no mask or box has to agree, the border: no image that is asked about later has black corners, and a network
    that learnt from small X-rays with them was biased towards one class on those without.
    """
    mode = "nearest" if nearest else "bilinear"
    return F.grid_sample(images, grid, mode=mode, padding_mode=outside, align_corners=False)


def moved_along_axes(images: Tensor, theta: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return images (batch, channels, *space) resampled to `size` as `moved` does, by moves that turn nothing.

    Linear interpolation is then a product along one axis after the other, in volumes thrice as quick.
    """
    axes = len(size)
    for axis, side in enumerate(size):
        length = images.shape[2 + axis]
        row = theta[:, axes - 1 - axis]
        at = row[:, axes - 1 - axis, None] * ((2 * torch.arange(side) + 1) / side - 1) + row[:, axes, None]
        steps = ((at + 1) * length - 1)[..., None] / 2 - torch.arange(length)
        weights = (1 - steps.abs()).clamp_min(0)
        before, behind = images.shape[1 : 2 + axis], images.shape[3 + axis :]
        if behind:
            lined = images.reshape(len(images), prod(before), length, prod(behind))
            made = weights[:, None] @ lined
        else:
            made = images.reshape(len(images), prod(before), length) @ weights.mT
        images = made.view(len(images), *before, side, *behind)
    return images


def moved_boxes(boxes: Tensor, theta: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return a sample's boxes (n, 2·d: low then high corner, rows before columns, in voxels) where its move puts them.

    The box around the moved corners; `theta` is the sample's (d, d+1). Boxes are not clipped.
    """
    axes = len(size)
    extent = torch.tensor(size, dtype=torch.float32)
    corners = torch.stack(
        [
            torch.stack([boxes[:, axis + axes * ((pick >> axis) & 1)] for axis in range(axes)], dim=1)
            for pick in range(2**axes)
        ],
        dim=1,
    )
    # Voxels (z, y, x) to −1…1 (x, y, z), through the inverse of the sampling, and back.
    points = (corners / extent * 2 - 1).flip(-1)
    found = torch.linalg.solve(theta[:, :axes], (points - theta[:, axes]).reshape(-1, axes).T).T.reshape(points.shape)
    back = (found.flip(-1) + 1) / 2 * extent
    return torch.cat([back.amin(1), back.amax(1)], dim=1)


def change_intensity(images: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast and tone of each image (0…1) by up to `amount`, and add a little noise.

    Tone bends the curve of greys between its ends, x + a·x·(1 − x), as gamma does at a tenth of the time.
    """
    if amount <= 0:
        return images
    shape = (len(images), *(1,) * (images.ndim - 1))

    def uniform() -> Tensor:
        return torch.rand(shape, generator=generator).to(images) * 2 - 1

    tone, contrast, brightness = uniform() * min(amount, 1.0), 1 + uniform() * amount, uniform() * amount / 2
    changed = (images * (-tone * contrast)).add_((1 + tone) * contrast).mul_(images).add_(brightness)
    # One field of noise for all, of each as much, or its opposite, as was drawn: a field for each would take as long as
    # all the rest.
    noise = torch.randn(images.shape[1:], generator=generator).to(images)
    return changed.addcmul_(noise, uniform() * amount * 0.1)


def mosaic(images: Tensor, labels: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Replace a quarter of some samples of a batch by that of another sample of the same class.

    `images` is (batch, channels, rows, columns); labels stay true, since both are of one class.
    """
    if probability <= 0:
        return images
    out = images.clone()
    half = (images.shape[-2] // 2, images.shape[-1] // 2)
    chosen = torch.rand(len(images), generator=generator) < probability
    for index in torch.nonzero(chosen).flatten().tolist():
        others = torch.nonzero(labels == labels[index]).flatten()
        other = int(others[int(torch.randint(len(others), (), generator=generator))])
        row, column = (int(torch.randint(2, (), generator=generator)) * half[i] for i in (0, 1))
        quarter = (..., slice(row, row + half[0]), slice(column, column + half[1]))
        out[index][quarter] = images[other][quarter]
    return out


def mixed(images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return convex mixtures of pairs of samples and of their targets (Zhang et al. 2018, mixup)."""
    if alpha <= 0:
        return images, targets
    # Beta(alpha, alpha) by two gammas is not offered with a generator: a uniform share around the ends does as well.
    share = torch.rand(len(images), generator=generator) * min(alpha, 0.5)
    order = torch.randperm(len(images), generator=generator)
    share = share.to(images)
    images = images.lerp(images[order], share.view(-1, *(1,) * (images.ndim - 1)))
    return images, targets.lerp(targets[order], share.view(-1, 1))
