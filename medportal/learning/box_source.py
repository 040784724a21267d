"""The samples that a detector learns from: slices, volumes or patches of a prepared folder, with the boxes on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medportal.errors import InvalidError
from medportal.imaging.marks import is_shown
from medportal.inference.manifest import InputSpec
from medportal.learning import augment, box_samples
from medportal.learning.box_targets import Truth
from medportal.learning.patches import cut, place_about
from medportal.learning.prepared import Item
from medportal.learning.recipes.declared import DETECTOR_STRIDE
from medportal.learning.store import Prepared

# (item, slice), or (item, slice, row, column): the middle of a patch.
Ref = tuple[int, ...]
# A patch is cut larger by this part, so that moving it leaves no empty edges.
MARGIN = 1.25


class BoxSource:
    """A prepared folder as a detector sees it. Samples are whole slices or volumes, or patches where a tile is set."""

    def __init__(self, prepared: Prepared, config: dict[str, Any], spec: InputSpec) -> None:
        self.prepared, self.config, self.spec = prepared, config, spec
        self.classes = prepared.classes
        self._truths: dict[int, Truth] = {}

    def check(self) -> None:
        """Raise InvalidError where nothing can be learnt: `unknown_class`, `empty_class`, or `setting` for the sides."""
        for item in self.prepared.items:
            if unknown := _classes_of(item) - set(self.classes):
                raise InvalidError(
                    "unknown_class",
                    f"Series {item.series_uid} has a box of the class {min(unknown)!r}, which is not known.",
                )
        self.prepared.require_classes(("train",), _classes_of)
        if not any(self.prepared.items[number].boxes for number in self.prepared.of_split("validation")):
            raise InvalidError("empty_class", "The validation split has no box: nothing can be measured on it.")
        stride = DETECTOR_STRIDE[self.spec.dimensions]
        if any(side % stride for side in self.sides):
            raise InvalidError("setting", f"A detector's samples are multiples of {stride} wide: {self.sides} is not.")

    def typical(self) -> list[float]:
        """Return the median distance of the training boxes' middles to their sides, along each axis."""
        edges = torch.cat([self.truth(number).edges for number in self.prepared.of_split("train")])
        axes = self.spec.dimensions
        half = (edges[:, 3:] - edges[:, :3])[:, 3 - axes :] / 2
        return [max(float(value), 1.0) for value in half.median(dim=0).values]

    @property
    def is_volume(self) -> bool:
        """Whether samples are volumes."""
        return self.spec.dimensions == 3

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """The sides of a training sample; raises InvalidError `setting` where nothing says them."""
        if self.config["tile"]:
            plane = (self.config["tile"],) * 2
            return (self.config["tile_slices"], *plane) if self.is_volume else plane
        if self.spec.size is None:
            raise InvalidError(
                "setting", "tile must not be 0 where size is: something has to say how large samples are."
            )
        return self.spec.size

    @property
    def is_cut(self) -> bool:
        """Whether samples are patches."""
        return bool(self.config["tile"])

    def truth(self, number: int) -> Truth:
        """Return an item's boxes: edges (n, 6), (slice, row, column) of the low corner, then of the high one."""
        if number not in self._truths:
            boxes = [
                box
                for box in self.prepared.items[number].boxes
                if all(a < b for a, b in zip(box[1:4], box[4:], strict=True))
            ]
            edges = torch.tensor([box[1:] for box in boxes], dtype=torch.float32).reshape(-1, 6)
            labels = torch.tensor([self.classes.index(box[0]) for box in boxes], dtype=torch.long)
            self._truths[number] = Truth(edges, labels)
        return self._truths[number]

    def on_slice(self, number: int, index: int) -> Truth:
        """Return the boxes that a slice shows: edges (n, 4)."""
        truth = self.truth(number)
        shown = is_shown(truth.edges[:, 0], truth.edges[:, 3], index)
        return Truth(truth.edges[shown][:, [1, 2, 4, 5]], truth.labels[shown])

    @cached_property
    def _training(self) -> tuple[list[Ref], list[Ref]]:
        """Samples with boxes (of patches: about each box), and samples without (of patches: none)."""
        held: list[Ref] = []
        empty: list[Ref] = []
        for number in self.prepared.of_split("train"):
            if self.is_cut:
                middles = (self.truth(number).edges[:, :3] + self.truth(number).edges[:, 3:]) / 2
                held += [(number, *(int(v) for v in middle)) for middle in middles.tolist()]
                continue
            for index in range(self.prepared.items[number].shape[1]) if not self.is_volume else (0,):
                truth = self.truth(number) if self.is_volume else self.on_slice(number, index)
                (held if len(truth.labels) else empty).append((number, index))
        return held, empty

    def refs(self, rng: np.random.Generator) -> list[Ref]:
        """Return samples in a new order: all that hold boxes, and as many others as `foreground` leaves room for."""
        held, empty = self._training
        wanted = self.config["foreground"]
        count = round(len(held) * (1 - wanted) / wanted) if wanted > 0 else len(held)
        order: list[Ref] = []
        for _ in range(self.config["repeats"]):
            if self.is_cut:
                chosen = [self._wandered(ref, rng) for ref in held] + [self._anywhere(rng) for _ in range(count)]
            else:
                some = rng.permutation(len(empty))[:count].tolist()
                chosen = held + [empty[k] for k in some]
            order += [chosen[k] for k in rng.permutation(len(chosen)).tolist()]
        return order

    def _wandered(self, ref: Ref, rng: np.random.Generator) -> Ref:
        """Return a patch with a box somewhere in it, not always in its middle."""
        sides = self.sides if self.is_volume else (1, *self.sides)
        steps = [int(rng.integers(-side // 3, side // 3 + 1)) if side > 1 else 0 for side in sides]
        return ref[0], *(at + step for at, step in zip(ref[1:], steps, strict=True))

    def _anywhere(self, rng: np.random.Generator) -> Ref:
        numbers = self.prepared.of_split("train")
        number = numbers[int(rng.integers(len(numbers)))]
        return number, *(int(rng.integers(side)) for side in self.prepared.items[number].shape[1:])

    def sample(self, ref: Ref) -> tuple[NDArray[np.float32], Truth]:
        """Return a sample, (channels, *space), and its boxes; of a patch, larger by MARGIN, in the voxels of its middle."""
        number = ref[0]
        if self.is_volume:
            image, truth = self.prepared.image(number), self.truth(number)
        else:
            image = self.prepared.sample(number, ref[1], self.spec.context)
            truth = self.on_slice(number, ref[1])
        if not self.is_cut:
            return np.asarray(image, np.float32), truth
        place = place_about(ref[4 - len(self.sides) :], self._cut_sides, image.shape[1:])
        starts = [
            p.start + (large - side) // 2 for p, large, side in zip(place, self._cut_sides, self.sides, strict=True)
        ]
        return cut(image, place).astype(np.float32), Truth(truth.edges - torch.tensor(starts * 2), truth.labels)

    @cached_property
    def _cut_sides(self) -> tuple[int, ...]:
        # The margin is even, so that the middle of both is the same.
        return tuple(side + 2 * round(side * (MARGIN - 1) / 2) for side in self.sides)

    def varied(self, refs: Sequence[Ref], generator: torch.Generator) -> tuple[Tensor, list[Truth]]:
        """Return samples, augmented, and their boxes."""
        pairs = [self.sample(ref) for ref in refs]
        images = torch.from_numpy(np.stack([image for image, _ in pairs]))
        moves = augment.draw_moves(len(images), self.sides, self.config, generator, bend=False)
        images = self._resampled(images, moves.theta)
        truths = [
            box_samples.clipped(self._moved(truth, theta), (0,) * len(self.sides), self.sides)
            for (_, truth), theta in zip(pairs, moves.theta, strict=True)
        ]
        if not self.is_volume:
            images, truths = box_samples.mosaic(images, truths, self.config["mosaic_probability"], generator)
        return augment.change_intensity(images, self.config["intensity"], generator), truths

    def _resampled(self, images: Tensor, theta: Tensor) -> Tensor:
        """Return samples where their moves put them; of what was cut larger, the part that is a patch."""
        larger = self._cut_sides if self.is_cut else self.sides
        # x comes first in the moves, columns last in the sides.
        share = torch.tensor([side / large for side, large in zip(self.sides, larger, strict=True)][::-1])
        theta = theta * share[:, None]
        if self.is_volume and not self.config["rotate_degrees"]:
            return augment.moved_along_axes(images, theta, self.sides)
        return augment.moved(images, augment.grid_of(augment.Moves(theta), self.sides))

    def _moved(self, truth: Truth, theta: Tensor) -> Truth:
        return Truth(augment.moved_boxes(truth.edges, theta, self.sides), truth.labels)


def _classes_of(item: Item) -> set[str]:
    return {box[0] for box in item.boxes}
