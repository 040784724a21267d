"""Run a segmentation network: tiles blended into masks, slice after slice."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

import numpy as np
from numpy.typing import NDArray

from medportal.inference.manifest import SegmentationOutput
from medportal.inference.pieces import Answer, Floats, Layer, Runner, SlicePiece, require_classes
from medportal.inference.postprocess import Verdict, softmax, split_objects, without_islands
from medportal.inference.preprocess import Grid, restore
from medportal.inference.tiles import blended

Mask = NDArray[np.uint8]
# Slices whose probabilities are held at once on the series' own voxels.
TOGETHER = 8


class Segment(Runner):
    """Background and segments, in two or three dimensions."""

    @property
    def output(self) -> SegmentationOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, SegmentationOutput)
        return self.manifest.output

    def pieces(self, skip: frozenset[int]) -> Iterator[SlicePiece]:
        """Yield each slice's mask; in three dimensions as soon as no later tile can change it."""
        todo = [index for index in range(self.volume.number_of_slices) if index not in skip]
        shape = self.volume.array.shape
        for index, mask in self._slices(todo) if self.spec.dimensions == 2 else self._volume(todo):
            if index not in skip:
                layer = Layer("mask", mask, (0.0, 0.0, float(shape[1]), float(shape[2])))
                yield self.piece(index, float((mask > 0).mean()), layers=(layer,))

    def _run(self, tiles: Floats) -> Floats:
        logits = self.run(tiles)["logits"]
        require_classes(logits, len(self.manifest.classes) + 1)
        return softmax(logits)

    def _slices(self, todo: list[int]) -> Iterator[tuple[int, Mask]]:
        """Yield (index, mask on the frame) of slices."""
        shape = (1, *self.volume.array.shape[1:3])
        plane = Grid((1.0, *self.grid.step[1:]), (0.0, *self.grid.origin[1:]), (1, *self.grid.shape[1:]))
        output = self.output
        for (index,), samples in self.batches(todo, 1):
            parts = [maps for _, maps in blended(samples[0], self._run, tile=output.tile, overlap=output.overlap)]
            chances = np.concatenate(parts, axis=1)[1:, np.newaxis]
            mask = self._mask(restore(plane, chances, shape))[0]
            yield index, without_islands(mask, output.minimum_voxels)

    def _volume(self, todo: list[int]) -> Iterator[tuple[int, Mask]]:
        """Yield (index, mask on the frame) of all slices, as the part of the prepared volume that decides them is done."""
        if not todo:
            return
        output, sample = self.output, self.prepared_volume()
        # The segments' probabilities of prepared slices from `low` on, which are all that slices from `told` on need.
        known, low, told = np.zeros((0, 0, 0, 0), np.float32), 0, 0
        for begin, part in blended(sample, self._run, tile=output.tile, overlap=output.overlap, batch=1):
            known = np.concatenate([known, part[1:]], axis=1) if known.size else part[1:]
            end = begin + part.shape[1]
            reach = self._decided(end, is_last=end == sample.shape[1])
            for first in range(told, reach, TOGETHER):
                yield from self._restored(known, low, first, min(first + TOGETHER, reach))
            told = max(told, reach)
            needed = min(max(floor(self.grid.from_stack((told + 0.5, 0, 0))[0] - 0.5), low), end - 1)
            known, low = known[:, needed - low :], needed

    def _decided(self, end: int, *, is_last: bool) -> int:
        """Return how many slices of the stack are decided by the prepared ones before `end`."""
        slices = self.volume.number_of_slices
        if is_last:
            return slices
        # A slice lies between the middles of two prepared ones: the second must be there too.
        return min(max(floor(self.grid.to_stack((end - 0.5, 0, 0))[0] + 0.5 + 1e-6), 0), slices)

    def _restored(self, known: Floats, low: int, first: int, end: int) -> Iterator[tuple[int, Mask]]:
        """Yield the masks of slices first…end of the stack, of probabilities that begin at the prepared slice `low`."""
        z, y, x = self.grid.origin
        grid = Grid(self.grid.step, (z + self.grid.step[0] * low - first, y, x), (known.shape[1], *self.grid.shape[1:]))
        masks = self._mask(restore(grid, known, (end - first, *self.volume.array.shape[1:3])))
        yield from ((first + k, mask) for k, mask in enumerate(masks))

    @staticmethod
    def _mask(chances: Floats) -> Mask:
        """Return each voxel's likeliest segment, (slice, row, column), of the segments' probabilities.

        What is left of 1 is background, and so is what the network has not seen.
        """
        highest = chances.argmax(axis=0)
        best = np.take_along_axis(chances, highest[np.newaxis], axis=0)[0] if len(chances) > 1 else chances[0]
        background = 1 - (chances.sum(axis=0) if len(chances) > 1 else best)
        mask: Mask = np.where(best > background, highest + 1, 0).astype(np.uint8)
        return mask

    def summary(self, pieces: list[SlicePiece]) -> Answer:
        """Return the mask of the stack, and how large each segment is."""
        mask = np.stack([piece.layers[0].values for piece in pieces])
        if self.spec.dimensions == 3:
            mask = without_islands(mask, self.output.minimum_voxels)
        millilitres = float(np.prod(self.volume.spacing_mm_zyx)) / 1000
        classes = self.manifest.classes
        sizes = np.bincount(mask.ravel(), minlength=len(classes) + 1)
        measures = {name: float(sizes[k]) * millilitres for k, name in enumerate(classes, start=1)}
        objects = self._numbered(mask) if self.output.instances else None
        if objects is not None:
            measures["objects"] = float(objects.max(initial=0))
        largest = 1 + int(np.argmax(sizes[1:]))
        value = classes[largest - 1] if sizes[largest] else "none"
        verdict = Verdict(value, float((mask > 0).mean()), 0.0, bool(mask.any()), {}, measures)
        return Answer(verdict, mask=mask, objects=objects)

    def _numbered(self, mask: Mask) -> NDArray[np.uint16]:
        """Return the objects of all slices, numbered from 1 through the stack; beyond 65535 they are one."""
        out, last = np.zeros(mask.shape, np.uint16), 0
        for index, one in enumerate(mask):
            found = self.objects(one).astype(np.int64)
            out[index] = np.where(found > 0, np.minimum(found + last, 65535), 0)
            last += int(found.max())
        return out

    @staticmethod
    def objects(mask: Mask) -> NDArray[np.uint16]:
        """Return a slice's touching objects, numbered."""
        return split_objects((mask > 0).astype(np.float32))
