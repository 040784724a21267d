"""From the bytes of a frame to an array: native frames by numpy; compressed ones by codecs (in a child process)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.uids import EXPLICIT_BE, NATIVE

Array = NDArray[np.generic]


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

    @property
    def is_native(self) -> bool:
        """Whether the pixels lie in the file uncompressed."""
        return self.transfer_syntax_uid in NATIVE

    @property
    def samples_stored(self) -> float:
        """Samples stored for each pixel: two in 4:2:2 (PS3.3 C.7.6.3.1.2)."""
        return 2 if self.photometric_interpretation == "YBR_FULL_422" and self.is_native else self.samples_per_pixel

    @property
    def frame_bytes(self) -> int:
        """Length of a native frame."""
        return int(self.rows * self.columns * self.samples_stored * self.bits_allocated) // 8

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of a decoded sample, in this machine's byte order."""
        if self.is_float:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.is_signed else 'u'}{max(self.bits_allocated, 8) // 8}")


def decode_native(data: bytes, pixel: PixelDescription) -> Array:
    """Return a native frame as (rows, columns) or (rows, columns, samples).

    Sign is extended from BitsStored, planes are interleaved, 4:2:2 is widened; colours stay in their colour space.
    Raises InvalidError `truncated` for too few bytes.
    """
    if len(data) < pixel.frame_bytes:
        raise InvalidError("truncated", "The frame has fewer bytes than its description says.")
    if pixel.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[: pixel.rows * pixel.columns].reshape(pixel.rows, pixel.columns)
    order = ">" if pixel.transfer_syntax_uid == EXPLICIT_BE else "<"
    flat = np.frombuffer(data, pixel.dtype.newbyteorder(order), count=pixel.frame_bytes * 8 // pixel.bits_allocated)
    flat = flat.astype(pixel.dtype, copy=False)
    if pixel.samples_per_pixel == 1:
        return _within_stored_bits(flat.reshape(pixel.rows, pixel.columns), pixel)
    if pixel.photometric_interpretation == "YBR_FULL_422":
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
    shifted = np.left_shift(array, np.asarray(unused, array.dtype))  # type: ignore[arg-type]
    return np.right_shift(shifted, np.asarray(unused, array.dtype))  # type: ignore[no-any-return]


def _widen_422(flat: Array, pixel: PixelDescription) -> Array:
    """Y1 Y2 Cb Cr for each pair of pixels → Y Cb Cr for each pixel (PS3.3 C.7.6.3.1.2)."""
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
    return np.clip(np.stack([red, green, blue], axis=-1).round(), 0, 255).astype(np.uint8)


def palette_to_rgb(frame: Array, tables: list[Array], first_value: int) -> NDArray[np.uint8]:
    """Look a PALETTE COLOR frame up in its three tables (PS3.3 C.7.6.3.1.5), 16-bit tables cut to 8 bits."""
    size = len(tables[0])
    index = np.clip(frame.astype(np.int64) - first_value, 0, size - 1)
    rgb = np.stack([table[index] for table in tables], axis=-1)
    return (rgb >> 8).astype(np.uint8) if rgb.dtype.itemsize > 1 else rgb.astype(np.uint8)  # type: ignore[operator]
