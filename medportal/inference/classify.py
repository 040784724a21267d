"""Run a classifier: each slice's probabilities and what it looked at, or those of a volume as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medportal.inference.manifest import ClassificationOutput
from medportal.inference.pieces import (
    Answer,
    Floats,
    Layer,
    Runner,
    SlicePiece,
    bytes_of,
    require_classes,
)
from medportal.inference.postprocess import aggregate, class_verdict, probabilities

BATCH = 8


class Classify(Runner):
    """Softmax or independent classes, in two or three dimensions."""

    @property
    def output(self) -> ClassificationOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, ClassificationOutput)
        return self.manifest.output

    def pieces(self, skip: frozenset[int]) -> Iterator[SlicePiece]:
        """Yield slices as their batch is done; of a volume, all slices when the one answer is there."""
        todo = [index for index in range(self.volume.number_of_slices) if index not in skip]
        if self.spec.dimensions == 3:
            yield from self._of_volume(todo)
            return
        for group, samples in self.batches(todo, BATCH):
            answers = self.run(samples)
            chances = self._chances(answers["logits"])
            for place, index in enumerate(group):
                yield self._piece(index, chances[place], answers["activation"][place])

    def _of_volume(self, todo: list[int]) -> Iterator[SlicePiece]:
        if not todo:
            return
        answers = self.run(self.prepared_volume()[np.newaxis])
        chances, activation = self._chances(answers["logits"])[0], answers["activation"][0]
        depth = activation.shape[1]
        for index in todo:
            place = self.grid.from_stack((index + 0.5, 0, 0))[0] / self.grid.shape[0] * depth
            yield self._piece(index, chances, activation[:, int(np.clip(place, 0, depth - 1))])

    def _chances(self, logits: Floats) -> Floats:
        require_classes(logits, len(self.manifest.classes))
        return probabilities(logits, self.output.temperature, self.output.activation)

    def _piece(self, index: int, chances: Floats, activation: Floats) -> SlicePiece:
        first = 0 if self.output.activation == "sigmoid" else 1
        positive = float(chances.max()) if first == 0 else float(1 - chances[0])
        layer = Layer("activation", bytes_of(activation[first:].max(axis=0)), self.grid.region)
        return self.piece(index, positive, probabilities=tuple(map(float, chances)), layers=(layer,))

    def summary(self, pieces: list[SlicePiece]) -> Answer:
        """Return the series' class: the most telling slices averaged, or the volume's own answer."""
        slices = np.array([piece.probabilities for piece in pieces], np.float32)
        chances = slices[0].astype(np.float64) if self.spec.dimensions == 3 else aggregate(slices, self.output)
        verdict = class_verdict(chances, self.output, self.manifest.classes)
        return Answer(verdict, probabilities=chances, slice_probabilities=slices)
