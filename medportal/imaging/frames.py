"""From the bytes of a frame to an array: native frames by numpy; compressed ones by codecs (in a child process)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.uids import EXPLICIT_BE, NATIVE

Array = NDArray[Any]


@dataclass(frozen=True)
class PixelDescription:
    """The Image Pixel Module (PS3.3 C.7.6.3) of an object, checked."""

    transfer_syntax_uid: str
    rows: int
    columns: int
    number_of_frames: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    is_float: bool = False
    # Samples of a byte that lie in big-endian words, so that each pair of them is turned round (PS3.5 8.1.2).
    is_swapped: bool = False

    @property
    def is_native(self) -> bool:
        """Whether the pixels lie in the file uncompressed."""
        return self.transfer_syntax_uid in NATIVE

    @property
    def frame_bits(self) -> int:
        """Length of a native frame in bits; 4:2:2 stores two samples for each pixel (PS3.3 C.7.6.3.1.2)."""
        is_422 = self.photometric_interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422") and self.is_native
        return self.rows * self.columns * (2 if is_422 else self.samples_per_pixel) * self.bits_allocated

    @property
    def frame_bytes(self) -> int:
        """Length of a native frame in bytes."""
        return (self.frame_bits + 7) // 8

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of a decoded sample, in this machine's byte order."""
        if self.is_float:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.is_signed else 'u'}{max(self.bits_allocated, 8) // 8}")


def decode_native(data: bytes, pixel: PixelDescription, number: int = 1) -> Array:
    """Return a native frame as (rows, columns) or (rows, columns, samples).

    `number` is the frame's, from 1: frames of single bits may begin within a byte (PS3.5 8.1.1). Sign is extended from
    BitsStored, planes are interleaved, 4:2:2 is widened; colours stay in their colour space.
    Raises InvalidError `truncated` for too few bytes.
    """
    if len(data) < pixel.frame_bytes:
        raise InvalidError("truncated", "The frame has fewer bytes than its description says.")
    first_bit = (number - 1) * pixel.frame_bits % (16 if pixel.is_swapped else 8)
    if pixel.is_swapped:
        # The range begins with a whole word; one byte of the frame before may be in it.
        data = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap().tobytes()[first_bit // 8 :]
    if pixel.bits_allocated == 1:
        return unpack_bits(data, pixel, first_bit % 8)
    order: Literal[">", "<"] = ">" if pixel.transfer_syntax_uid == EXPLICIT_BE else "<"
    flat = np.frombuffer(data, pixel.dtype.newbyteorder(order), count=pixel.frame_bits // pixel.bits_allocated)
    return arranged(flat.astype(pixel.dtype, copy=False), pixel)


def unpack_bits(data: bytes | bytearray, pixel: PixelDescription, first_bit: int = 0) -> Array:
    """Return a frame of single bits as zeros and ones of shape (rows, columns)."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    frame = bits[first_bit : first_bit + pixel.rows * pixel.columns]
    return frame.reshape(pixel.rows, pixel.columns)


def arranged(flat: Array, pixel: PixelDescription) -> Array:
    """Return a frame's samples, as they lie in the file, as (rows, columns) or (rows, columns, samples)."""
    if pixel.samples_per_pixel == 1:
        return _within_stored_bits(flat.reshape(pixel.rows, pixel.columns), pixel)
    if pixel.photometric_interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422") and pixel.is_native:
        return _widen_422(flat, pixel)
    if pixel.planar_configuration == 1:
        planes = flat.reshape(pixel.samples_per_pixel, pixel.rows, pixel.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    return flat.reshape(pixel.rows, pixel.columns, pixel.samples_per_pixel)


def _within_stored_bits(array: Array, pixel: PixelDescription) -> Array:
    """Drop what lies above BitsStored (overlays of old), keeping the sign (PS3.5 8.1.1)."""
    unused = pixel.bits_allocated - pixel.bits_stored
    if pixel.is_float or not 0 < unused < pixel.bits_allocated:
        return array
    bits = np.asarray(unused, array.dtype)
    kept: Array = np.right_shift(np.left_shift(array, bits), bits)
    return kept


def _widen_422(flat: Array, pixel: PixelDescription) -> Array:
    """Y1 Y2 Cb Cr for each pair of pixels → Y Cb Cr for each pixel (PS3.3 C.7.6.3.1.2)."""
    if pixel.columns % 2:
        raise InvalidError("dimensions", "A frame in 4:2:2 needs an even number of columns.")
    quads = flat.reshape(pixel.rows, pixel.columns // 2, 4)
    out = np.empty((pixel.rows, pixel.columns, 3), flat.dtype)
    out[:, 0::2, 0], out[:, 1::2, 0] = quads[..., 0], quads[..., 1]
    out[..., 1] = np.repeat(quads[..., 2], 2, axis=1)
    out[..., 2] = np.repeat(quads[..., 3], 2, axis=1)
    return out


def ybr_to_rgb(frame: Array) -> NDArray[np.uint8]:
    """Turn YBR_FULL (PS3.3 C.7.6.3.1.2) of shape (rows, columns, 3), 8 bits, into RGB."""
    y, cb, cr = (frame[..., i].astype(np.float32) for i in range(3))
    red = y + 1.402 * (cr - 128)
    green = y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)
    blue = y + 1.772 * (cb - 128)
    rgb: NDArray[np.uint8] = np.clip(np.stack([red, green, blue], axis=-1).round(), 0, 255).astype(np.uint8)
    return rgb


def palette_to_rgb(frame: Array, tables: list[Array], first_value: int) -> NDArray[np.uint8]:
    """Look a PALETTE COLOR frame up in its three tables (PS3.3 C.7.6.3.1.5), 16-bit tables cut to 8 bits."""
    size = len(tables[0])
    index = np.clip(frame.astype(np.int64) - first_value, 0, size - 1)
    rgb = np.stack([table[index] for table in tables], axis=-1)
    return (rgb >> 8).astype(np.uint8) if rgb.dtype.itemsize > 1 else rgb.astype(np.uint8)
