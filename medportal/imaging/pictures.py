"""PNG, JPEG, BMP, TIFF and GIF files as arrays: the size is bounded here, the pixels are decoded in the limited child."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.decoder import Decoder
from medportal.imaging.frames import PixelDescription
from medportal.imaging.limits import DEFAULT_LIMITS, MIB
from medportal.imaging.picture_codec import FORMATS, PICTURE

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif"})
_GREY_MODES, _WIDE_MODES = ("1", "L", "LA", "La"), ("I;16", "I;16B", "I;16L", "I;16N", "I")


def read_picture(data: bytes, decoder: Decoder) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return a picture file as (row, column) or (row, column, 3).

    Eight bits, but for grey pictures of more. Colour whose three channels are equal everywhere is grey; transparency
    is dropped. Raises InvalidError `picture` where it is no picture or broken, TooLargeError `pixel_limit`, and what
    the decoder raises.
    """
    mode, rows, columns, _ = _described(data)
    samples = 1 if mode in _GREY_MODES + _WIDE_MODES else 3
    array: Any = _decoded(data, decoder, rows, columns, samples=samples, bits=16 if mode in _WIDE_MODES else 8)
    is_grey = samples == 3 and bool((array == array[..., :1]).all())
    return np.ascontiguousarray(array[..., 0]) if is_grey else array


@dataclass(frozen=True)
class LabelPicture:
    """A picture that is a mask."""

    # Its numbers as (row, column); (row, column, 3) where it is in colour.
    array: NDArray[np.uint8] | NDArray[np.uint16]
    # They went through a codec that does not keep them.
    is_lossy: bool
    # They are indices of colours.
    is_palette: bool


def read_label_picture(data: bytes, decoder: Decoder) -> LabelPicture:
    """Return a picture that is a mask. Raises as `read_picture`.

    A palette picture is its indices; but where black, which is the background, stands at another place than the first
    (and always in GIF, whose writers order colours as they like) it is its colours.
    """
    mode, rows, columns, palette = _described(data)
    is_lossy = data[:2] == b"\xff\xd8"
    if mode == "P" and data[:3] != b"GIF":
        indices = _decoded(data, decoder, rows, columns, samples=1, bits=8, is_index=True)
        if not _has_black_elsewhere(palette, np.unique(indices)):
            return LabelPicture(indices.astype(np.uint16), is_lossy, is_palette=True)
    return LabelPicture(read_picture(data, decoder), is_lossy, is_palette=False)


def _has_black_elsewhere(palette: bytes, used: NDArray[np.uint8]) -> bool:
    colours = {index: palette[3 * index : 3 * index + 3] for index in used.tolist()}
    return bytes(3) in colours.values() and palette[:3] not in (b"", bytes(3))


def _described(data: bytes) -> tuple[str, int, int, bytes]:
    """Return (Pillow's mode, rows, columns, its palette as red, green, blue, … or nothing) from a picture's header."""
    try:
        with warnings.catch_warnings():
            # Our own limit follows.
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                mode, (columns, rows) = image.mode, image.size
                table = image.palette
                palette = bytes(table.palette) if table and table.rawmode in (None, "RGB") else b""
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:
        # Pillow raises a dozen kinds on what is broken.
        raise InvalidError(
            "picture", "It is no PNG, JPEG, BMP, TIFF or GIF picture, or its header is broken."
        ) from error
    # Pillow holds colour in four bytes, and the array beside it.
    if rows * columns * 4 > DEFAULT_LIMITS.decoded_frame_bytes:
        raise _too_large()
    if mode == "F" or not rows or not columns:
        raise InvalidError("picture", f"A picture of mode {mode} is not read here.")
    return mode, rows, columns, palette


def _too_large() -> TooLargeError:
    limit = DEFAULT_LIMITS.decoded_frame_bytes // MIB
    return TooLargeError("pixel_limit", f"The picture decodes to more than {limit} MB.")


def _decoded(
    data: bytes, decoder: Decoder, rows: int, columns: int, *, samples: int, bits: int, is_index: bool = False
) -> Any:
    pixel = PixelDescription(
        transfer_syntax_uid=PICTURE,
        rows=rows,
        columns=columns,
        number_of_frames=1,
        samples_per_pixel=samples,
        photometric_interpretation="PALETTE COLOR" if is_index else "RGB" if samples == 3 else "MONOCHROME2",
        planar_configuration=0,
        bits_allocated=bits,
        bits_stored=bits,
        is_signed=False,
    )
    try:
        return decoder.decode(data, pixel)
    except InvalidError as error:
        raise InvalidError("picture", "The picture is broken or cut short.") from error
