"""Near-duplicates are found, and other pictures are not taken for them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from medportal.imaging.perceptual import near_blocks, near_pairs, picture_hash, same_places, shown_slices, stack_hashes


def picture(seed: int, side: int = 64) -> np.ndarray:
    """Something smooth, as images are."""
    field = gaussian_filter(np.random.default_rng(seed).normal(0, 1, (side, side)), 5)
    low, high = field.min(), field.max()
    return ((field - low) / (high - low) * 255).astype(np.uint8)


def test_what_was_compressed_scaled_or_brightened_is_near() -> None:
    array = picture(0)
    out = io.BytesIO()
    Image.fromarray(array).save(out, "JPEG", quality=80)
    changed = [
        np.asarray(Image.open(out)),
        np.asarray(Image.fromarray(array).resize((48, 48), Image.Resampling.BILINEAR)),
        np.clip(array * 0.8 + 20, 0, 255).astype(np.uint8),
        np.repeat(array[..., None], 3, axis=2),
    ]
    hashes = [[picture_hash(one)] for one in (array, *changed)]
    assert {(i, j) for i, j, _ in near_pairs(hashes) if i == 0} == {(0, 1), (0, 2), (0, 3), (0, 4)}


def test_other_pictures_are_not() -> None:
    hashes = [stack_hashes(picture(seed)[None]) for seed in range(300)]
    assert list(near_pairs(hashes)) == []
    hashes += [hashes[7]]
    assert list(near_pairs(hashes)) == [(7, 300, 0)]


def test_stacks_are_compared_slice_by_slice() -> None:
    assert [shown_slices(number) for number in (1, 2, 3, 4, 100)] == [[0], [0, 1], [0, 1, 2], [1, 2, 3], [25, 50, 75]]
    stack = np.stack([picture(seed) for seed in range(8)])
    other = stack.copy()
    other[4] = picture(99)
    hashes = [stack_hashes(one) for one in (stack, other, stack[::-1], stack, stack[:1])]
    assert list(near_pairs([*hashes, []])) == [(0, 3, 0)]


def test_the_same_hash_is_compared_once_and_comparing_can_be_stopped() -> None:
    black = stack_hashes(np.zeros((1, 32, 32)))
    assert same_places([black, [], stack_hashes(picture(1)[None]), black]) == [[0, 3], [2]]
    calls: list[int] = []
    assert list(near_pairs([black, black], check=lambda: calls.append(1))) == [(0, 1, 0)]
    assert len(calls) == 1
    (block,) = near_blocks([black] * 3)
    assert [part.tolist() for part in block] == [[0, 0, 1], [1, 2, 2], [0, 0, 0]]
