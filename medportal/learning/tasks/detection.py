"""Detection: boxes on slices, or in volumes patch by patch, learnt as a heat map of centres with extents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medportal.imaging.marks import Box, cut_by_slice
from medportal.inference.detect import decoded, of_windows
from medportal.inference.manifest import DetectionOutput, Output
from medportal.inference.postprocess import moved
from medportal.learning.box_parity import box_differences
from medportal.learning.box_pictures import boxed, boxes_of, through
from medportal.learning.box_source import BoxSource
from medportal.learning.box_targets import Truth, extent_loss, heat_loss, targets_of
from medportal.learning.metrics.detection import LOWEST_SCORE, choose_score_threshold, detection_measure
from medportal.learning.metrics.overlaps import hit_in
from medportal.learning.networks.detector import build_detector
from medportal.learning.patches import covering, cut, place_about
from medportal.learning.recipes.declared import DETECTOR_STRIDE
from medportal.learning.tasks.base import Batch, Export, Preview, Ref, Task, channels_last

# Slices that validate an epoch (2-D), evenly chosen, and how many are run at once.
VALIDATION_SLICES, EVALUATION_BATCH = 400, 8
# Pictures of the live page, and the score from which they show a box.
PREVIEWS, SHOWN_SCORE = 6, 0.3


class DetectionTask(Task):
    """A sample is (item, slice); where patches are cut, (item, slice, row, column): the middle of the patch."""

    def build(self) -> nn.Module:
        """Return the detector that the configuration asks for."""
        self.source.check()
        network = build_detector(
            self.config, channels=self.spec.channels, classes=len(self.classes), typical=self.source.typical()
        )
        return network.to(memory_format=torch.channels_last_3d if self.is_volume else torch.channels_last)  # type: ignore[call-overload,no-any-return]

    @cached_property
    def source(self) -> BoxSource:
        """Where samples come from."""
        return BoxSource(self.prepared, self.config, self.spec)

    @property
    def is_volume(self) -> bool:
        """Whether samples are volumes."""
        return self.source.is_volume

    # Samples

    def epoch(self, number: int) -> list[Ref]:
        """Return samples in a new order: all that hold boxes, and as many others as `foreground` leaves room for."""
        return self.source.refs(self.rng(number))

    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return augmented samples with heat, extent and weight of their boxes, see `box_targets.targets_of`."""
        images, truths = self.source.varied(refs, generator)
        cells = tuple(side // self.config["stride"] for side in self.source.sides)
        made = [targets_of(truth, cells, self.config["stride"], len(self.classes)) for truth in truths]
        heat, extent, weight = (torch.stack(one) for one in zip(*made, strict=True))
        return channels_last(images), heat, extent, weight

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
            tile=self.source.sides if self.is_volume and self.source.is_cut else None,
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
            answers = self._answer(np.stack([self._slice(number, index) for index in some]))
            for index, heat, extent in zip(some, *answers, strict=True):
                boxes = decoded(heat, extent, self.output(), self.classes)
                found += [moved(box, (float(index), 0.0, 0.0)) for box in boxes]
        return found

    def _drawn(self, number: int, slices: Sequence[int]) -> list[Box]:
        """Return the true boxes of an item, or of its slices."""
        drawn = boxes_of(self.source.truth(number), self.classes)
        return drawn if self.is_volume else cut_by_slice(drawn, slices)

    def _findings(self, number: int, slices: Sequence[int]) -> list[Box]:
        """Return an item's true boxes as they were drawn; of slices, those that any of them shows."""
        drawn = boxes_of(self.source.truth(number), self.classes)
        return drawn if self.is_volume else [box for box in drawn if cut_by_slice([box], slices)]

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
        findings = [self._findings(number, slices) for number, slices in self._validation]
        measure = detection_measure(truths, found, self.classes, hit=hit_in(self.spec.dimensions), findings=findings)
        measured = measure(np.ones((1, len(truths))))
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

    def pictured(self, refs: Sequence[Ref], generator: torch.Generator) -> list[Preview]:
        """Return training samples with their boxes in red."""
        images, truths = self.source.varied(refs, generator)
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
        example = torch.zeros(2, self.spec.channels, *(max(side, 2 * stride) for side in self.source.sides))
        return Export(("image",), ("heat", "extent"), (example,), ((stride,) * len(self.source.sides),))

    def parity_refs(self) -> list[Ref]:
        """Return every slice, or the middles of windows that cover every volume."""
        found: list[Ref] = []
        for number in self.prepared.of_split("validation"):
            shape = self.prepared.items[number].shape[1:]
            rest = covering(shape, self.source.sides) if self.is_volume else [(index,) for index in range(shape[0])]
            found += [(number, *one) for one in rest]
        return found

    def parity_inputs(self, refs: Sequence[Ref]) -> tuple[NDArray[np.generic], ...]:
        """Return the slices, or the windows."""
        return (np.stack([self._window(*ref) if self.is_volume else self._slice(*ref) for ref in refs]),)

    @property
    def parity_size(self) -> int:
        """Of volumes few, and of slices that have no size in common each by itself."""
        if self.is_volume:
            return 2
        return EVALUATION_BATCH if self.spec.size else 1

    def _slice(self, number: int, index: int) -> NDArray[np.float32]:
        return self.prepared.sample(number, index, self.spec.context).astype(np.float32)

    def _window(self, number: int, *middle: int) -> NDArray[np.float32]:
        image = self.prepared.image(number)
        return cut(image, place_about(middle, self.source.sides, image.shape[1:])).astype(np.float32)

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

    def together(self, differences: Sequence[dict[str, float]]) -> dict[str, float]:
        """Return the part of all boxes that have no like one, and the furthest scores of the others."""
        boxes, unmatched = (sum(one[name] for one in differences) for name in ("boxes", "unmatched"))
        return {"unmatched": unmatched / max(boxes, 1), "score": max(one["score"] for one in differences)}


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
