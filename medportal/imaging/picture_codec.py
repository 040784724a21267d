"""PNG, JPEG, BMP, TIFF and GIF to arrays with Pillow; runs only in the decoder child, as all that unpacks hostile pixels."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from medportal.errors import InvalidError
from medportal.imaging.frames import Array, PixelDescription

# Of TIFF the first page, of GIF the first frame.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "GIF")
# In the place of a transfer syntax.
PICTURE = "picture"


def decode_picture(data: bytes, pixel: PixelDescription) -> Array:
    """Return the pixels of a picture file as `pixel` wants them; runs in the decoder child."""
    # The size has been bounded by who asks.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        if pixel.bits_allocated == 16:
            wide = np.asarray(image)
            if wide.min() < 0 or wide.max() > 65_535:
                raise InvalidError("decoding", "The picture has more than 16 bits.")
            return wide.astype(np.uint16)
        if pixel.photometric_interpretation == "PALETTE COLOR":
            return np.asarray(image)
        if image.mode == "1":
            return np.asarray(image).astype(np.uint8)
        return np.asarray(image.convert("L" if pixel.samples_per_pixel == 1 else "RGB"))
