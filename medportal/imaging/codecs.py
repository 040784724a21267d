"""Compressed frames to arrays with imagecodecs; runs only in the decoder child, since codecs are C and frames hostile."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np

from medportal.errors import InvalidError
from medportal.imaging import uids
from medportal.imaging.frames import Array, PixelDescription, arranged, unpack_bits, ybr_to_rgb
from medportal.imaging.picture_codec import PICTURE, decode_picture

# The codecs of these turn colour into RGB themselves; what the others give is as it was put in (PS3.5 8.2).
_GIVE_RGB = frozenset({uids.JPEG_BASELINE, uids.JPEG_EXTENDED}) | uids.JPEG_XL


def _rle(data: bytes, pixel: PixelDescription) -> Array:
    """RLE Lossless (PS3.5 G): planes of bytes, the most significant first, samples one after another."""
    raw = imagecodecs.dicomrle_decode(data, pixel.dtype)
    if pixel.bits_allocated == 1:
        return _packed(raw, pixel)
    shape = (pixel.samples_per_pixel, pixel.rows, pixel.columns)
    planes = np.frombuffer(raw, pixel.dtype)
    if planes.size < np.prod(shape):
        raise InvalidError("decoding", "The RLE frame is shorter than its description says.")
    planes = planes[: int(np.prod(shape))].reshape(shape)
    return planes[0] if pixel.samples_per_pixel == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))


def _deflated(data: bytes, pixel: PixelDescription) -> Array:
    """Deflated Image Frame Compression (PS3.5 A.4.14): one raw deflate stream for each frame."""
    return _uncompressed(zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, pixel.frame_bytes), pixel)


def _uncompressed(data: bytes, pixel: PixelDescription) -> Array:
    """Native samples in fragments (PS3.5 A.4.11)."""
    if len(data) < pixel.frame_bytes:
        raise InvalidError("decoding", "The frame is shorter than its description says.")
    if pixel.bits_allocated == 1:
        return _packed(data, pixel)
    flat = np.frombuffer(data, pixel.dtype.newbyteorder("<"), count=pixel.frame_bits // pixel.bits_allocated)
    return arranged(flat.astype(pixel.dtype, copy=False), pixel)


def _packed(data: bytes | bytearray, pixel: PixelDescription) -> Array:
    if len(data) < pixel.frame_bytes:
        raise InvalidError("decoding", "The frame is shorter than its description says.")
    return unpack_bits(data, pixel)


def _jpeg(data: bytes, pixel: PixelDescription) -> Array:
    """JPEG of 8 or 12 bits; Photometric Interpretation says whether colour was transformed (PS3.5 8.2.1)."""
    if pixel.samples_per_pixel == 1:
        return imagecodecs.jpeg_decode(data)
    space = "rgb" if pixel.photometric_interpretation == "RGB" else "ycbcr"
    return imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="rgb")


def _one_argument(name: str) -> Callable[[bytes, PixelDescription], Array]:
    codec = getattr(imagecodecs, name)
    return lambda data, _: codec(data)


DECODERS: dict[str, Callable[[bytes, PixelDescription], Array]] = {
    PICTURE: decode_picture,
    uids.RLE: _rle,
    uids.DEFLATED_FRAMES: _deflated,
    uids.ENCAPSULATED_LE: _uncompressed,
    uids.JPEG_BASELINE: _jpeg,
    uids.JPEG_EXTENDED: _jpeg,
    **dict.fromkeys(uids.JPEG_LOSSLESS, _one_argument("jpeg_decode")),
    **dict.fromkeys(uids.JPEG_LS, _one_argument("jpegls_decode")),
    **dict.fromkeys(uids.JPEG_2000 | uids.HTJ2K, _one_argument("jpeg2k_decode")),
    **dict.fromkeys(uids.JPEG_XL, _one_argument("jpegxl_decode")),
}


def decode_compressed(data: bytes, pixel: PixelDescription) -> Array:
    """Return a compressed frame as (rows, columns) of pixel.dtype, or (rows, columns, 3) in RGB.

    Raises InvalidError `decoding` when the codec refuses it or gives another shape than the header promises,
    `transfer_syntax` where there is no codec.
    """
    decoder = DECODERS.get(pixel.transfer_syntax_uid)
    if decoder is None:
        raise InvalidError("transfer_syntax", "There is no decoder here for this object's transfer syntax.")
    try:
        frame = np.asarray(decoder(data, pixel))
    except (InvalidError, MemoryError):
        raise
    except Exception as error:
        raise InvalidError("decoding", f"The frame cannot be decoded ({type(error).__name__}).") from error
    samples = () if pixel.samples_per_pixel == 1 else (pixel.samples_per_pixel,)
    if frame.shape != (pixel.rows, pixel.columns, *samples):
        raise InvalidError("decoding", "The decoded frame has another size than its header says.")
    if not samples:
        return _signed(frame, pixel)
    if pixel.transfer_syntax_uid not in _GIVE_RGB and pixel.photometric_interpretation.startswith("YBR_FULL"):
        return ybr_to_rgb(frame)
    return frame.astype(pixel.dtype, copy=False)


def _signed(frame: Array, pixel: PixelDescription) -> Array:
    """Codecs give the bits as unsigned; the header knows the sign (PS3.5 8.2)."""
    if not pixel.is_signed or frame.dtype.kind != "u" or pixel.bits_allocated == 1:
        return frame.astype(pixel.dtype, copy=False)
    wide = frame.astype(np.int64)
    wide = np.where(wide >= 1 << (pixel.bits_stored - 1), wide - (1 << pixel.bits_stored), wide)
    return wide.astype(pixel.dtype)
