"""How much of anything a DICOM object may claim before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on what arrives; each refusal names the one that was passed."""

    # Deflated objects may inflate to this much, in bytes.
    inflated_bytes: int = 256 * 1024 * 1024
    # Sequences within sequences.
    nesting: int = 100
    # Elements in the whole object, items included.
    elements: int = 250_000
    # All that is not pixel data, in bytes.
    header_bytes: int = 64 * 1024 * 1024
    # Rows or Columns, and pixels of one frame.
    side: int = 65_535
    frame_pixels: int = 200_000_000
    frames: int = 200_000


DEFAULT_LIMITS = Limits()
