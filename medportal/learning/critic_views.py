"""What a critic is shown of images, real and generated alike: augmented, so that it cannot learn the real ones by heart.

The augmentations can be differentiated (Zhao et al. 2020, DiffAugment), and are applied with a probability that grows
while the critic is too sure of real images (Karras et al. 2020, ADA): with less than certainty the generator does not
learn to paint what they do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# The part of real images called real, less the part called generated, at which the critic is taken to overfit.
SURE = 0.6
# Images over which the probability could grow from nothing to certainty.
PACE = 100_000
SHIFT, ZOOM, BRIGHTNESS, CONTRAST, HOLE = 0.25, 0.1, 0.2, 0.5, 0.5


def viewed(images: Tensor, probability: Tensor) -> Tensor:
    """Return images (batch, channels, rows, columns) of 0…1 shifted, zoomed, of other brightness and contrast, with a hole.

    Each of these happens to each image with `probability`, a number; chance is that of the device's own generator.
    """
    if float(probability) <= 0:
        return images

    def drawn(*shape: int) -> Tensor:
        """Return numbers of −1…1 for the images to which it happens, for the others 0."""
        happens = torch.rand(len(images), *(1,) * len(shape), device=images.device) < probability
        return (torch.rand(len(images), *shape, device=images.device) * 2 - 1) * happens

    theta = torch.zeros(len(images), 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = torch.exp(ZOOM * 2 * drawn(1)[:, 0])
    theta[:, :, 2] = 2 * SHIFT * drawn(2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    images = images + BRIGHTNESS * drawn(1, 1, 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    images = (images - mean) * (1 + CONTRAST * drawn(1, 1, 1)) + mean
    return images * (1 - _holes(images, probability))


def _holes(images: Tensor, probability: Tensor) -> Tensor:
    """Return 1 in a rectangle of half the sides about a random place, (batch, 1, rows, columns)."""
    happens = torch.rand(len(images), 1, 1, 1, device=images.device) < probability
    for axis, side in enumerate(images.shape[2:], start=2):
        shape = [1, 1, 1, 1]
        shape[axis] = side
        middle = torch.rand(len(images), 1, 1, 1, device=images.device) * side
        place = torch.arange(side, device=images.device).view(shape)
        happens = happens & ((place + 0.5 - middle).abs() < HOLE * side / 2)
    return happens.to(images.dtype)


def adapted(probability: Tensor, scores: Tensor, *, centre: float, images: int, highest: float) -> Tensor:
    """Return the probability after a batch: more where the critic is too sure of real images, else less (ADA, eq. 1, r_t).

    `scores` are those of real images, as they are seen; above `centre` the critic calls an image real.
    """
    sure = (scores.detach() - centre).sign().mean()
    return (probability + (sure - SURE).sign() * images / PACE).clamp(0, highest)
