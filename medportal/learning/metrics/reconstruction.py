"""How faithfully an image is given back, and how much smaller it was on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.floating[Any]]


def psnr(image: Image, restored: Image, *, value_range: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio in dB, of any shape; infinite for equal images."""
    error = float(((np.asarray(image, np.float64) - restored) ** 2).mean())
    return float(np.inf) if error == 0 else float(10 * np.log10(value_range**2 / error))


def ssim(image: Image, restored: Image, *, value_range: float = 1.0, sigma: float = 1.5) -> float:
    """Return the structural similarity of two planes (rows, columns): Wang et al. 2004, with its 11×11 Gaussian window.

    The mean over all places; beyond its edges the image is mirrored.
    """
    first, second = np.asarray(image, np.float64), np.asarray(restored, np.float64)
    blurred = [_blur(one, sigma) for one in (first, second, first**2, second**2, first * second)]
    mean_1, mean_2, square_1, square_2, product = blurred
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    shared = product - mean_1 * mean_2
    spread = square_1 - mean_1**2 + square_2 - mean_2**2
    index = ((2 * mean_1 * mean_2 + c1) * (2 * shared + c2)) / ((mean_1**2 + mean_2**2 + c1) * (spread + c2))
    return float(index.mean())


def _blur(plane: Image, sigma: float) -> Image:
    blurred: Image = ndimage.gaussian_filter(plane, sigma, radius=5, mode="mirror")
    return blurred


def compression_ratio(
    sample_shape: tuple[int, ...], code_shape: tuple[int, ...], *, sample_bits: int = 8, code_bits: int = 32
) -> float:
    """Return how many times the code is smaller than the image, bit for bit."""
    return float(np.prod(sample_shape) * sample_bits / (np.prod(code_shape) * code_bits))
