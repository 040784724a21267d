"""Where a series lies among others: the mean of its samples' embeddings, of length 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.inference.manifest import EMBEDDING
from medportal.inference.pieces import Runner, go_on
from medportal.inference.predict import runner_of
from medportal.inference.preprocess import check_fit
from medportal.inference.session import Session

Vector = NDArray[np.float32]
BATCH = 8


def embed(session: Session, volume: Volume, *, check: Callable[[], None] = go_on) -> Vector:
    """Return a series' embedding, shape (values,), of length 1: the mean over its slices, or that of the volume.

    Raises InvalidError `no_embedding` for a package whose network gives none, `package_does_not_fit` and
    `model_failed` as `predict.predict`; and what `check` raises, which is called after each run of the network.
    """
    manifest = session.package.manifest
    if not manifest.has_embedding:
        raise InvalidError("no_embedding", "This model does not say where a series lies among others.")
    check_fit(manifest.input, modality=volume.modality, slices=volume.number_of_slices, colour=volume.is_colour)
    runner = runner_of(session, volume, check)
    total, count = np.zeros(0), 0
    for samples in _batches(runner):
        answer = runner.run(samples)[EMBEDDING]
        if answer.ndim != 2:
            raise InvalidError("model_failed", "The network's embedding is not one vector for each sample.")
        total, count = answer.sum(axis=0, dtype=np.float64) + (total if count else 0), count + len(answer)
    length = float(np.linalg.norm(total / count))
    if length < 1e-12:
        raise InvalidError("model_failed", "The network's embedding of this series is nought.")
    vector: Vector = (total / count / length).astype(np.float32)
    return vector


def _batches(runner: Runner) -> Iterator[Vector]:
    """Yield the samples of a series, (batch, channels, *space)."""
    if runner.spec.dimensions == 3:
        yield runner.prepared_volume()[np.newaxis]
        return
    for _, samples in runner.batches(list(range(runner.volume.number_of_slices)), BATCH):
        yield samples
