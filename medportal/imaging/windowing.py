"""From values to grey: VOI window (PS3.3 C.11.2), and the small picture of a series."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medportal.imaging.attributes import Attributes
from medportal.imaging.frames import Array
from medportal.imaging.geometry import Plane


@dataclass(frozen=True)
class Voi:
    """How an object wants its values seen: a window with its function, or a table (PS3.3 C.11.2)."""

    centre: float
    width: float
    function: str = "LINEAR"


# Windows by what is looked at, for CT in Hounsfield units: (centre, width).
CT_PRESETS = {
    "lung": Voi(-600, 1500),
    "mediastinum": Voi(40, 400),
    "bone": Voi(400, 1800),
    "brain": Voi(40, 80),
    "abdomen": Voi(60, 400),
}


def voi_of(attributes: Attributes) -> Voi | None:
    """Return the first window that a header asks for, None where it asks for none."""
    centres, widths = attributes.values("WindowCenter"), attributes.values("WindowWidth")
    centre = centres[0] if centres and isinstance(centres[0], int | float) else None
    width = widths[0] if widths and isinstance(widths[0], int | float) else None
    if centre is None or width is None or width <= 0:
        return None
    return Voi(float(centre), float(width), attributes.text("VOILUTFunction", 16) or "LINEAR")


def apply_window(values: Array, voi: Voi) -> NDArray[np.uint8]:
    """Map modality values to 0…255 by the functions of PS3.3 C.11.2.1.2.1 and C.11.2.1.3."""
    x = values.astype(np.float32)
    if voi.function == "SIGMOID":
        y = 1 / (1 + np.exp(np.clip(-4 * (x - voi.centre) / voi.width, -50, 50)))
    elif voi.function == "LINEAR_EXACT":
        y = (x - voi.centre) / voi.width + 0.5
    else:
        y = (x - (voi.centre - 0.5)) / max(voi.width - 1, 1e-6) + 0.5
    grey: NDArray[np.uint8] = (np.clip(y, 0, 1) * 255).round().astype(np.uint8)
    return grey


def auto_window(values: Array) -> Voi:
    """Return the window that shows all but the outermost 1 % of the values."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0, 1)
    return Voi(float(low + high) / 2, float(max(high - low, 1e-6)), "LINEAR_EXACT")


def to_grey(frame: Array, plane: Plane, attributes: Attributes, photometric_interpretation: str) -> NDArray[np.uint8]:
    """Return a stored grey frame as it is meant to be seen: modality line, window, MONOCHROME1 turned over."""
    values = frame.astype(np.float32) * plane.slope + plane.intercept
    grey = apply_window(values, voi_of(attributes) or auto_window(values))
    return 255 - grey if photometric_interpretation == "MONOCHROME1" else grey


def thumbnail_jpeg(grey_or_rgb: NDArray[np.uint8], size: int = 256) -> bytes:
    """Return a JPEG whose longer side is `size` pixels."""
    picture = Image.fromarray(np.ascontiguousarray(grey_or_rgb))
    picture.thumbnail((size, size), Image.Resampling.BILINEAR)
    out = BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()
