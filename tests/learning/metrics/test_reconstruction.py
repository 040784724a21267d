"""Reconstruction against torchmetrics and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from medportal.learning.metrics.reconstruction import compression_ratio, psnr, ssim


def test_both_measures_are_those_of_torchmetrics() -> None:
    rng = np.random.default_rng(0)
    image = np.clip(np.cumsum(rng.normal(0, 0.05, (40, 50)), axis=1) + 0.5, 0, 1)
    restored = np.clip(image + rng.normal(0, 0.05, image.shape), 0, 1)
    one, other = (torch.tensor(plane)[None, None] for plane in (restored, image))

    assert psnr(image, restored) == pytest.approx(float(peak_signal_noise_ratio(one, other, data_range=1.0)))
    theirs = structural_similarity_index_measure(one, other, data_range=1.0)
    assert ssim(image, restored) == pytest.approx(float(theirs), abs=1e-6)


def test_equal_images_are_as_like_as_can_be() -> None:
    image = np.random.default_rng(0).random((8, 8))

    assert psnr(image, image) == np.inf
    assert ssim(image, image) == pytest.approx(1)


def test_a_code_is_counted_in_bits() -> None:
    assert compression_ratio((1, 64, 64), (16, 4, 4), sample_bits=16, code_bits=32) == 8
