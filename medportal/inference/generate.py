"""Run a generator: images of a class out of chance, marked nowhere but where they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.inference.manifest import GenerationOutput, Manifest
from medportal.inference.session import Session, Stop

BATCH = 16


def generate(
    session: Session, *, count: int, seed: int, label: str | None = None, stop: Stop | None = None
) -> Iterator[NDArray[np.float32]]:
    """Yield `count` images (channels, rows, columns) in 0…1; the same seed gives the same images.

    Without a label the classes take turns. Raises InvalidError `package_does_not_fit` as `labels_of`, `model_failed`
    where the network's answer is no images, or `stop` has ended it.
    """
    manifest = session.package.manifest
    numbers, output = labels_of(manifest, count=count, label=label), manifest.output
    assert isinstance(output, GenerationOutput)
    rng, classes = np.random.default_rng(seed), max(len(manifest.classes), 1)
    for start in range(0, count, BATCH):
        wanted = np.eye(classes, dtype=np.float32)[numbers[start : start + BATCH]]
        latent = rng.standard_normal((len(wanted), output.latent)).astype(np.float32)
        images = session.run(latent, wanted, stop=stop)["image"]
        if images.ndim != 4 or images.shape[0] != len(wanted) or images.shape[1] not in (1, 3):
            raise InvalidError("model_failed", "The network's answer is not images, (batch, channels, rows, columns).")
        yield from np.clip(images, 0, 1)


def labels_of(manifest: Manifest, *, count: int, label: str | None = None) -> list[int]:
    """Return the number of the class of each image: the wanted one, or all in turn.

    Raises InvalidError `package_does_not_fit` for a model that generates nothing, or knows no such class.
    """
    if not isinstance(manifest.output, GenerationOutput):
        raise InvalidError("package_does_not_fit", "This model does not generate images.")
    if label is None:
        return [number % max(len(manifest.classes), 1) for number in range(count)]
    if label not in manifest.classes:
        raise InvalidError("package_does_not_fit", f"The model knows no class {label!r}.")
    return [manifest.classes.index(label)] * count
