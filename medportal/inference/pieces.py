"""The parts in which an answer comes, and the whole that they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume
from medportal.inference.postprocess import Verdict
from medportal.inference.preprocess import Grid, Region, grid_of, levels_of, prepare_block, prepare_slice
from medportal.inference.session import Session, Stop

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A picture over (or instead of) a slice: `kind` is activation, mask, anomaly, reconstruction or generated."""

    kind: str
    # uint8 (rows, columns), or (rows, columns, 3); a mask holds segment numbers, else 255 is `scale`.
    values: NDArray[np.uint8]
    # The box of the frame that it covers, in its pixels.
    region: Region
    scale: float = 1.0


@dataclass(frozen=True)
class SlicePiece:
    """What the model says of one slice."""

    index: int
    count: int
    sop_instance_uid: str
    frame: int
    # Of any class but the first; of the best box; the anomaly's score; the part of the slice that is of a segment.
    probability: float
    # Each class's, where the model tells classes apart.
    probabilities: tuple[float, ...] = ()
    boxes: tuple[Box, ...] = ()
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a model says of a series as a whole; what its task does not give is empty."""

    verdict: Verdict
    # (classes,), and (slices, classes).
    probabilities: NDArray[np.float64] | None = None
    slice_probabilities: NDArray[np.float32] | None = None
    # (slice, row, column) segment numbers on the stack.
    mask: NDArray[np.uint8] | None = None
    # (slice, row, column): each object's number, where objects that touch are told apart.
    objects: NDArray[np.uint16] | None = None
    boxes: tuple[Box, ...] = ()
    # Per slice: anomaly, and mean squared difference to the reconstruction.
    scores: NDArray[np.float32] | None = None
    errors: NDArray[np.float32] | None = None


def go_on() -> None:
    """Nobody wants the run to end."""


class Runner(ABC):
    """A task's way of running: pieces in order of the slices, and their summary.

    `check` is called after each run of the network, and may raise what should end it; `stop` ends a run in its midst.
    """

    def __init__(
        self, session: Session, volume: Volume, check: Callable[[], None] = go_on, stop: Stop | None = None
    ) -> None:
        self.session, self.volume, self._check, self._stop = session, volume, check, stop
        self.manifest = session.package.manifest
        self.spec = self.manifest.input
        self.grid: Grid = grid_of(self.spec, volume.array.shape, volume.spacing_mm_zyx)
        self._prepared: dict[int, Floats] = {}

    @abstractmethod
    def pieces(self, skip: frozenset[int]) -> Iterator[SlicePiece]:
        """Yield a piece for each slice that is not in `skip`, in order."""

    @abstractmethod
    def summary(self, pieces: list[SlicePiece]) -> Answer:
        """Return what all pieces, in order, say together."""

    @cached_property
    def levels(self) -> tuple[float, float]:
        """The values that become 0 and 1."""
        return levels_of(self.spec.scaling, self.volume.array)

    @property
    def image_channels(self) -> int:
        """Channels of one slice."""
        return 3 if self.spec.colour else 1

    def run(self, samples: Floats) -> dict[str, Floats]:
        """Return the network's outputs for a batch of samples; raises InvalidError `model_failed`, and as `check`."""
        answers = self.session.run(samples, stop=self._stop)
        if any(len(answer) != len(samples) for answer in answers.values()):
            raise InvalidError("model_failed", "The network's answer is not of as many samples as it was given.")
        self._check()
        return answers

    def prepared_slice(self, index: int) -> Floats:
        """Return a prepared slice, (channels of the image, rows, columns), each made once while it is near."""
        if index not in self._prepared:
            for old in [k for k in self._prepared if k < index - 4 * self.spec.context - 4]:
                del self._prepared[old]
            self._prepared[index] = prepare_slice(self.spec, self.grid, self.volume.array[index], self.levels)
        return self._prepared[index]

    def sample(self, index: int) -> Floats:
        """Return what `preprocess.with_context` gives, without preparing the whole volume first."""
        last, context = self.volume.number_of_slices - 1, self.spec.context
        near = range(index - context, index + context + 1)
        return np.concatenate([self.prepared_slice(min(max(i, 0), last)) for i in near])

    def batches(self, todo: list[int], batch: int) -> Iterator[tuple[list[int], Floats]]:
        """Yield slices with their samples, a batch at a time; the next is prepared while the network runs on this one.

        The first batch is one slice, since the first answer should come at once.
        """

        def made(group: list[int]) -> tuple[list[int], Floats]:
            return group, np.stack([self.sample(index) for index in group])

        with ThreadPoolExecutor(1, thread_name_prefix="prepare") as pool:
            pending: Future[tuple[list[int], Floats]] | None = None
            for group in batches_of(todo, batch):
                following = pool.submit(made, group)
                if pending is not None:
                    yield pending.result()
                pending = following
            if pending is not None:
                yield pending.result()

    def prepared_volume(self) -> Floats:
        """Return the whole series on the grid, (channels, slice, row, column)."""
        return prepare_block(self.spec, self.grid, self.volume.array, self.levels, in_plane=self.spec.dimensions == 2)

    def piece(self, index: int, probability: float, **more: Any) -> SlicePiece:
        """Return a slice's piece with what names the slice filled in."""
        return SlicePiece(
            index=index,
            count=self.volume.number_of_slices,
            sop_instance_uid=self.volume.sop_instance_uids[index],
            frame=self.volume.frames[index],
            probability=float(probability),
            **more,
        )


def require_classes(answer: Floats, count: int) -> None:
    """Refuse an answer (batch, classes, …) of another number of classes: InvalidError `model_failed`."""
    if answer.ndim < 2 or answer.shape[1] != count:
        raise InvalidError("model_failed", f"The network's answer is not of {count} classes, as its manifest says.")


def bytes_of(values: NDArray[Any], scale: float = 1.0) -> NDArray[np.uint8]:
    """Return values of 0…`scale` as 0…255."""
    grey: NDArray[np.uint8] = np.clip(values * (255 / scale), 0, 255).astype(np.uint8)
    return grey


def batches_of(todo: list[int], batch: int, first: int = 1) -> Iterator[list[int]]:
    """Yield numbers in groups; the first is small, since the first answer should come at once."""
    position = 0
    while position < len(todo):
        group = todo[position : position + (batch if position else first)]
        position += len(group)
        yield group
