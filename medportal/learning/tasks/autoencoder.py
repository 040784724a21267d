"""Autoencoders: slices given back through a code; what is not given back is an anomaly, and the code says what is alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medportal.inference.manifest import Output, ReconstructionOutput
from medportal.inference.postprocess import anomaly_map, anomaly_score
from medportal.learning import augment, metrics
from medportal.learning.foreign import pasted
from medportal.learning.networks.autoencoder import Autoencoder, build_autoencoder, code_values
from medportal.learning.tasks.base import Batch, Export, Preview, Ref, Task, channels_last, grey_preview, run_batches

EVALUATION_BATCH = 64
# Slices that an epoch's figures are taken from at most, and pictures of the live page.
MEASURED, SHOWN = 800, 6
# Where nothing is known of what is anomalous, this part of the validation series is not called so.
USUAL = 0.99
Floats = NDArray[np.float32]


class AutoencoderTask(Task):
    """A sample is (item, slice)."""

    network: Autoencoder

    def build(self) -> nn.Module:
        """Return the autoencoder that the configuration asks for."""
        network = build_autoencoder(self.config, channels=self.spec.channels)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    @property
    def classes(self) -> tuple[str, ...]:
        """There are none: a series is as usual or it is not."""
        return ()

    # Samples

    def refs(self, split: str) -> list[Ref]:
        """Return a split's slices, but those that are said to take no part."""
        items = [(number, self.prepared.items[number]) for number in self.prepared.of_split(split)]
        return [
            (number, index)
            for number, item in items
            for index, label in enumerate(item.slice_labels)
            if label is not None
        ]

    def is_odd(self, ref: Ref) -> bool | None:
        """Say whether a slice shows what is not usual: a mask, a box, a class that is not the first; None: not known."""
        number, index = ref
        item = self.prepared.items[number]
        if item.mask_offset is not None:
            return bool(self.prepared.mask(number)[index].any())
        if self._has_boxes:
            return any(box[1] < index + 1 and box[4] > index for box in item.boxes)
        if self._has_several_labels:
            return bool(item.labels)
        label = item.slice_labels[index]
        return label != self.prepared.classes[0] if self.prepared.classes and label is not None else None

    @cached_property
    def _has_boxes(self) -> bool:
        return any(item.boxes for item in self.prepared.items)

    @cached_property
    def _has_several_labels(self) -> bool:
        return any(item.labels for item in self.prepared.items)

    @cached_property
    def _training(self) -> list[Ref]:
        refs = self.refs("train")
        usual = [ref for ref in refs if self.is_odd(ref) is False] if self.config["normal_only"] else []
        # Where all is marked, as organs are, there is nothing else to learn from.
        return usual or refs

    def epoch(self, number: int) -> list[Ref]:
        """Return the slices mixed."""
        return [self._training[k] for k in self.rng(number).permutation(len(self._training))]

    def stacked(self, refs: Sequence[Ref]) -> Tensor:
        """Return slices without augmentation, (batch, channels, rows, columns)."""
        return torch.from_numpy(
            np.stack([self.prepared.sample(number, index, self.spec.context) for number, index in refs])
        ).float()

    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return (what the network sees, what it is to give back): slices with and without what was pasted into them."""
        images = self.stacked(refs)
        size = tuple(images.shape[2:])
        moves = augment.draw_moves(len(images), size, self.config, generator)
        images = augment.moved(images, augment.grid_of(moves, size))
        images = augment.change_intensity(images, self.config["intensity"], generator).clamp(0, 1)
        return channels_last(pasted(images, self.config["foreign"], generator)), channels_last(images)

    # Loss

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean squared error; of a variational autoencoder with the code's distance from a normal distribution.

        That is the Kullback-Leibler divergence (Kingma and Welling 2014, appendix B), for each value of the slice,
        `beta` times (Higgins et al. 2017).
        """
        seen, wanted = batch
        mean, spread, _ = self.network.encode(seen)
        code = mean
        if self.network.is_variational:
            code = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        given = self.network.decode(code, wanted.shape[-2], wanted.shape[-1]).float()
        loss = (given - wanted).square().mean()
        if self.network.is_variational:
            divergence = (mean.square() + spread.exp() - 1 - spread).float().sum() / 2
            loss = loss + self.config["beta"] * divergence / wanted.numel()
        return loss

    # Figures

    @cached_property
    def _validation(self) -> list[Ref]:
        return self.refs("validation")

    def given_back(
        self, refs: Sequence[Ref], check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yield each slice and its reconstruction by the averaged network."""
        parts = [refs[k : k + EVALUATION_BATCH] for k in range(0, len(refs), EVALUATION_BATCH)]
        answers = run_batches(self.averaged, (channels_last(self.stacked(part)) for part in parts), self.device, check)
        for part, answer in zip(parts, answers, strict=True):
            yield from zip(self.stacked(part).numpy(), answer[0].numpy(), strict=True)

    def _measured(self, refs: Sequence[Ref], check: Callable[[], None] = lambda: None) -> tuple[Floats, Floats]:
        """Return the slices' mean squared errors and anomaly scores."""
        spec = self._output(0.5)
        rows = [
            (np.square(image - given).mean(), anomaly_score(anomaly_map(image, given, spec), spec.share))
            for image, given in self.given_back(refs, check)
        ]
        errors, scores = np.array(rows, np.float32).T
        return errors, scores

    def figures(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return error and PSNR of validation slices, and how well the anomaly score tells those that are odd."""
        places = np.unique(np.linspace(0, len(self._validation) - 1, MEASURED).astype(int))
        refs = [self._validation[k] for k in places]
        errors, scores = self._measured(refs, check)
        error = float(errors.mean())
        told = [(odd, score) for ref, score in zip(refs, scores, strict=True) if (odd := self.is_odd(ref)) is not None]
        auc = metrics.auc(np.array([odd for odd, _ in told], bool), np.array([score for _, score in told]))
        return {
            "validation_loss": error,
            "psnr": float(-10 * np.log10(max(error, 1e-12))),
            **({} if auc is None else {"anomaly_auc": auc}),
        }

    def previews(self) -> list[Preview]:
        """Return validation slices beside their reconstructions and anomaly maps."""
        known = {
            is_odd: [ref for ref in self._validation if bool(self.is_odd(ref)) is is_odd] for is_odd in (False, True)
        }
        refs = [ref for listed in known.values() for ref in _evenly(listed, SHOWN // 2)]
        rows = [(image, given, anomaly_map(image, given, self._output(0.5))) for image, given in self.given_back(refs)]
        most = max((float(row[2].max()) for row in rows), default=1.0) or 1.0
        shown = []
        for ref, (image, given, odd) in zip(refs, rows, strict=True):
            parts = (self._middle(image), self._middle(given), np.broadcast_to(odd / most, self._middle(image).shape))
            caption = f"{self._name(ref)}: slice, reconstruction, anomaly".removeprefix(": ")
            shown.append(grey_preview(np.concatenate(parts, axis=2), caption))
        return shown

    def pictured(self, refs: Sequence[Ref], generator: torch.Generator) -> list[Preview]:
        """Return training slices as the network sees them, with what is pasted into them."""
        images, _ = self.batch(refs, generator)
        return [
            grey_preview(self._middle(image), self._name(ref)) for ref, image in zip(refs, images.numpy(), strict=True)
        ]

    def _middle(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return a sample's own slice, without its neighbours."""
        per_slice = len(image) // (2 * self.spec.context + 1)
        return image[self.spec.context * per_slice : (self.spec.context + 1) * per_slice]

    def _name(self, ref: Ref) -> str:
        return self.prepared.items[ref[0]].slice_labels[ref[1]] or ""

    # Export

    def _output(self, threshold: float) -> ReconstructionOutput:
        """Return the manifest's words at a threshold, which is shown at half brightness."""
        return ReconstructionOutput(
            full_scale=max(2 * threshold, 1e-3),
            threshold=threshold,
            smoothing=self.config["smoothing"],
            share=self.config["share"],
            compression=self.spec.channels * self.config["size"] ** 2 / code_values(self.config),
        )

    def calibrate(self) -> Output:
        """Choose the threshold on the highest score of each validation series.

        Where it is known which are not usual: that of the best balanced accuracy; else that which one in a hundred passes.
        """
        _, scores = self._measured(self._validation)
        highest: dict[int, float] = {}
        for ref, score in zip(self._validation, scores, strict=True):
            highest[ref[0]] = max(highest.get(ref[0], 0.0), float(score))
        values = np.array(list(highest.values()))
        odd = [self._is_odd_series(number) for number in highest]
        if True in odd and False in odd:
            return self._output(metrics.choose_cut(np.array([one is True for one in odd]), values))
        return self._output(float(np.quantile(values, USUAL)))

    def _is_odd_series(self, number: int) -> bool | None:
        told = {self.is_odd((number, index)) for index in range(len(self.prepared.items[number].slice_labels))}
        return True in told if told != {None} else None

    def export(self) -> Export:
        """Return reconstruction and embedding, of samples of the prepared size: the description's places are of that one."""
        return Export(("image",), ("reconstruction", "embedding"), (self.stacked((self._validation * 2)[:2]),))

    def parity_refs(self) -> list[Ref]:
        """Return all slices."""
        return self._validation

    def parity_inputs(self, refs: Sequence[Ref]) -> tuple[NDArray[np.generic], ...]:
        """Return the images."""
        return (self.stacked(refs).numpy(),)


def _evenly(refs: Sequence[Ref], count: int) -> list[Ref]:
    return [refs[k] for k in np.unique(np.linspace(0, len(refs) - 1, count).astype(int))] if refs else []
