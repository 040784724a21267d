"""From values to grey: VOI window (PS3.3 C.11.2), and the small picture of a series."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medportal.imaging.frames import Array


def apply_window(frame: Array, centre: float, width: float) -> NDArray[np.uint8]:
    """Map values linearly to 0…255 by the LINEAR function of PS3.3 C.11.2.1.2.1."""
    values = frame.astype(np.float32)
    width = max(width, 1.0)
    scaled = ((values - (centre - 0.5)) / max(width - 1.0, 1e-6) + 0.5) * 255
    return np.clip(scaled, 0, 255).astype(np.uint8)


def auto_window(frame: Array) -> tuple[float, float]:
    """Return (centre, width) that shows all but the outermost 1 % of the values."""
    low, high = np.percentile(frame, (1, 99))
    return float(low + high) / 2, float(max(high - low, 1))


def thumbnail_jpeg(grey_or_rgb: NDArray[np.uint8], size: int = 192) -> bytes:
    """Return a JPEG whose longer side is `size` pixels."""
    picture = Image.fromarray(np.ascontiguousarray(grey_or_rgb))
    picture.thumbnail((size, size), Image.Resampling.BILINEAR)
    out = BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()
