"""What the loop asks of a task: samples, a loss, figures; and what export asks: a network, its names, its parity."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from medportal.inference.manifest import InputSpec, Output
from medportal.learning.store import Prepared

# (number of the item, slice) or whatever a task calls a sample.
Ref = tuple[int, ...]
Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class Export:
    """How a network is exported: examples of its inputs, names, and which axes may be of any length.

    `multiples[i]` says for each axis of input i: 0, fixed; k, any multiple of k; the batch is always free.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    examples: tuple[Tensor, ...]
    multiples: tuple[tuple[int, ...], ...] = ((),)


@dataclass(frozen=True)
class Preview:
    """A picture that the live page shows: uint8 (rows, columns[, 3]), with a caption."""

    image: NDArray[np.uint8]
    caption: str
    kind: str = "sample"


@dataclass
class Step:
    """A part of a training step: the parameters it trains, and its loss of a batch."""

    parameters: list[nn.Parameter]
    loss: Callable[[Batch], Tensor]
    # Of AdamW.
    betas: tuple[float, float] = (0.9, 0.999)
    learning_rate: float | None = None
    # It is taken on every so-manieth batch of an epoch.
    every: int = 1


class Task(ABC):
    """A recipe at work on a prepared folder. `network` learns; `averaged` is what is measured and exported."""

    # Whether a batch of one sample teaches nothing, as where there is a batch norm.
    needs_pairs = True

    def __init__(self, prepared: Prepared, config: dict[str, Any], spec: InputSpec) -> None:
        self.prepared, self.config, self.spec = prepared, config, spec
        self.device = torch.device("cpu")
        self.network: nn.Module = self.build()
        self.averaged: nn.Module = self.network
        if config["average"] > 0:
            self.averaged = copy.deepcopy(self.network).requires_grad_(requires_grad=False).eval()
        # Steps of the network, and batches that were learnt from.
        self.updates = self.seen = 0
        self._values: list[tuple[list[Tensor], list[Tensor]]] = []

    def settle(self, device: torch.device) -> None:
        """Note that the networks lie on a device now: their buffers are others than before."""
        self.device = device
        self._values = [_values(network) for network in (self.averaged, self.network)]

    # What learns

    @abstractmethod
    def build(self) -> nn.Module:
        """Return a fresh network."""

    def modules(self) -> nn.ModuleDict:
        """Return all that has weights, by name: what a checkpoint holds."""
        named: dict[str, nn.Module] = {"network": self.network}
        if self.averaged is not self.network:
            named["averaged"] = self.averaged
        return nn.ModuleDict(named)

    def steps(self) -> list[Step]:
        """Return the parts of a training step, in order."""
        return [Step(list(self.network.parameters()), self.loss)]

    def names_of_losses(self) -> list[str]:
        """Return what the losses of the steps are called, in order."""
        return ["train_loss"]

    def average(self) -> None:
        """Let the running average take a step towards the network; quickly at first."""
        self.updates += 1
        if self.averaged is self.network:
            return
        keep = min(self.config["average"], (1 + self.updates) / (10 + self.updates))
        (means, counts), (values, counted) = self._values
        get_ema_multi_avg_fn(keep)(means, values, self.updates)  # type: ignore[no-untyped-call]
        for count, now in zip(counts, counted, strict=True):
            count.copy_(now)

    # What it learns from

    @abstractmethod
    def epoch(self, number: int) -> list[Ref]:
        """Return the samples of an epoch in order: by seed and number alone, so that a resumed run goes on as it would have."""

    @abstractmethod
    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return samples, augmented, with their truth: tensors whose first axis is the batch."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch that lies on the device."""

    def rng(self, number: int) -> np.random.Generator:
        """Return the generator of an epoch's order."""
        return np.random.default_rng([self.config["seed"], number])

    # What it is worth

    @abstractmethod
    def figures(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return the averaged network's figures on the validation split; `check` may raise to break off."""

    def previews(self) -> list[Preview]:
        """Return a few validation samples with what the averaged network says of them."""
        return []

    @abstractmethod
    def pictured(self, refs: Sequence[Ref], generator: torch.Generator) -> list[Preview]:
        """Return training samples, augmented, as the form shows them."""

    def some(self, count: int) -> list[Ref]:
        """Return the first training samples, of as many epochs as it takes."""
        epochs = -(-count // max(1, len(self.epoch(0))))
        return [ref for number in range(epochs) for ref in self.epoch(number)][:count]

    # What is exported

    @abstractmethod
    def calibrate(self) -> Output:
        """Choose on the validation split what turns the network's answer into a result; the manifest's words on it."""

    @abstractmethod
    def export(self) -> Export:
        """Return how the averaged network is exported."""

    @abstractmethod
    def parity_refs(self) -> list[Ref]:
        """Return samples that are the whole validation split, as the package is given it."""

    @abstractmethod
    def parity_inputs(self, refs: Sequence[Ref]) -> tuple[NDArray[np.generic], ...]:
        """Return samples of `parity_refs` as the network's inputs."""

    @property
    def parity_size(self) -> int:
        """How many samples are compared at once."""
        return 32

    def parity_batches(self) -> Iterator[tuple[NDArray[np.generic], ...]]:
        """Yield inputs of the whole validation split, a few at a time; the first two samples become the golden ones.

        They are mixed: whoever takes a part of them has seen something of every series.
        """
        refs = self.parity_refs()
        order = self.rng(0).permutation(len(refs))
        for start in range(0, len(refs), self.parity_size):
            yield self.parity_inputs([refs[k] for k in order[start : start + self.parity_size]])

    def differences(self, ours: dict[str, NDArray[Any]], theirs: dict[str, NDArray[Any]]) -> dict[str, float]:
        """Return how far ONNX Runtime is from torch, each output as a part of 1 or of its largest value."""
        return {
            name: float(np.abs(ours[name] - theirs[name]).max() / max(1.0, float(np.abs(theirs[name]).max())))
            for name in theirs
        }

    def together(self, differences: Sequence[dict[str, float]]) -> dict[str, float]:
        """Return the differences over all batches from those of each: the furthest; NaN where there is one."""
        return {name: float(np.max([one[name] for one in differences])) for name in differences[0]}

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the manifest names."""
        return self.prepared.classes

    def on_device(self, batch: Batch) -> Batch:
        """Return a batch on the device."""
        return tuple(one.to(self.device, non_blocking=True) for one in batch)


@torch.no_grad()
def _values(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Return a network's parameters and buffers that are averaged, and those that are counted."""
    values: list[Tensor] = list(network.parameters())
    counted: list[Tensor] = []
    for buffer in network.buffers():
        (values if buffer.dtype.is_floating_point else counted).append(buffer)
    return values, counted


def run_batches(
    network: nn.Module, batches: Iterator[Tensor], device: torch.device, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[Tensor, ...]]:
    """Yield a network's outputs, on the CPU in single precision, batch after batch; it stays in the mode it was in."""
    was_training = network.training
    network.eval()
    try:
        for batch in batches:
            check()
            with torch.no_grad():
                answers = network(batch.to(device))
            yield tuple(one.float().cpu() for one in (answers if isinstance(answers, tuple) else (answers,)))
    finally:
        network.train(was_training)


def channels_last(images: Tensor) -> Tensor:
    """Return images in the memory order that convolutions are quickest with."""
    return images.contiguous(memory_format=torch.channels_last if images.ndim == 4 else torch.channels_last_3d)


def grey_preview(image: NDArray[Any], caption: str, kind: str = "sample") -> Preview:
    """Return a sample (channels, [slices,] rows, columns) in 0…1 as a picture: its middle slice and channel, or colours."""
    if image.ndim == 4:
        image = image[:, image.shape[1] // 2]
    shown = np.moveaxis(image, 0, -1) if len(image) == 3 and kind != "context" else image[len(image) // 2]
    return Preview(np.clip(np.asarray(shown, np.float32) * 255, 0, 255).astype(np.uint8), caption, kind)
