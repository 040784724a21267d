"""Run a detector: boxes of each slice, or of windows over a volume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import floor

import numpy as np

from medportal.errors import InvalidError
from medportal.imaging.marks import Box
from medportal.inference.manifest import DetectionOutput
from medportal.inference.pieces import Answer, Floats, Runner, SlicePiece, require_classes
from medportal.inference.postprocess import Verdict, clipped, moved, peaks, sigmoid, suppress
from medportal.inference.tiles import Place, padded_to, places_of

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
        for group, samples in self.batches(todo, BATCH):
            answers = self.run(samples)
            for place, index in enumerate(group):
                found = decoded(answers["heat"][place], answers["extent"][place], self.output, self.manifest.classes)
                yield self._piece(index, self._on_slice(found, index))

    def _on_slice(self, boxes: list[Box], index: int) -> list[Box]:
        """Return boxes of a slice's sample on the stack; those beside the image are left out."""
        placed = (moved(self.grid.box_to_stack(box), (float(index), 0.0, 0.0)) for box in boxes)
        return [box for found in placed if (box := clipped(found, self.volume.array.shape))]

    def _of_volume(self) -> list[Box]:
        """Return the boxes of all windows on the stack, best first."""

        def run(window: Floats) -> tuple[Floats, Floats]:
            answers = self.run(window)
            return answers["heat"], answers["extent"]

        found = of_windows(self.prepared_volume(), run, self.output, self.manifest.classes)
        placed = (self.grid.box_to_stack(box) for box in found)
        return [box for one in placed if (box := clipped(one, self.volume.array.shape))]

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


def decoded(
    heat: Floats, extent: Floats, output: DetectionOutput, classes: Sequence[str], *, clip: bool = True
) -> list[Box]:
    """Return the boxes of a sample's (or window's) answer, in its own voxels; `heat` are logits.

    Without `clip` boxes may reach beyond the window. Raises InvalidError `model_failed` for answers of other sizes.
    """
    require_classes(heat[np.newaxis], len(classes))
    if extent.shape != (2 * (heat.ndim - 1), *heat.shape[1:]):
        raise InvalidError("model_failed", "The network's heat and extents are not of one size.")
    size = tuple(side * output.stride for side in heat.shape[1:]) if clip else None
    return peaks(sigmoid(heat), extent, output, classes, size)


def of_windows(
    sample: Floats, run: Callable[[Floats], tuple[Floats, Floats]], output: DetectionOutput, classes: Sequence[str]
) -> list[Box]:
    """Return the boxes of a volume (channels, slice, row, column) in its own voxels, found window by window.

    `run` maps (1, channels, *window) to heat logits and extents.
    """
    tile = output.tile or sample.shape[1:]
    padded, found = padded_to(sample, tile), list[Box]()
    for place in places_of(padded.shape[1:], tile, output.overlap):
        heat, extent = run(padded[(slice(None), *place)][np.newaxis])
        corner = (float(place[0].start), float(place[1].start), float(place[2].start))
        boxes = (moved(one, corner) for one in decoded(heat[0], extent[0], output, classes, clip=False))
        found += [box for box in boxes if _is_own(box, place, padded.shape[1:], output)]
    return suppress(found, output.iou_threshold)


def _is_own(box: Box, place: Place, shape: tuple[int, ...], output: DetectionOutput) -> bool:
    """Say whether a window is to speak of a box: the middle is not so near to its side that a neighbour sees more.

    Where two windows meet, both may speak of what lies within a cell of the middle between them.
    """
    for centre, part, side in zip(box.centre, place, shape, strict=True):
        edge = (part.stop - part.start) * output.overlap / 2 - output.stride
        if (part.start > 0 and centre < part.start + edge) or (part.stop < side and centre > part.stop - edge):
            return False
    return True
