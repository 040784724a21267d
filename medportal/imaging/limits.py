"""How much of anything a DICOM object may claim before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds on what arrives; each refusal names the one that was passed."""

    # Deflated objects may inflate to this much, in bytes.
    inflated_bytes: int = 128 * MIB
    # Sequences within sequences.
    nesting: int = 100
    # Elements in the whole object, items included, and items of one sequence (per-frame groups excepted).
    elements: int = 500_000
    items: int = 9_999
    # All that is not pixel data, in bytes.
    header_bytes: int = 32 * MIB
    # Rows or Columns, and frames.
    side: int = 65_535
    frames: int = 200_000
    # One frame of pixels that have to be decoded, in bytes.
    decoded_frame_bytes: int = 128 * MIB


DEFAULT_LIMITS = Limits()
