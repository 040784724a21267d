"""Classification: slices or volumes, one class of several or each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medportal.errors import InvalidError
from medportal.inference.manifest import ClassificationOutput, Output
from medportal.inference.postprocess import aggregate, probabilities
from medportal.learning import augment, metrics
from medportal.learning.metrics.classification import classification_measure, multi_label_measure
from medportal.learning.networks.classifier import Classifier, build_classifier, total_stride
from medportal.learning.prepared import Item
from medportal.learning.tasks.base import Batch, Export, Preview, Ref, Task, channels_last, grey_preview, run_batches

EVALUATION_BATCH = 64


class ClassificationTask(Task):
    """A sample is (item, slice), in three dimensions (item,)."""

    averaged: Classifier

    @cached_property
    def is_multi_label(self) -> bool:
        """Whether several classes may apply."""
        return any(item.labels for item in self.prepared.items)

    def build(self) -> nn.Module:
        """Return the classifier that the configuration asks for."""
        # Of several classes or labels a rare one may be in no validation sample: its figures are then not told.
        splits = ("train",) if self.is_multi_label or len(self.classes) > 2 else ("train", "validation")
        self.prepared.require_classes(splits, _classes_of)
        if not self.is_multi_label:
            self._require_something_to_tell_apart()
        network = build_classifier(
            self.config, channels=self.spec.channels, classes=len(self.classes), multi_label=self.is_multi_label
        )
        # On CPUs a third quicker.
        return network.to(memory_format=torch.channels_last if self.spec.dimensions == 2 else torch.channels_last_3d)  # type: ignore[call-overload,no-any-return]

    def _require_something_to_tell_apart(self) -> None:
        there = {
            name for number in self.prepared.of_split("validation") for name in _classes_of(self.prepared.items[number])
        }
        if len(there & set(self.classes)) < 2:
            raise InvalidError("empty_class", "The validation split has samples of fewer than two classes.")

    # Samples

    def refs(self, split: str, *, labelled: bool = True) -> list[Ref]:
        """Return a split's samples: all slices, or those with a class."""
        numbers = self.prepared.of_split(split)
        if self.spec.dimensions == 3:
            return [(number,) for number in numbers]
        items = [(number, self.prepared.items[number]) for number in numbers]
        return [
            (number, index)
            for number, item in items
            for index, label in enumerate(item.slice_labels)
            if label or item.labels or not labelled
        ]

    def target(self, ref: Ref) -> NDArray[np.float32]:
        """Return a sample's truth: 1 for each class that applies."""
        item = self.prepared.items[ref[0]]
        names = item.labels if self.is_multi_label else ((item.slice_labels[ref[1]] if len(ref) > 1 else item.label),)
        return np.array([float(name in names) for name in self.classes], np.float32)

    @cached_property
    def _training(self) -> tuple[list[Ref], NDArray[np.float32]]:
        refs = self.refs("train")
        return refs, np.stack([self.target(ref) for ref in refs])

    def epoch(self, number: int) -> list[Ref]:
        """Return the samples mixed; with `negatives_per_positive`, those of the first class thinned out."""
        refs, targets = self._training
        rng = self.rng(number)
        negative, positive = np.flatnonzero(targets[:, 0] == 1), np.flatnonzero(targets[:, 0] == 0)
        ratio = self.config["negatives_per_positive"]
        order: list[int] = []
        for _ in range(self.config["repeats"]):
            chosen = negative
            if ratio > 0 and not self.is_multi_label:
                count = min(len(negative), max(1, round(len(positive) * ratio)))
                chosen = rng.choice(negative, count, replace=False)
            order += rng.permutation(np.concatenate([positive, chosen])).tolist()
        return [refs[k] for k in order]

    def raw(self, ref: Ref) -> NDArray[np.float16]:
        """Return a sample's values: (channels, rows, columns) or (channels, slices, rows, columns)."""
        if self.spec.dimensions == 3:
            return self.prepared.image(ref[0])
        return self.prepared.sample(ref[0], ref[1], self.spec.context)

    def stacked(self, refs: Sequence[Ref]) -> Tensor:
        """Return samples without augmentation."""
        return torch.from_numpy(np.stack([self.raw(ref) for ref in refs])).float()

    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return augmented samples and their truths, which mixing may have made soft."""
        images = self.stacked(refs)
        targets = torch.from_numpy(np.stack([self.target(ref) for ref in refs]))
        size = tuple(images.shape[2:])
        moves = augment.draw_moves(len(images), size, self.config, generator)
        images = augment.moved(images, augment.grid_of(moves, size), outside="border")
        images = augment.change_intensity(images, self.config["intensity"], generator)
        if self.spec.dimensions == 2 and not self.is_multi_label:
            images = augment.mosaic(images, self._alike(targets), self.config["mosaic_probability"], generator)
        images, targets = augment.mixed(images, targets, self.config["mixing"], generator)
        return channels_last(images), targets

    def _alike(self, targets: Tensor) -> Tensor:
        """Return labels by which mosaic exchanges: where a small place decides, only the negative class may."""
        labels = targets.argmax(1)
        if self.config["pooling"] == "maximum":
            # A quarter could cover the one finding: each positive sample is alone in its class.
            labels = torch.where(labels == 0, labels, torch.arange(len(labels)) + len(self.classes))
        return labels

    # Loss

    @cached_property
    def weights(self) -> Tensor:
        """Each class's weight in the loss: 1 on average over the samples."""
        _, targets = self._training
        share = targets.mean(axis=0).clip(1e-6)
        if not self.config["class_weights"] or self.config["negatives_per_positive"] > 0:
            return torch.ones(len(share))
        weight = np.sqrt(1 / share) if not self.is_multi_label else np.sqrt(((1 - share) / share).clip(0.2, 25.0))
        if not self.is_multi_label:
            weight = weight / (weight * share).sum()
        return torch.from_numpy(weight.astype(np.float32))

    def loss(self, batch: Batch) -> Tensor:
        """Return the weighted cross entropy; of independent classes, of each."""
        images, targets = batch
        logits = self.network(images)[0].float()
        smooth, weights = self.config["smoothing"], self.weights.to(logits)
        if self.is_multi_label:
            targets = targets * (1 - smooth) + smooth / 2
            return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
        targets = targets * (1 - smooth) + smooth / len(self.classes)
        entropy: Tensor = -(F.log_softmax(logits, 1) * targets * weights).sum(1).mean()
        return entropy

    # Figures

    def logits(self, refs: Sequence[Ref], check: Callable[[], None] = lambda: None) -> NDArray[np.float32]:
        """Return the averaged network's logits, (samples, classes)."""
        size = EVALUATION_BATCH if self.spec.dimensions == 2 else 4
        parts = (channels_last(self.stacked(refs[k : k + size])) for k in range(0, len(refs), size))
        return np.concatenate([one[0].numpy() for one in run_batches(self.averaged, parts, self.device, check)])

    @cached_property
    def _validation(self) -> tuple[list[Ref], NDArray[np.float32]]:
        refs = self.refs("validation")
        return refs, np.stack([self.target(ref) for ref in refs])

    def figures(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return validation loss and figures over slices (or volumes)."""
        refs, targets = self._validation
        logits = self.logits(refs, check)
        if self.is_multi_label:
            loss = F.binary_cross_entropy_with_logits(torch.from_numpy(logits), torch.from_numpy(targets)).item()
            chances = probabilities(logits, 1.0, "sigmoid").astype(np.float64)
            halves = [0.5] * len(self.classes)
            return {"validation_loss": loss, **once(multi_label_measure(targets > 0, chances, halves), len(refs))}
        labels = targets.argmax(1)
        loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
        chances = probabilities(logits, 1.0).astype(np.float64)
        if len(self.classes) == 2:
            found: dict[str, Any] = metrics.binary_figures(labels, chances[:, 1], 0.5)
        else:
            found = once(classification_measure(labels, chances), len(refs))
        table = np.zeros((len(self.classes),) * 2, int)
        np.add.at(table, (labels, chances.argmax(1)), 1)
        return {"validation_loss": loss, **found, "confusion": table.tolist()}

    def previews(self) -> list[Preview]:
        """Return validation samples, evenly chosen, with what the network says and what is true."""
        refs, _ = self._validation
        chosen = [refs[k] for k in np.linspace(0, len(refs) - 1, min(8, len(refs))).astype(int)]
        activation = "sigmoid" if self.is_multi_label else "softmax"
        chances = probabilities(self.logits(chosen), 1.0, activation)
        shown = []
        for ref, chance in zip(chosen, chances, strict=True):
            best, true = int(chance.argmax()), int(self.target(ref).argmax())
            words = f"{self.classes[best]} {chance[best]:.2f} ({self.classes[true]})"
            shown.append(grey_preview(self._middle(ref), words, "right" if best == true else "wrong"))
        return shown

    def _middle(self, ref: Ref) -> NDArray[Any]:
        image = self.raw(ref)
        per_slice = len(image) // (2 * self.spec.context + 1)
        return image[self.spec.context * per_slice : (self.spec.context + 1) * per_slice]

    def pictured(self, refs: Sequence[Ref], generator: torch.Generator) -> list[Preview]:
        """Return training samples as the network sees them."""
        images, targets = self.batch(refs, generator)
        middle = self.spec.context * (3 if self.spec.colour else 1)
        per_slice = 3 if self.spec.colour else 1
        return [
            grey_preview(image[middle : middle + per_slice].numpy(), self.classes[int(target.argmax())])
            for image, target in zip(images, targets, strict=True)
        ]

    # Export

    def calibrate(self) -> Output:
        """Choose temperature, the classes' shifts and thresholds on the validation split (series, where it has stacks).

        Shifts go into the network that is exported.
        """
        refs, targets = self._validation
        activation = "sigmoid" if self.is_multi_label else "softmax"
        truth = targets > 0 if self.is_multi_label else targets.argmax(1)
        temperature, shift = metrics.fit_calibration(self.logits(refs), truth)
        with torch.no_grad():
            self.averaged.head.get_parameter("bias").add_(torch.from_numpy(shift))
        spec = ClassificationOutput(activation, temperature, self.config["top_k"], (0.5,) * len(self.classes))
        chances, truths = self._of_series(spec)
        thresholds: tuple[float, ...] = ()
        if self.is_multi_label:
            pairs = zip(truths.T, chances.T, strict=True)
            thresholds = tuple(metrics.choose_threshold(true.astype(int), chance) for true, chance in pairs)
        elif len(self.classes) == 2:
            thresholds = (metrics.choose_threshold(truths[:, 1].astype(int), 1 - chances[:, 0]),)
        return ClassificationOutput(activation, temperature, self.config["top_k"], thresholds)

    def _of_series(self, spec: ClassificationOutput) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return (probabilities, truths) of the validation split's series, (series, classes) each."""
        refs = self.refs("validation", labelled=False)
        slices = probabilities(self.logits(refs), spec.temperature, spec.activation)
        rows: dict[int, list[NDArray[np.float32]]] = {}
        for ref, chance in zip(refs, slices, strict=True):
            rows.setdefault(ref[0], []).append(chance)
        chances = np.stack(
            [
                one[0].astype(np.float64) if self.spec.dimensions == 3 else aggregate(np.stack(one), spec)
                for one in rows.values()
            ]
        )
        truths = [self._truth(self.prepared.items[number]) for number in rows]
        return chances, np.stack(truths)

    def _truth(self, item: Item) -> NDArray[np.float32]:
        names = item.labels if self.is_multi_label else (item.label,)
        return np.array([float(name in names) for name in self.classes], np.float32)

    def export(self) -> Export:
        """Return logits, activation and embedding, of samples of any size: convolutions and pooling ask for none."""
        axes = self.spec.dimensions
        # Where the last map is of a single place, its axes would be taken for fixed.
        example = torch.zeros(2, self.spec.channels, *(2 * total_stride(self.config),) * axes)
        return Export(("image",), ("logits", "activation", "embedding"), (example,), ((1,) * axes,))

    def parity_refs(self) -> list[Ref]:
        """Return all slices, or volumes."""
        return self.refs("validation", labelled=False)

    def parity_inputs(self, refs: Sequence[Ref]) -> tuple[NDArray[np.generic], ...]:
        """Return the images."""
        return (self.stacked(refs).numpy(),)

    @property
    def parity_size(self) -> int:
        """Of volumes few."""
        return 32 if self.spec.dimensions == 2 else 2


def _classes_of(item: Item) -> set[str]:
    return set(item.labels) | {label for label in item.slice_labels if label} | ({item.label} if item.label else set())


def once(measure: Any, count: int) -> dict[str, float | None]:
    """Return a measure's figures over all of so many samples, without intervals; None for what is not defined."""
    overall = measure(np.ones((1, count))).overall
    return {name: float(values[0]) if np.isfinite(values[0]) else None for name, values in overall.items()}
