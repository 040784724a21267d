"""Run a detector: boxes of each slice, or of windows over a volume."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

import numpy as np

from medportal.imaging.marks import Box
from medportal.inference.manifest import DetectionOutput
from medportal.inference.pieces import Answer, Runner, SlicePiece, batches_of
from medportal.inference.postprocess import Verdict, peaks, sigmoid, suppress
from medportal.inference.tiles import places_of

BATCH = 4


class Detect(Runner):
    """An anchor-free detector, in two or three dimensions."""

    @property
    def output(self) -> DetectionOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, DetectionOutput)
        return self.manifest.output

    def pieces(self, skip: frozenset[int]) -> Iterator[SlicePiece]:
        """Yield each slice with the boxes whose middle lies in it."""
        todo = [index for index in range(self.volume.number_of_slices) if index not in skip]
        if self.spec.dimensions == 3:
            boxes = self._of_volume() if todo else []
            yield from (self._piece(index, [b for b in boxes if self._slice_of(b) == index]) for index in todo)
            return
        for group in batches_of(todo, BATCH):
            answers = self.session.run(np.stack([self.sample(index) for index in group]))
            for place, index in enumerate(group):
                found = self.decode(answers["heat"][place], answers["extent"][place])
                yield self._piece(index, [self._on_slice(box, index) for box in found])

    def decode(self, heat: np.ndarray, extent: np.ndarray) -> list[Box]:  # type: ignore[type-arg]
        """Return the boxes of a sample's (or window's) answer, in its own voxels; `heat` are logits."""
        size = tuple(side * self.output.stride for side in heat.shape[1:])
        return peaks(sigmoid(heat), extent, self.output, self.manifest.classes, size)

    def _on_slice(self, box: Box, index: int) -> Box:
        found = self.grid.box_to_stack(box)
        edges = [(float(index), *self._clip(found.low)), (index + 1.0, *self._clip(found.high))]
        return Box(box.label, edges[0], edges[1], box.score)

    def _clip(self, corner: tuple[float, float, float]) -> tuple[float, float]:
        rows, columns = self.volume.array.shape[1:3]
        return (min(max(corner[1], 0.0), float(rows)), min(max(corner[2], 0.0), float(columns)))

    def _of_volume(self) -> list[Box]:
        sample = self.prepared_volume()
        tile = self.output.tile or sample.shape[1:]
        padded = np.pad(sample, [(0, 0), *((0, max(0, t - s)) for s, t in zip(sample.shape[1:], tile, strict=True))])
        found: list[Box] = []
        for place in places_of(padded.shape[1:], tile, self.output.overlap):
            answers = self.session.run(padded[(slice(None), *place)][np.newaxis])
            found += [_moved(box, place) for box in self.decode(answers["heat"][0], answers["extent"][0])]
        return [self._on_stack(box) for box in suppress(found, self.output.iou_threshold)]

    def _on_stack(self, box: Box) -> Box:
        found, slices = self.grid.box_to_stack(box), float(self.volume.number_of_slices)
        low, high = min(max(found.low[0], 0.0), slices - 1), max(min(found.high[0], slices), 1.0)
        return Box(
            box.label, (low, *self._clip(found.low)), (max(high, low + 1e-3), *self._clip(found.high)), box.score
        )

    def _slice_of(self, box: Box) -> int:
        return min(max(floor(box.centre[0]), 0), self.volume.number_of_slices - 1)

    def _piece(self, index: int, boxes: list[Box]) -> SlicePiece:
        return self.piece(index, max((box.score for box in boxes), default=0.0), boxes=tuple(boxes))

    def summary(self, pieces: list[SlicePiece]) -> Answer:
        """Return all boxes, best first."""
        boxes = sorted((box for piece in pieces for box in piece.boxes), key=lambda box: -box.score)
        named = {name: float(sum(box.label == name for box in boxes)) for name in self.manifest.classes}
        best = boxes[0].score if boxes else 0.0
        value = boxes[0].label if boxes else "none"
        verdict = Verdict(value, best, self.output.score_threshold, bool(boxes), {}, named)
        return Answer(verdict, boxes=tuple(boxes))


def _moved(box: Box, place: tuple[slice, ...]) -> Box:
    z, y, x = (part.start for part in place)
    return Box(
        box.label,
        (box.low[0] + z, box.low[1] + y, box.low[2] + x),
        (box.high[0] + z, box.high[1] + y, box.high[2] + x),
        box.score,
    )
