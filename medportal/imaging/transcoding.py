"""An object in explicit little endian, which every reader takes (PS3.5 A.2): its header kept, its frames decoded."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from medportal.errors import TooLargeError
from medportal.imaging.decoder import Decoder
from medportal.imaging.frames import PixelDescription
from medportal.imaging.stacks import FrameSource, decode_source
from medportal.imaging.uids import COMPRESSED, EXPLICIT_BE, NATIVE

# All frames of an object are in memory at once.
DECODED_BYTES = 256 * 1024 * 1024
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002)


def can_be_explicit(transfer_syntax_uid: str, bits_allocated: int | None) -> bool:
    """Say whether an object can be written so: big-endian tables and compressed single bits are left as they are."""
    if transfer_syntax_uid in NATIVE:
        return transfer_syntax_uid != EXPLICIT_BE
    return transfer_syntax_uid in COMPRESSED and bits_allocated != 1


def to_explicit(path: Path, sources: Sequence[FrameSource], decoder: Decoder) -> bytes:
    """Return a stored object as a file in explicit little endian.

    Raises TooLargeError `too_many_frames`, or what decoding raises. The object has been read by `headers` before, so
    that pydicom may read it now.
    """
    ds = dcmread(path, force=True)
    if sources and not sources[0].pixel.is_native:
        _put_frames(ds, sources, decoder)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = BytesIO()
    dcmwrite(out, ds, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return out.getvalue()


def _put_frames(ds: Dataset, sources: Sequence[FrameSource], decoder: Decoder) -> None:
    pixel = sources[0].pixel
    if pixel.frame_bytes * len(sources) > DECODED_BYTES:
        raise TooLargeError("too_many_frames", "The object's frames are too large to be decoded at once.")
    frames = [decode_source(source, decoder) for source in sources]
    data = b"".join(frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes() for frame in frames)
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if frames[0].dtype.itemsize == 1 else "OW"
    ds["PixelData"].is_undefined_length = False
    for tag in _OFFSET_TABLES:
        if tag in ds:
            del ds[tag]
    _describe(ds, pixel, frames[0].dtype)


def _describe(ds: Dataset, pixel: PixelDescription, dtype: np.dtype[np.generic]) -> None:
    """Let the header say how the frames now lie: codecs give colour as RGB, pixel by pixel."""
    ds.BitsAllocated = dtype.itemsize * 8
    if pixel.samples_per_pixel > 1:
        ds.PlanarConfiguration = 0
        ds.PhotometricInterpretation = "RGB"
