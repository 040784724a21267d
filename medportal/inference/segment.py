"""Run a segmentation network: tiles blended into masks, slice after slice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medportal.inference.manifest import SegmentationOutput
from medportal.inference.pieces import Answer, Layer, Runner, SlicePiece
from medportal.inference.postprocess import Verdict, softmax, split_objects, without_islands
from medportal.inference.preprocess import Grid, restore
from medportal.inference.tiles import blended

Floats = NDArray[np.float32]


class Segment(Runner):
    """Background and segments, in two or three dimensions."""

    @property
    def output(self) -> SegmentationOutput:
        """The manifest's words on the output."""
        assert isinstance(self.manifest.output, SegmentationOutput)
        return self.manifest.output

    def pieces(self, skip: frozenset[int]) -> Iterator[SlicePiece]:
        """Yield each slice's mask; in three dimensions as soon as no later tile can change it."""
        masks = self._slices(skip) if self.spec.dimensions == 2 else self._volume()
        shape = self.volume.array.shape
        for index, mask in masks:
            if index in skip:
                continue
            layer = Layer("mask", mask, (0.0, 0.0, float(shape[1]), float(shape[2])))
            yield self.piece(index, float((mask > 0).mean()), layers=(layer,))

    def _run(self, tiles: Floats) -> Floats:
        return softmax(self.session.run(tiles)["logits"])

    def _slices(self, skip: frozenset[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (index, mask on the frame) of each slice that is not skipped."""
        shape = (1, *self.volume.array.shape[1:3])
        plane = Grid((1.0, *self.grid.step[1:]), (0.0, *self.grid.origin[1:]), (1, *self.grid.shape[1:]))
        for index in range(self.volume.number_of_slices):
            if index in skip:
                continue
            chances = self.chances(self.sample(index))
            yield index, self._mask(restore(plane, chances[:, np.newaxis], shape))[0]

    def chances(self, sample: Floats) -> Floats:
        """Return a prepared sample's probabilities, (background and segments, *space)."""
        output = self.output
        parts = [maps for _, maps in blended(sample, self._run, tile=output.tile, overlap=output.overlap)]
        return np.concatenate(parts, axis=1)

    def _volume(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (index, mask on the frame) of slices, as the part of the prepared volume that decides them is done."""
        output, shape = self.output, self.volume.array.shape
        sample = self.prepared_volume()
        known: Floats | None = None
        told = 0
        for begin, part in blended(sample, self._run, tile=output.tile, overlap=output.overlap, batch=1):
            if known is None:
                known = np.zeros((len(part), *sample.shape[1:]), np.float32)
            end = begin + part.shape[1]
            known[:, begin:end] = part
            is_last = end == sample.shape[1]
            # A slice lies between two prepared ones: the second must be there too.
            reach = shape[0] if is_last else int(np.floor(self.grid.to_stack((end - 1.0, 0, 0))[0]))
            reach = int(np.clip(reach, told, shape[0]))
            if reach > told:
                yield from self._restored(known, told, reach)
                told = reach

    def _restored(self, known: Floats, first: int, end: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the masks of slices first…end of the stack."""
        z, y, x = self.grid.origin
        grid = Grid(self.grid.step, (z - first, y, x), self.grid.shape)
        masks = self._mask(restore(grid, known, (end - first, *self.volume.array.shape[1:3])))
        yield from ((first + k, mask) for k, mask in enumerate(masks))

    def _mask(self, chances: Floats) -> NDArray[np.uint8]:
        """Return the likeliest segment of each voxel, (slice, row, column); what the network has not seen is background."""
        mask = chances.argmax(axis=0).astype(np.uint8)
        if self.spec.dimensions == 2:
            mask = without_islands(mask, self.output.minimum_voxels)
        return mask

    def summary(self, pieces: list[SlicePiece]) -> Answer:
        """Return the mask of the stack, and how large each segment is."""
        mask = np.stack([piece.layers[0].values for piece in pieces])
        if self.spec.dimensions == 3:
            mask = without_islands(mask, self.output.minimum_voxels)
        millilitres = float(np.prod(self.volume.spacing_mm_zyx)) / 1000
        sizes = np.bincount(mask.ravel(), minlength=len(self.manifest.classes) + 1)
        measures = {name: float(sizes[k]) * millilitres for k, name in enumerate(self.manifest.classes, start=1)}
        if self.output.instances:
            measures["objects"] = float(sum(int(self.objects(one).max()) for one in mask))
        largest = max(range(1, len(sizes)), key=lambda k: sizes[k], default=0)
        part = float((mask > 0).mean())
        value = self.manifest.classes[largest - 1] if largest and sizes[largest] else "none"
        return Answer(Verdict(value, part, 0.0, bool((mask > 0).any()), {}, measures), mask=mask)

    @staticmethod
    def objects(mask: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Return a slice's touching objects, numbered."""
        return split_objects((mask > 0).astype(np.float32))
