"""Compressed frames to arrays with imagecodecs; runs only in the decoder child, since codecs are C and frames hostile."""

from __future__ import annotations

from collections.abc import Callable

import imagecodecs
import numpy as np

from medportal.errors import InvalidError
from medportal.imaging.frames import Array, PixelDescription, ybr_to_rgb
from medportal.imaging.uids import RLE

_JPEG = "1.2.840.10008.1.2.4."


def _rle(data: bytes, pixel: PixelDescription) -> Array:
    """RLE Lossless (PS3.5 G): planes of bytes, the most significant first."""
    shape = (pixel.samples_per_pixel, pixel.rows, pixel.columns)
    expected = int(np.prod(shape)) * pixel.dtype.itemsize
    raw = imagecodecs.dicomrle_decode(data, pixel.dtype)
    planes = np.frombuffer(raw, pixel.dtype)
    if planes.nbytes < expected:
        raise InvalidError("decoding", "The RLE frame is shorter than its description says.")
    planes = planes[: int(np.prod(shape))].reshape(shape)
    return planes[0] if pixel.samples_per_pixel == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))


def _jpeg(data: bytes, pixel: PixelDescription) -> Array:
    """JPEG of 8 or 12 bits; the colour space stays as it is stored."""
    if pixel.samples_per_pixel == 1:
        return imagecodecs.jpeg_decode(data)  # type: ignore[no-any-return]
    space = "rgb" if pixel.photometric_interpretation == "RGB" else "ycbcr"
    return imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="rgb")  # type: ignore[no-any-return]


def _jpeg_lossless(data: bytes, pixel: PixelDescription) -> Array:
    """JPEG lossless, processes 14 and 14 SV1."""
    return imagecodecs.jpeg_decode(data)  # type: ignore[no-any-return]


DECODERS: dict[str, Callable[[bytes, PixelDescription], Array]] = {
    RLE: _rle,
    _JPEG + "50": _jpeg,
    _JPEG + "51": _jpeg,
    _JPEG + "57": _jpeg_lossless,
    _JPEG + "70": _jpeg_lossless,
    _JPEG + "80": lambda data, _: imagecodecs.jpegls_decode(data),
    _JPEG + "81": lambda data, _: imagecodecs.jpegls_decode(data),
    _JPEG + "90": lambda data, _: imagecodecs.jpeg2k_decode(data),
    _JPEG + "91": lambda data, _: imagecodecs.jpeg2k_decode(data),
    _JPEG + "201": lambda data, _: imagecodecs.jpeg2k_decode(data),
    _JPEG + "202": lambda data, _: imagecodecs.jpeg2k_decode(data),
    _JPEG + "203": lambda data, _: imagecodecs.jpeg2k_decode(data),
    _JPEG + "110": lambda data, _: imagecodecs.jpegxl_decode(data),
    _JPEG + "111": lambda data, _: imagecodecs.jpegxl_decode(data),
    _JPEG + "112": lambda data, _: imagecodecs.jpegxl_decode(data),
}


def decode_compressed(data: bytes, pixel: PixelDescription) -> Array:
    """Return a compressed frame as (rows, columns) or (rows, columns, 3).

    Raises InvalidError `decoding` when the codec refuses it or gives another shape than the header promises.
    """
    decoder = DECODERS.get(pixel.transfer_syntax_uid)
    if decoder is None:
        raise InvalidError("transfer_syntax", "There is no decoder here for this object's transfer syntax.")
    try:
        frame = np.asarray(decoder(data, pixel))
    except InvalidError:
        raise
    except Exception as error:
        raise InvalidError("decoding", f"The frame cannot be decoded ({type(error).__name__}).") from error
    if frame.shape[:2] != (pixel.rows, pixel.columns) or frame.ndim not in (2, 3):
        raise InvalidError("decoding", "The decoded frame has another size than its header says.")
    if pixel.transfer_syntax_uid == RLE and pixel.photometric_interpretation.startswith("YBR_FULL"):
        return ybr_to_rgb(frame)
    # Codecs give the bits as unsigned; the header knows the sign (PS3.5 8.2).
    return _signed(frame, pixel)


def _signed(frame: Array, pixel: PixelDescription) -> Array:
    if not pixel.is_signed or pixel.samples_per_pixel != 1:
        return frame.astype(pixel.dtype, copy=False) if pixel.samples_per_pixel == 1 else frame
    wide = frame.astype(np.int64)
    if frame.dtype.kind == "u":
        wide = np.where(wide >= 1 << (pixel.bits_stored - 1), wide - (1 << pixel.bits_stored), wide)
    return wide.astype(pixel.dtype)
