"""Detection: boxes on slices, or in volumes patch by patch, learnt as a heat map of centres with extents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medportal.errors import InvalidError
from medportal.imaging.marks import Box
from medportal.inference.detect import decoded, of_windows
from medportal.inference.manifest import DetectionOutput, Output
from medportal.inference.postprocess import moved
from medportal.learning import augment, box_samples
from medportal.learning.box_parity import box_differences
from medportal.learning.box_pictures import boxed, boxes_of, through
from medportal.learning.box_targets import Truth, extent_loss, heat_loss, targets_of
from medportal.learning.metrics.detection import choose_score_threshold, detection_measure
from medportal.learning.metrics.overlaps import hit_by_overlap, hit_by_overlap_or_centre
from medportal.learning.networks.detector import build_detector
from medportal.learning.patches import cut, place_about
from medportal.learning.prepared import Item
from medportal.learning.recipes.declared import DETECTOR_STRIDE
from medportal.learning.tasks.base import Batch, Export, Preview, Ref, Task, channels_last

# A patch is cut larger by this part, so that moving it leaves no empty edges.
MARGIN = 1.25
# Figures and parity look at boxes from this score on; what the package shows is chosen on validation.
LOWEST_SCORE = 0.05
# Slices that validate an epoch (2-D), evenly chosen, and how many are run at once.
VALIDATION_SLICES, EVALUATION_BATCH = 400, 8
# Pictures of the live page, and the score from which they show a box.
PREVIEWS, SHOWN_SCORE = 6, 0.3


class DetectionTask(Task):
    """A sample is (item, slice); where patches are cut, (item, slice, row, column): the middle of the patch."""

    def build(self) -> nn.Module:
        """Return the detector that the configuration asks for."""
        self._require_boxes()
        stride = DETECTOR_STRIDE[self.spec.dimensions]
        if any(side % stride for side in self.sides):
            raise InvalidError("setting", f"A detector's samples are multiples of {stride} wide: {self.sides} is not.")
        network = build_detector(
            self.config, channels=self.spec.channels, classes=len(self.classes), typical=self._typical()
        )
        return network.to(memory_format=torch.channels_last_3d if self.is_volume else torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _require_boxes(self) -> None:
        for item in self.prepared.items:
            if unknown := _classes_of(item) - set(self.classes):
                raise InvalidError(
                    "unknown_class",
                    f"Series {item.series_uid} has a box of the class {min(unknown)!r}, which is not known.",
                )
        self.prepared.require_classes(("train",), _classes_of)
        if not any(self.prepared.items[number].boxes for number in self.prepared.of_split("validation")):
            raise InvalidError("empty_class", "The validation split has no box: nothing can be measured on it.")

    def _typical(self) -> list[float]:
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

    # Samples

    @cached_property
    def _truths(self) -> dict[int, Truth]:
        return {}

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
        shown = (truth.edges[:, 0] < index + 0.5) & (truth.edges[:, 3] > index + 0.5)
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

    def epoch(self, number: int) -> list[Ref]:
        """Return samples in a new order: all that hold boxes, and as many others as `foreground` leaves room for."""
        rng = self.rng(number)
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

    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return augmented samples with heat, extent and weight of their boxes, see `box_targets.targets_of`."""
        images, truths = self._varied(refs, generator)
        cells = tuple(side // self.config["stride"] for side in self.sides)
        made = [targets_of(truth, cells, self.config["stride"], len(self.classes)) for truth in truths]
        heat, extent, weight = (torch.stack(one) for one in zip(*made, strict=True))
        return channels_last(images), heat, extent, weight

    def _varied(self, refs: Sequence[Ref], generator: torch.Generator) -> tuple[Tensor, list[Truth]]:
        """Return augmented samples and their boxes."""
        pairs = [self.sample(ref) for ref in refs]
        images = torch.from_numpy(np.stack([image for image, _ in pairs]))
        moves = augment.draw_moves(len(images), self.sides, self.config, generator, bend=False)
        grid = augment.grid_of(moves, self.sides)
        if self.is_cut:
            # x comes first in the moves, columns last in the sides.
            grid *= torch.tensor([side / large for side, large in zip(self.sides, self._cut_sides, strict=True)][::-1])
        images = augment.moved(images, grid)
        truths = [
            box_samples.clipped(self._moved(truth, theta), (0,) * len(self.sides), self.sides)
            for (_, truth), theta in zip(pairs, moves.theta, strict=True)
        ]
        if not self.is_volume:
            images, truths = box_samples.mosaic(images, truths, self.config["mosaic_probability"], generator)
        return augment.change_intensity(images, self.config["intensity"], generator), truths

    def _moved(self, truth: Truth, theta: Tensor) -> Truth:
        return Truth(augment.moved_boxes(truth.edges, theta, self.sides), truth.labels)

    def loss(self, batch: Batch) -> Tensor:
        """Return the focal loss of the heat, and L1 and GIoU of the extents at centres and near them."""
        images, heat, extent, weight = batch
        logits, found = self.network(images)
        return heat_loss(logits.float(), heat) + extent_loss(found.float(), extent, weight)

    # Figures

    def output(self, score_threshold: float = LOWEST_SCORE) -> DetectionOutput:
        """Return how boxes are read from the network's answers."""
        return DetectionOutput(
            stride=self.config["stride"],
            score_threshold=score_threshold,
            iou_threshold=self.config["iou_threshold"],
            maximum=self.config["maximum"],
            tile=self.sides if self.is_volume and self.is_cut else None,
        )

    def _answer(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the averaged network's heat logits and extents of a batch."""
        self.averaged.eval()
        with torch.no_grad():
            heat, extent = self.averaged(channels_last(torch.from_numpy(samples)).to(self.device))
        return heat.float().cpu().numpy(), extent.float().cpu().numpy()

    @cached_property
    def _validation(self) -> list[tuple[int, list[int]]]:
        """For each validation item the slices that validate an epoch."""
        numbers = self.prepared.of_split("validation")
        wanted = max(1, VALIDATION_SLICES // len(numbers))
        found = []
        for number in numbers:
            count = self.prepared.items[number].shape[1]
            some = np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(int)).tolist()
            found.append((number, some))
        return found

    def _called(self, number: int, slices: Sequence[int]) -> list[Box]:
        """Return the boxes that the averaged network finds in an item, in the item's voxels."""
        if self.is_volume:
            return of_windows(self.prepared.image(number).astype(np.float32), self._answer, self.output(), self.classes)
        found: list[Box] = []
        for start in range(0, len(slices), EVALUATION_BATCH):
            some = slices[start : start + EVALUATION_BATCH]
            answers = self._answer(np.stack([self._window(number, index) for index in some]))
            for index, heat, extent in zip(some, *answers, strict=True):
                boxes = decoded(heat, extent, self.output(), self.classes)
                found += [moved(box, (float(index), 0.0, 0.0)) for box in boxes]
        return found

    def _drawn(self, number: int, slices: Sequence[int]) -> list[Box]:
        """Return the true boxes of an item, or of its slices."""
        if self.is_volume:
            return boxes_of(self.truth(number), self.classes)
        shown = ((index, boxes_of(self.on_slice(number, index), self.classes)) for index in slices)
        return [moved(box, (float(index), 0.0, 0.0)) for index, boxes in shown for box in boxes]

    def _measured(self, check: Callable[[], None] = lambda: None) -> tuple[list[list[Box]], list[list[Box]]]:
        """Return the validation items' true boxes, and those found."""
        truths, found = [], []
        for number, slices in self._validation:
            check()
            truths.append(self._drawn(number, slices))
            found.append(self._called(number, slices))
        return truths, found

    def figures(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return mean average precision at IoU 0.5, of each class too, and sensitivity at one false call per series."""
        truths, found = self._measured(check)
        hit = hit_by_overlap_or_centre() if self.is_volume else hit_by_overlap()
        measured = detection_measure(truths, found, self.classes, hit=hit)(np.ones((1, len(truths))))
        per_class = measured.per_class["map50"][0]
        named = {f"map50_{name}": _number(value) for name, value in zip(self.classes, per_class, strict=True)}
        return {
            "map50": _number(measured.overall["map50"][0]),
            "sensitivity": _number(measured.overall["sensitivity_at_1"][0]),
            **(named if len(self.classes) > 1 else {}),
        }

    def previews(self) -> list[Preview]:
        """Return validation slices with the boxes found in green and the true ones in red."""
        return [self._preview(number, slices) for number, slices in self._validation[:PREVIEWS]]

    def _preview(self, number: int, slices: Sequence[int]) -> Preview:
        """Return the slice with the surest box, or with a true one."""
        truths, found = self._drawn(number, slices[:EVALUATION_BATCH]), self._called(number, slices[:EVALUATION_BATCH])
        surest = sorted(found, key=lambda box: -box.score)
        last = self.prepared.items[number].shape[1] - 1
        index = min(max(int([*(box.centre[0] for box in (*surest, *truths)), last / 2][0]), 0), last)
        image = self.prepared.sample(number, index).astype(np.float32)
        shown = [box for box in through(found, index) if box.score >= SHOWN_SCORE]
        caption = f"{surest[0].label} {surest[0].score:.2f}" if surest else ""
        return boxed(image, [(through(truths, index), 0), (shown, 1)], caption)

    def augmented(self, count: int, generator: torch.Generator) -> list[Preview]:
        """Return training samples with their boxes in red."""
        refs = self.epoch(0)
        images, truths = self._varied((refs * (count // len(refs) + 1))[:count], generator)
        return [self._pictured(image, truth) for image, truth in zip(images.numpy(), truths, strict=True)]

    def _pictured(self, image: NDArray[Any], truth: Truth) -> Preview:
        boxes = boxes_of(truth, self.classes)
        if self.is_volume:
            index = min(int(boxes[0].centre[0]) if boxes else image.shape[1] // 2, image.shape[1] - 1)
            return boxed(image[:, index], [(through(boxes, index), 0)], "")
        per_slice = 3 if self.spec.colour else 1
        middle = self.spec.context * per_slice
        return boxed(image[middle : middle + per_slice], [(boxes, 0)], "")

    # Export

    def calibrate(self) -> Output:
        """Return the output with the score of the best F1 on validation."""
        return self.output(choose_score_threshold(*self._measured(), self.classes))

    def export(self) -> Export:
        """Return heat logits and extents, of samples of any size that the strides divide."""
        stride = DETECTOR_STRIDE[self.spec.dimensions]
        # An axis of a single stride would be taken for fixed.
        example = torch.zeros(2, self.spec.channels, *(max(side, 2 * stride) for side in self.sides))
        return Export(("image",), ("heat", "extent"), (example,), ((stride,) * len(self.sides),))

    def parity_batches(self) -> Iterator[tuple[NDArray[np.generic], ...]]:
        """Yield every validation slice, or of every validation volume a window about a box or its middle."""
        size = 2 if self.is_volume else EVALUATION_BATCH
        refs = [
            (number, index)
            for number, slices in self._validation
            for index in (slices[:1] if self.is_volume else slices)
        ]
        refs = refs * 2 if len(refs) == 1 else refs
        alike = size if self.spec.size or self.is_volume else 1
        for start in range(0, len(refs), alike):
            yield (np.stack([self._window(*ref) for ref in refs[start : start + alike]]),)

    def _window(self, number: int, index: int) -> NDArray[np.float32]:
        """Return a whole slice; in three dimensions a window about a box, or about the middle."""
        if not self.is_volume:
            return self.prepared.sample(number, index, self.spec.context).astype(np.float32)
        image, edges = self.prepared.image(number), self.truth(number).edges
        centre = ((edges[0, :3] + edges[0, 3:]) / 2).tolist() if len(edges) else [side / 2 for side in image.shape[1:]]
        return cut(image, place_about([int(v) for v in centre], self.sides, image.shape[1:])).astype(np.float32)

    def differences(self, ours: dict[str, NDArray[Any]], theirs: dict[str, NDArray[Any]]) -> dict[str, float]:
        """Return how far two sets of boxes are apart: boxes are matched, not cells."""
        sets = [
            [
                decoded(heat, extent, self.output(), self.classes)
                for heat, extent in zip(one["heat"], one["extent"], strict=True)
            ]
            for one in (ours, theirs)
        ]
        return box_differences(sets[0], sets[1], LOWEST_SCORE)


def _classes_of(item: Item) -> set[str]:
    return {box[0] for box in item.boxes}


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
