"""Segmentation: patches of slices or volumes, Dice and cross entropy, whole series put together from tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from medportal.errors import InvalidError
from medportal.inference.manifest import Output, SegmentationOutput
from medportal.inference.postprocess import softmax
from medportal.inference.tiles import blended
from medportal.learning import augment
from medportal.learning.networks.segmenter import build_segmenter, total_stride
from medportal.learning.patches import Place, covering, cut, place_about
from medportal.learning.tasks.base import Batch, Export, Preview, Ref, Task, grey_preview

# A patch is cut larger by this part, so that turning it leaves no empty corners.
MARGIN = 1.3
# Marked voxels of a series, of each segment, that patches may be centred on.
CENTRES = 500
# Islands are noise that are smaller than this part of the smallest parts that are marked, but for a few.
NOISE, FEW_PERCENT = 0.25, 5
# Slices of a stack that validate an epoch (2-D), evenly chosen: neighbours tell the same.
VALIDATION_SLICES = 24


class SegmentationTask(Task):
    """A sample is (item, slice, row, column): the middle of a patch."""

    needs_pairs = False

    def build(self) -> nn.Module:
        """Return the network that the configuration asks for."""
        for number, item in enumerate(self.prepared.items):
            if item.split in ("train", "validation"):
                self.truth(number)
        stride = total_stride(self.config)
        if any(side % stride for side in self.tile):
            raise InvalidError(
                "setting",
                f"Tiles must be multiples of {stride}, since depth is {self.config['depth']}: {self.tile} is not.",
            )
        # Instance norm is a quarter slower with channels last, other than what is said of convolutions.
        return build_segmenter(self.config, channels=self.spec.channels, classes=self.segments)

    @property
    def segments(self) -> int:
        """Background and the cohort's segments."""
        return len(self.classes) + 1

    @property
    def tile(self) -> tuple[int, ...]:
        """The sides of a patch."""
        plane = (self.config["tile"],) * 2
        return plane if self.spec.dimensions == 2 else (self.config["tile_slices"], *plane)

    # Samples

    def truth(self, number: int) -> NDArray[np.uint8]:
        """Return an item's segments, (slice, row, column): objects are all of the one class."""
        return self._segments(number, self.prepared.mask(number))

    def _segments(self, number: int, mask: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Return segments of a part of an item's mask; raises InvalidError `unknown_class` naming the series."""
        if self.prepared.items[number].is_instances:
            return (mask > 0).astype(np.uint8)
        if mask.size and int(mask.max()) >= self.segments:
            uid = self.prepared.items[number].series_uid
            raise InvalidError(
                "unknown_class",
                f"The mask of series {uid} holds the segment {int(mask.max())}: there are {len(self.classes)}.",
            )
        return mask.astype(np.uint8)

    @cached_property
    def _centres(self) -> list[tuple[int, list[NDArray[np.intp]]]]:
        """For each training item, voxels of each of its segments."""
        rng = np.random.default_rng(self.config["seed"])
        found = []
        for number in self.prepared.of_split("train"):
            truth = self.truth(number)
            voxels = []
            for segment in range(1, self.segments):
                places = np.flatnonzero(truth == segment)
                if len(places):
                    some = rng.choice(places, min(len(places), CENTRES), replace=False)
                    voxels.append(np.stack(np.unravel_index(some, truth.shape), 1))
            found.append((number, voxels))
        return found

    def epoch(self, number: int) -> list[Ref]:
        """Return patches, drawn anew: a part of them centred on marked voxels, each segment as often as another."""
        rng = self.rng(number)
        count = self.config["patches"] or self._covering
        order: list[int] = []
        while len(order) < count:
            order += rng.permutation(len(self._centres)).tolist()
        return [self._drawn(rng, *self._centres[k]) for k in order[:count]]

    @cached_property
    def _covering(self) -> int:
        """Patches that cover the training data once."""
        tile = float(np.prod(self.tile))
        items = [self.prepared.items[number] for number in self.prepared.of_split("train")]
        return max(len(items), round(sum(float(np.prod(item.shape[1:])) for item in items) / tile))

    def _drawn(self, rng: np.random.Generator, number: int, voxels: list[NDArray[np.intp]]) -> Ref:
        if voxels and rng.random() < self.config["foreground"]:
            places = voxels[int(rng.integers(len(voxels)))]
            z, y, x = (int(v) for v in places[int(rng.integers(len(places)))])
            # The marked voxel is somewhere in the patch, not always in its middle.
            wander = [int(rng.integers(-side // 4, side // 4 + 1)) for side in self.tile[-2:]]
            return number, z, y + wander[0], x + wander[1]
        return number, *(int(rng.integers(side)) for side in self.prepared.items[number].shape[1:])

    def _inside(self, ref: Ref, sides: tuple[int, ...]) -> Place:
        """Return where a patch lies, of one slice in two dimensions."""
        shape = self.prepared.items[ref[0]].shape[1:]
        first = 3 - len(sides)
        plane = place_about(ref[1 + first :], sides, shape[first:])
        return (slice(ref[1], ref[1] + 1), *plane) if first else plane

    def _patch(self, ref: Ref, sides: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return (channels, *sides) and its segments (*sides)."""
        place = self._inside(ref, sides)
        # Cut first: a whole stack is not converted for each of its patches.
        truth = self._segments(ref[0], cut(self.prepared.mask(ref[0])[np.newaxis], place)[0])
        if len(sides) == 3:
            return cut(self.prepared.image(ref[0]), place).astype(np.float32), truth
        sample = self.prepared.sample(ref[0], ref[1], self.spec.context)[:, np.newaxis]
        flat = (slice(0, 1), *place[1:])
        return cut(sample, flat).astype(np.float32)[:, 0], truth[0]

    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return augmented patches and their segments."""
        larger = tuple(
            round(side * MARGIN) if axis >= len(self.tile) - 2 else side for axis, side in enumerate(self.tile)
        )
        pairs = [self._patch(ref, larger) for ref in refs]
        images = torch.from_numpy(np.stack([image for image, _ in pairs]))
        truths = torch.from_numpy(np.stack([truth for _, truth in pairs]))[:, None].float()
        moves = augment.draw_moves(len(images), self.tile, self.config, generator)
        # The patch is the middle of what was cut; x comes first in the moves, columns last in the sides.
        scale = torch.tensor([side / cut for side, cut in zip(self.tile, larger, strict=True)][::-1])
        grid = augment.grid_of(moves, self.tile) * scale
        images = augment.change_intensity(augment.moved(images, grid), self.config["intensity"], generator)
        truths = augment.moved(truths, grid, nearest=True)[:, 0].round().long()
        return images, truths

    # Loss

    def loss(self, batch: Batch) -> Tensor:
        """Return cross entropy and one minus Dice (Isensee et al. 2021); coarser answers weigh half as much each."""
        images, truths = batch
        answers = self.network(images)
        listed = answers if isinstance(answers, list) else [answers]
        total = torch.zeros((), device=images.device)
        for level, logits in enumerate(listed):
            there = truths if level == 0 else _coarser(truths, logits.shape[2:])
            total = total + dice_and_entropy(logits.float(), there) * 0.5**level
        return total / sum(0.5**level for level in range(len(listed)))

    # Figures

    @cached_property
    def _validation(self) -> list[tuple[int, list[int]]]:
        """For each validation item the slices that validate an epoch; in three dimensions all."""
        numbers = self.prepared.of_split("validation")
        some = []
        for number in numbers:
            count = self.prepared.items[number].shape[1]
            wanted = min(count, max(1, VALIDATION_SLICES // len(numbers) or 1)) if self.spec.dimensions == 2 else count
            some.append((number, np.unique(np.linspace(0, count - 1, wanted).astype(int)).tolist()))
        return some

    def _answer(self, sample: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the averaged network's probabilities of a prepared sample, as `inference.segment` makes them."""

        def run(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.no_grad():
                answers = self.averaged(torch.from_numpy(tiles).to(self.device))
                return softmax(answers.float().cpu().numpy())

        self.averaged.eval()
        parts = blended(sample, run, tile=self.tile, overlap=self.config["overlap"])
        return np.concatenate([part for _, part in parts], axis=1)

    def _predicted(self, number: int, slices: list[int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return (predicted, true) segments of an item's slices, (slice, row, column)."""
        if self.spec.dimensions == 3:
            return self._answer(self.prepared.image(number).astype(np.float32)).argmax(0).astype(np.uint8), self.truth(
                number
            )
        found = [
            self._answer(self.prepared.sample(number, index, self.spec.context).astype(np.float32)).argmax(0)
            for index in slices
        ]
        return np.stack(found).astype(np.uint8), self.truth(number)[slices]

    def figures(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return the mean Dice over validation series and segments, and each segment's."""
        rows = []
        for number, slices in self._validation:
            check()
            rows.append(dice_of(*self._predicted(number, slices), self.segments))
        table = np.array(rows)
        known = ~np.isnan(table)
        per_segment = {
            f"dice_{name}": float(table[known[:, k], k].mean()) if known[:, k].any() else None
            for k, name in enumerate(self.classes)
        }
        per_series = [float(row[mask].mean()) for row, mask in zip(table, known, strict=True) if mask.any()]
        dice = float(np.mean(per_series)) if per_series else None
        return {"dice": dice, **(per_segment if len(self.classes) > 1 else {})}

    def previews(self) -> list[Preview]:
        """Return validation slices with the predicted outline in green and the true one in red."""
        shown = []
        for number, slices in self._validation[:4]:
            middle = [slices[len(slices) // 2]]
            found, truth = self._predicted(number, middle)
            index = 0 if self.spec.dimensions == 2 else middle[0]
            image = self.prepared.image(number)[:, middle[0]].astype(np.float32)
            dice = np.nanmean(dice_of(found[[index]], truth[[index]], self.segments))
            shown.append(outlined(image, [(truth[index], 0), (found[index], 1)], f"Dice {dice:.2f}"))
        return shown

    def pictured(self, refs: Sequence[Ref], generator: torch.Generator) -> list[Preview]:
        """Return training patches with the true outline in red."""
        images, truths = self.batch(refs, generator)
        shown = []
        for image, truth in zip(images.numpy(), truths.numpy().astype(np.uint8), strict=True):
            flat = self.spec.dimensions == 2
            plane, mask = (image, truth) if flat else (image[:, image.shape[1] // 2], truth[len(truth) // 2])
            shown.append(outlined(plane, [(mask, 0)], ""))
        return shown

    # Export

    def calibrate(self) -> Output:
        """Return how tiles are put together."""
        instances = self.config["instances"] or any(item.is_instances for item in self.prepared.items)
        wanted = self.config["minimum_voxels"]
        return SegmentationOutput(
            self.tile, self.config["overlap"], self._smallest_island() if wanted < 0 else wanted, instances
        )

    def _smallest_island(self) -> int:
        """Return how many voxels of a stack a part must have to be believed: by the parts marked in training."""
        sizes: list[float] = []
        for number in self.prepared.of_split("train"):
            truth = self.truth(number)
            # Of the stack, which the mask is restored to.
            each = float(np.prod(self.prepared.items[number].step[3 - self.spec.dimensions :]))
            for marked in truth if self.spec.dimensions == 2 else truth[np.newaxis]:
                for segment in range(1, self.segments):
                    parts, _ = ndimage.label(marked == segment)
                    sizes += (np.bincount(parts.ravel())[1:] * each).tolist()
        return int(np.percentile(sizes, FEW_PERCENT) * NOISE) if sizes else 0

    def export(self) -> Export:
        """Return logits of tiles of any size that the strides divide."""
        stride = total_stride(self.config)
        # An axis of a single stride would be taken for fixed.
        example = torch.zeros(2, self.spec.channels, *(max(side, 2 * stride) for side in self.tile))
        return Export(("image",), ("logits",), (example,), ((stride,) * len(self.tile),))

    def parity_refs(self) -> list[Ref]:
        """Return tiles that cover every slice, or volume."""
        found: list[Ref] = []
        for number in self.prepared.of_split("validation"):
            count, *plane = self.prepared.items[number].shape[1:]
            if self.spec.dimensions == 3:
                found += [(number, *middle) for middle in covering((count, *plane), self.tile)]
            else:
                found += [(number, z, *middle) for z in range(count) for middle in covering(plane, self.tile)]
        return found

    def parity_inputs(self, refs: Sequence[Ref]) -> tuple[NDArray[np.generic], ...]:
        """Return the tiles."""
        return (np.stack([self._patch(ref, self.tile)[0] for ref in refs]),)

    @property
    def parity_size(self) -> int:
        """Few, since tiles are large."""
        return 2


def dice_and_entropy(logits: Tensor, truths: Tensor) -> Tensor:
    """Return the mean of cross entropy and of one minus the batch's Dice over segments without background.

    Logits (batch, segments, *space), truths (batch, *space). Dice over the whole batch is defined where a patch holds
    nothing, and does not let empty patches outweigh.
    """
    entropy = F.cross_entropy(logits, truths)
    chances = torch.softmax(logits, 1)[:, 1:]
    there = F.one_hot(truths, logits.shape[1]).movedim(-1, 1)[:, 1:].to(chances)
    axes = (0, *range(2, logits.ndim))
    shared = (chances * there).sum(axes)
    dice = (2 * shared + 1) / (chances.sum(axes) + there.sum(axes) + 1)
    return entropy + 1 - dice.mean()


def _coarser(truths: Tensor, shape: Any) -> Tensor:
    return F.interpolate(truths[:, None].float(), size=tuple(shape), mode="nearest")[:, 0].long()


def dice_of(found: NDArray[np.uint8], truth: NDArray[np.uint8], segments: int) -> list[float]:
    """Return each segment's Dice (1945), background left out; NaN where it is in neither."""
    out = []
    for segment in range(1, segments):
        ours, theirs = found == segment, truth == segment
        size = int(ours.sum()) + int(theirs.sum())
        out.append(2 * int((ours & theirs).sum()) / size if size else float("nan"))
    return out


def outlined(image: NDArray[Any], masks: list[tuple[NDArray[np.uint8], int]], caption: str) -> Preview:
    """Return an image (channels, rows, columns) in 0…1 with the outlines of masks, each in a colour channel."""
    base = grey_preview(image[:3] if len(image) == 3 else image[len(image) // 2 :][:1], caption).image
    shown = np.stack([base] * 3, -1) if base.ndim == 2 else base.copy()
    for mask, channel in masks:
        edge = np.zeros(mask.shape, bool)
        for axis in (0, 1):
            edge |= np.diff(mask.astype(np.int16), axis=axis, append=0) != 0
        shown[edge] = 0
        shown[edge, channel] = 255
    return Preview(shown, caption, "mask")
