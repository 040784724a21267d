"""What an image looks like, roughly, in twice 64 bits: near-duplicates have nearly the same (dHash, N. Krawetz 2013).

Along the rows alone, 64 bits take unlike chest X-rays for one another: of 2,858 pairs of PneumoniaMNIST within two bits
28 were the same picture. With the same hash along the columns beside it, all 28 that were found were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Bits of each 64 in which two pictures of the same thing may differ (recompressed, scaled, a little brighter).
NEAR = 2
# Correlation of two pictures of 32 × 32, above which they are one image recompressed, scaled, shifted or turned by a
# little (0.992 and more); of heads drawn alike with other insides, whose hashes are near, it was 0.95 (at most 0.990).
SAME = 0.991
_SIDE, _SMALL = 8, 32
_ROWS_AT_ONCE = 256
Block = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]


def picture_hash(picture: NDArray[np.generic]) -> str:
    """Return 32 hexadecimal digits of a picture (row, column) or (row, column, 3).

    The first 16 say of each of 8 × 8 cells whether its right neighbour is brighter, the others whether its lower one is.
    """
    grey = picture.mean(axis=2) if picture.ndim == 3 else picture
    image = Image.fromarray(np.ascontiguousarray(grey, np.float32))
    wide = np.asarray(image.resize((_SIDE + 1, _SIDE), Image.Resampling.BOX))
    high = np.asarray(image.resize((_SIDE, _SIDE + 1), Image.Resampling.BOX))
    bits = np.packbits(np.stack([wide[:, 1:] > wide[:, :-1], high[1:] > high[:-1]]))
    return bits.tobytes().hex()


def small_picture(picture: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return a picture as `correlations` compares it: 1,024 values, from its darkest to its brightest."""
    grey = picture.mean(axis=2) if picture.ndim == 3 else picture
    image = Image.fromarray(np.ascontiguousarray(grey, np.float32))
    values = np.asarray(image.resize((_SMALL, _SMALL), Image.Resampling.BOX)).reshape(-1)
    low, high = float(values.min()), float(values.max())
    return np.asarray(np.rint((values - low) * (255 / ((high - low) or 1.0))), np.uint8)


def correlations(
    pictures: NDArray[np.uint8], i: NDArray[np.int64], j: NDArray[np.int64], at_once: int = 20_000
) -> NDArray[np.float32]:
    """Return how alike the small pictures of each pair are, −1…1; 0 where one is even.

    Above `SAME` they are of one image, changed a little.
    """
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(i), at_once):
        one, other = (_of_length_one(pictures[side[start : start + at_once]]) for side in (i, j))
        found.append(np.einsum("nk,nk->n", one, other))
    return np.concatenate(found)


def _of_length_one(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pictures of mean 0 and length 1, or of zeros."""
    values = pictures.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(lengths > 0, lengths, 1), np.float32)


def shown_slices(number_of_slices: int) -> list[int]:
    """Return the slices by which a stack is known: its only one, or those at a quarter, a half and three quarters."""
    return sorted({number_of_slices * quarter // 4 for quarter in (1, 2, 3)})


def stack_hashes(array: NDArray[np.generic]) -> list[str]:
    """Return the hashes of a stack (slice, row, column[, 3])."""
    return [picture_hash(array[index]) for index in shown_slices(len(array))]


def same_places(hashes: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the places of each stack that there is, those of the same hashes together; those of none are left out."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(hashes):
        if one:
            places.setdefault(tuple(one), []).append(place)
    return list(places.values())


def near_blocks(
    hashes: Sequence[Sequence[str]], distance: int = NEAR, *, check: Callable[[], None] | None = None
) -> Iterator[Block]:
    """Yield (i, j, bits that differ), i < j, of stacks that look alike, many at once.

    Each of their slices is within `distance` of its counterpart. Stacks with another number of hashes, and those with
    none, are like no other. Takes n²/2 comparisons of some nanoseconds each; `check` is called between blocks and may
    raise to stop.
    """
    for length in sorted({len(one) for one in hashes} - {0}):
        index = np.asarray([i for i, one in enumerate(hashes) if len(one) == length], np.int64)
        raw = b"".join(bytes.fromhex(text) for i in index for text in hashes[i])
        codes = np.frombuffer(raw, np.uint64).reshape(len(index), 2 * length)
        for start in range(0, len(index), _ROWS_AT_ONCE):
            if check is not None:
                check()
            rows = codes[start : start + _ROWS_AT_ONCE]
            worst = np.zeros((len(rows), len(codes) - start), np.uint8)
            for column in range(codes.shape[1]):
                different = np.bitwise_count(rows[:, None, column] ^ codes[None, start:, column])
                np.maximum(worst, different, out=worst)
            i, j = np.nonzero(np.triu(worst <= distance, 1))
            yield index[start + i], index[start + j], worst[i, j]


def near_pairs(
    hashes: Sequence[Sequence[str]], distance: int = NEAR, *, check: Callable[[], None] | None = None
) -> Iterator[tuple[int, int, int]]:
    """Yield the pairs of `near_blocks` one by one: of many stacks alike, give those of one hash once (`same_places`)."""
    for i, j, bits in near_blocks(hashes, distance, check=check):
        yield from zip(i.tolist(), j.tolist(), bits.tolist(), strict=True)
