"""Images that look alike are one group; of pictures drawn alike with other insides each stays by itself."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from medportal.cohorts.alike import join_alike
from medportal.imaging.perceptual import near_pairs, small_picture, stack_hashes


def heads(count: int) -> list[Any]:
    """Return ellipses on black of nearly one size and with a hole, each with a texture of its own, as JPEG gives them."""
    rng, (y, x) = np.random.default_rng(1), np.mgrid[:128, :128]
    made = []
    for _ in range(count):
        rows, columns = rng.normal(46, 2.5), rng.normal(38, 2.5)
        texture = gaussian_filter(rng.normal(0, 1, (128, 128)), 4)
        inside = ((y - 64) / rows) ** 2 + ((x - 64) / columns) ** 2 < 1
        image = inside * (120 + 14 * texture / texture.std())
        radius = rng.normal(8, 1.5)
        image[((y - 60) / (radius * 1.6)) ** 2 + ((x - 64) / radius) ** 2 < 1] = 25
        made.append(compressed(image.clip(0, 255).astype(np.uint8), 75))
    return made


def compressed(image: Any, quality: int) -> Any:
    content = BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content))


def changed(image: Any) -> list[Any]:
    """Return an image recompressed, and darker."""
    return [compressed(image, 60), (image * 0.9 + 5).astype(np.uint8)]


def joined(images: list[Any], names: list[str] | None = None) -> list[str]:
    hashes = [stack_hashes(image[None]) for image in images]
    pictures = np.stack([small_picture(image) for image in images])
    return join_alike(names or [f"{k:03}" for k in range(len(images))], hashes, pictures)


def test_a_chain_of_images_drawn_alike_is_no_group_and_copies_are() -> None:
    images = heads(200)
    pairs = [(i, j) for i, j, _ in near_pairs([stack_hashes(image[None]) for image in images])]
    assert len(pairs) > 200
    copies = [copy for image in images[:10] for copy in changed(image)]
    groups = joined(images + copies)
    assert len(set(groups[:200])) >= 198
    assert groups[200:].count("000") == 2
    assert len(set(groups)) <= 205


def test_few_that_look_alike_are_one_group_named_after_the_first() -> None:
    image, other = heads(2)
    noise = np.random.default_rng(3).integers(0, 255, (128, 128)).astype(np.uint8)
    assert joined([image, noise, *changed(image)], ["c", "d", "b", "a"]) == ["a", "d", "a", "a"]
    assert joined([noise], ["x"]) == ["x"]
    # One name is one group, whatever the pictures.
    assert joined([noise, other], ["x", "x"]) == ["x", "x"]
    assert joined([noise, np.zeros_like(noise), np.zeros_like(noise)]) == ["000", "001", "001"]
