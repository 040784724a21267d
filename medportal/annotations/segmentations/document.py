"""A segmentation's voxels as they travel: a JSON header, then the runs of each frame of each segment, as one zlib stream.

    uint32 n, little endian | n bytes of JSON, UTF-8, filled up with spaces so that 4 + n is a multiple of 4 | runs

The header's `slices` say, in the order in which the runs follow, [segment number, place in `frames`, revision, number
of runs]. A run is two uint32, little endian: where it starts in the frame (row × columns + column), and its length.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError, TooLargeError

MIB = 1024 * 1024
MOST_BYTES = 64 * MIB
MOST_INFLATED = 128 * MIB
MOST_HEADER = 16 * MIB
# What is sent is fetched at once and soon gone: speed counts for more than size.
_LEVEL = 1
Runs = NDArray[np.uint32]


def write(header: dict[str, Any], runs: Sequence[bytes]) -> bytes:
    """Return a document of runs as `SegmentFrame.runs` keeps them."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(4 + len(text)) % 4)
    machine = zlib.compressobj(_LEVEL)
    parts = [machine.compress(len(text).to_bytes(4, "little") + text), machine.compress(b"".join(runs))]
    return b"".join([*parts, machine.flush()])


def read(body: bytes) -> tuple[dict[str, Any], Runs]:
    """Return (header, all runs as (n, 2) of start and length); InvalidError `document`, TooLargeError `too_large`."""
    raw = _inflated(body)
    length = int.from_bytes(raw[:4], "little")
    if len(raw) < 4 or length > min(MOST_HEADER, len(raw) - 4) or (4 + length) % 4:
        raise InvalidError("document", "The document's header is not where it should be.")
    try:
        header = json.loads(raw[4 : 4 + length])
    except (ValueError, RecursionError) as error:
        raise InvalidError("document", "The document's header is no JSON.") from error
    rest = memoryview(raw)[4 + length :]
    if not isinstance(header, dict) or len(rest) % 8:
        raise InvalidError("document", "The document's runs are not whole.")
    return header, np.frombuffer(rest, "<u4").reshape(-1, 2)


def _inflated(body: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        raw = machine.decompress(body, MOST_INFLATED + 1)
    except zlib.error as error:
        raise InvalidError("document", "The document is no zlib stream.") from error
    if len(raw) > MOST_INFLATED:
        raise TooLargeError("too_large", f"A document may hold at most {MOST_INFLATED // MIB} MB.")
    if not machine.eof:
        raise InvalidError("document", "The document is not whole.")
    return raw


def require_sound(runs: Runs, counts: Sequence[int], pixels: int) -> None:
    """Refuse runs that overlap, touch, go back or leave a frame of `pixels`: InvalidError `runs`."""
    if sum(counts) != len(runs):
        raise InvalidError("runs", "The document has not as many runs as its header says.")
    if not len(runs):
        return
    start, length = runs[:, 0].astype(np.int64), runs[:, 1].astype(np.int64)
    end = start + length
    follows = np.ones(len(runs), bool)
    follows[np.cumsum([0, *counts[:-1]])[np.asarray(counts) > 0]] = False
    is_after = np.concatenate([[True], start[1:] > end[:-1]])
    if not ((length > 0) & (end <= pixels) & (is_after | ~follows)).all():
        raise InvalidError("runs", "Runs are in ascending order, do not touch, and lie within the frame.")


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    """Return the runs of a mask (row, column)."""
    flat = np.concatenate([[False], np.asarray(mask, bool).ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1]).reshape(-1, 2)
    return np.stack([edges[:, 0], edges[:, 1] - edges[:, 0]], axis=1).astype("<u4")


def mask_of(runs: Runs | bytes, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return runs as a mask (row, column)."""
    pairs = np.frombuffer(runs, "<u4").reshape(-1, 2) if isinstance(runs, bytes | memoryview) else runs
    steps = np.zeros(rows * columns + 1, np.int8)
    # Runs do not touch: no place is both an end and a start.
    steps[pairs[:, 0]] = 1
    steps[pairs[:, 0].astype(np.int64) + pairs[:, 1]] = -1
    mask: NDArray[np.bool_] = np.cumsum(steps[:-1], dtype=np.int8).astype(bool).reshape(rows, columns)
    return mask
