"""Run a package on a volume, and give each slice as soon as it is done."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.inference.postprocess import Verdict, positive_probability, verdict
from medportal.inference.preprocess import Region, check_fit, covered_region, prepare_slice
from medportal.inference.session import Session

BATCH = 8
# The first answer should come at once.
FIRST_BATCH = 1


@dataclass(frozen=True)
class SlicePiece:
    """What the model says of one slice."""

    index: int
    count: int
    sop_instance_uid: str
    frame: int
    probability: float
    # Class activation map of the positive class, uint8 (rows, columns): 255 is `scale`.
    activation: NDArray[np.uint8]
    scale: float
    # The box of the frame that the map covers, in its pixels.
    region: Region


def predict(
    session: Session, volume: Volume, *, skip: Collection[int] = (), batch: int = BATCH
) -> Iterator[SlicePiece]:
    """Yield a piece for each slice that is not in `skip`, in order, as soon as its batch is done.

    Raises InvalidError `package_does_not_fit` before the first, `model_failed` for an answer that is no number.
    """
    manifest = session.package.manifest
    spec = manifest.input
    count = volume.number_of_slices
    check_fit(spec, modality=volume.modality, slices=count)
    spacing = (volume.spacing_mm_zyx[1], volume.spacing_mm_zyx[2])
    region = covered_region(spec, volume.array.shape[1:], spacing)
    prepared = _Slices(session, volume, spacing)
    skipped = set(skip)
    todo = [index for index in range(count) if index not in skipped]
    position = 0
    while position < len(todo):
        indices = todo[position : position + (batch if position else FIRST_BATCH)]
        position += len(indices)
        logits, activation = session.run(np.stack([prepared.sample(index) for index in indices]))
        chances = positive_probability(logits, manifest.output.temperature)
        if not (np.isfinite(chances).all() and np.isfinite(activation).all()):
            raise InvalidError("model_failed", "The network's answer is not a number.")
        for index, chance, maps in zip(indices, chances, activation, strict=True):
            grey = np.clip(maps[1:].max(axis=0) * 255, 0, 255).astype(np.uint8)
            yield SlicePiece(
                index=index,
                count=count,
                sop_instance_uid=volume.sop_instance_uids[index],
                frame=volume.frames[index],
                probability=float(chance),
                activation=grey,
                scale=1.0,
                region=region,
            )


class _Slices:
    """Prepared slices, each made once, when the first sample needs it."""

    def __init__(self, session: Session, volume: Volume, spacing: tuple[float, float]) -> None:
        self._spec = session.package.manifest.input
        self._volume, self._spacing = volume, spacing
        self._done: dict[int, NDArray[np.float32]] = {}

    def _slice(self, index: int) -> NDArray[np.float32]:
        if index not in self._done:
            self._done[index] = prepare_slice(self._spec, self._volume.array[index], self._spacing)
            self._done.pop(index - 4 * self._spec.context - 4, None)
        return self._done[index]

    def sample(self, index: int) -> NDArray[np.float32]:
        """Return what `preprocess.with_context` gives, without preparing the whole volume first."""
        last = self._volume.number_of_slices - 1
        context = self._spec.context
        return np.stack([self._slice(min(max(i, 0), last)) for i in range(index - context, index + context + 1)])


def series_verdict(session: Session, slice_probabilities: list[float]) -> Verdict:
    """Return the verdict on a series from all its slices."""
    manifest = session.package.manifest
    return verdict(np.asarray(slice_probabilities, np.float32), manifest.output, manifest.classes)
