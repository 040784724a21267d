"""Run a generator: images of a class out of chance, marked nowhere but where they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.inference.manifest import GenerationOutput
from medportal.inference.session import Session

BATCH = 16


def generate(session: Session, *, count: int, seed: int, label: str | None = None) -> Iterator[NDArray[np.float32]]:
    """Yield `count` images (channels, rows, columns) in 0…1; the same seed gives the same images.

    Raises InvalidError `package_does_not_fit` for a model that generates nothing, or knows no such class.
    """
    manifest = session.package.manifest
    if not isinstance(manifest.output, GenerationOutput):
        raise InvalidError("package_does_not_fit", "This model does not generate images.")
    classes = list(manifest.classes)
    if label is not None and label not in classes:
        raise InvalidError("package_does_not_fit", f"The model knows no class {label!r}.")
    rng = np.random.default_rng(seed)
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        latent = rng.standard_normal((size, manifest.output.latent)).astype(np.float32)
        wanted = np.eye(max(len(classes), 1), dtype=np.float32)[
            [classes.index(label) if label is not None else (start + i) % max(len(classes), 1) for i in range(size)]
        ]
        yield from np.clip(session.run(latent, wanted)["image"], 0, 1)
