"""Augmentation by MONAI: scale, crop (shift), rotate, flip, intensity, elastic deformation, mosaic."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.transforms import (
    Compose,
    Rand2DElastic,
    RandAdjustContrast,
    RandAffine,
    RandFlip,
    RandScaleIntensity,
    RandShiftIntensity,
)
from torch import Tensor


def augmentation(config: dict[str, Any], seed: int) -> Compose:
    """Return the random transforms that a configuration asks for; a sample is (channels, rows, columns) in 0…1."""
    angle = np.deg2rad(config["rotate_degrees"])
    shift = config["crop_fraction"] * config["size"]
    zoom, change = config["scale_fraction"], config["intensity"]
    steps: list[Any] = [
        RandAffine(
            prob=0.8,
            rotate_range=angle,
            translate_range=(shift, shift),
            scale_range=(zoom, zoom),
            padding_mode="zeros",
            mode="bilinear",
            cache_grid=True,
            spatial_size=(config["size"], config["size"]),
        )
    ]
    if config["flip"]:
        # Columns run from the patient's right to left.
        steps.append(RandFlip(prob=0.5, spatial_axis=1))
    if config["deform_probability"] > 0:
        steps.append(
            Rand2DElastic(
                spacing=(24, 24), magnitude_range=(0.5, 1.5), prob=config["deform_probability"], padding_mode="zeros"
            )
        )
    if change > 0:
        steps += [
            RandScaleIntensity(factors=change, prob=0.5),
            RandShiftIntensity(offsets=change / 2, prob=0.5),
            RandAdjustContrast(gamma=(1 - change, 1 + change), prob=0.3),
        ]
    composed = Compose(steps)
    composed.set_random_state(seed=seed)
    return composed


def mosaic(images: Tensor, labels: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Replace a quarter of some samples of a batch by that of another sample of the same class.

    `images` is (batch, channels, rows, columns). The quarter is only taken over by samples of the negative class, in
    which no finding can be covered or doubled, so labels stay true.
    """
    negative = torch.nonzero(labels == 0).flatten()
    if probability <= 0 or len(negative) < 2:
        return images
    out = images.clone()
    half = (images.shape[2] // 2, images.shape[3] // 2)
    for index in negative.tolist():
        if torch.rand((), generator=generator) >= probability:
            continue
        other = int(negative[int(torch.randint(len(negative), (), generator=generator))])
        row, column = (int(torch.randint(2, (), generator=generator)) * half[i] for i in (0, 1))
        quarter = (slice(None), slice(row, row + half[0]), slice(column, column + half[1]))
        out[index][quarter] = images[other][quarter]
    return out
