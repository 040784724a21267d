"""Generation: a generator learns to paint images of each class from a critic that learns to tell them from real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from medportal.inference.manifest import GenerationOutput, Output
from medportal.learning.critic_views import adapted, viewed
from medportal.learning.evaluation.generation import Components, small_of
from medportal.learning.metrics.generation import frechet_distance, is_memorised, mean_pairwise_distance
from medportal.learning.networks.generator import Critic, Generator, build_pair
from medportal.learning.tasks.base import (
    Batch,
    Export,
    Preview,
    Ref,
    Step,
    Task,
    channels_last,
    grey_preview,
    run_batches,
)

EVALUATION_BATCH = 64
# Images that an epoch's figures are taken of, at least and at most; real ones that the features are made from.
FEWEST, MOST, KNOWN = 64, 512, 2000
# Pictures of each class on the live page, a side.
SHOWN = 4
# The penalty on the real images' gradient is taken on every so-manieth batch, so many times (Karras et al. 2020, B).
LAZY = 4
# Of Adam: with momentum a generator and its critic run after each other in circles (Gulrajani et al. 2017, Karras et al. 2018).
BETAS = (0.0, 0.99)
# What Gulrajani et al. 2017 weigh their penalty with, where the other weighs 1.
_WASSERSTEIN = 10.0
Floats = NDArray[np.float64]


class GenerationTask(Task):
    """A sample is (item, slice). `network` is the generator; `critic` learns beside it and is not exported."""

    network: Generator
    critic: Critic

    def build(self) -> nn.Module:
        """Return the generator, and keep the critic."""
        if self.prepared.classes:
            self.prepared.require_classes(("train",), lambda item: {name for name in item.slice_labels if name})
        generator, critic = build_pair(self.config, channels=self.spec.channels, classes=self.kinds)
        self.critic = critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def modules(self) -> nn.ModuleDict:
        """Return generator, its average and critic."""
        named = super().modules()
        named["critic"] = self.critic
        return named

    @property
    def kinds(self) -> int:
        """How many classes are told apart; without classes all images are of one."""
        return max(len(self.prepared.classes), 1)

    @property
    def critic_steps(self) -> int:
        """How often the critic learns for each time that the generator does."""
        return int(self.config["critic_steps"] or (3 if self._is_wasserstein else 1))

    def steps(self) -> list[Step]:
        """Return a step of the critic, then one of the generator on every so-manieth batch."""
        return [
            Step(list(self.critic.parameters()), self.loss, betas=BETAS),
            Step(list(self.network.parameters()), self.generator_loss, betas=BETAS, every=self.critic_steps),
        ]

    def names_of_losses(self) -> list[str]:
        """Return what the losses are called."""
        return ["critic_loss", "generator_loss"]

    # Samples

    def refs(self, split: str) -> list[Ref]:
        """Return a split's slices of which the class is known."""
        items = [(number, self.prepared.items[number]) for number in self.prepared.of_split(split)]
        known = set(self.prepared.classes)
        return [
            (number, index)
            for number, item in items
            for index, label in enumerate(item.slice_labels)
            if label is not None and (not known or label in known)
        ]

    def class_of(self, ref: Ref) -> int:
        """Return the number of a slice's class."""
        label = self.prepared.items[ref[0]].slice_labels[ref[1]]
        return self.prepared.classes.index(str(label)) if self.prepared.classes else 0

    @cached_property
    def _training(self) -> list[list[Ref]]:
        listed: list[list[Ref]] = [[] for _ in range(self.kinds)]
        for ref in self.refs("train"):
            listed[self.class_of(ref)].append(ref)
        return listed

    def epoch(self, number: int) -> list[Ref]:
        """Return as many samples as there are, of each class equally many: rare ones come again.

        Enough for a step of the generator at least.
        """
        rng = self.rng(number)
        least = self.config["batch_size"] * self.critic_steps
        share = -(-max(sum(map(len, self._training)), least) // self.kinds)
        chosen = [
            [refs[k % len(refs)] for k in range(share)] for refs in map(rng.permutation, map(np.array, self._training))
        ]
        refs = [tuple(map(int, ref)) for listed in chosen for ref in listed]
        return [refs[k] for k in rng.permutation(len(refs))]

    def batch(self, refs: Sequence[Ref], generator: torch.Generator) -> Batch:
        """Return real images and their classes, one-hot."""
        images = torch.from_numpy(np.stack([self.prepared.sample(*ref) for ref in refs])).float()
        if self.config["flip"]:
            mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
            images = torch.where(mirrored, images.flip(3), images)
        return channels_last(images), self._one_hot([self.class_of(ref) for ref in refs])

    def _one_hot(self, labels: Sequence[int]) -> Tensor:
        return F.one_hot(torch.tensor(labels), self.kinds).float()

    # Losses

    def painted(self, labels: Tensor) -> Tensor:
        """Return an image of each label, (batch, classes) one-hot, out of chance."""
        latent = torch.randn(len(labels), self.config["latent"], device=labels.device)
        image: Tensor = self.network(latent, labels)
        return image

    @property
    def _is_wasserstein(self) -> bool:
        return bool(self.config["network"] == "wgan_gp")

    def loss(self, batch: Batch) -> Tensor:
        """Return the critic's loss: logistic (Goodfellow et al. 2014), or the distance of Wasserstein; with its penalty."""
        images, labels = batch
        with torch.no_grad():
            generated = self.painted(labels)
        probability = self.critic.probability
        real, painted = viewed(images, probability), viewed(generated, probability)
        of_real, of_painted = self.critic(torch.cat([real, painted]), labels.repeat(2, 1)).float().chunk(2)
        self._adapt(of_real, of_painted)
        if self._is_wasserstein:
            # The last holds the scores, which only differ, near 0 (Karras et al. 2018).
            loss: Tensor = of_painted.mean() - of_real.mean() + 1e-3 * of_real.square().mean()
        else:
            loss = F.softplus(-of_real).mean() + F.softplus(of_painted).mean()
        return loss + self._penalty(real, painted, labels)

    def _adapt(self, of_real: Tensor, of_painted: Tensor) -> None:
        centre = float(of_real.detach().mean() + of_painted.detach().mean()) / 2 if self._is_wasserstein else 0.0
        known = {"centre": centre, "images": len(of_real), "highest": self.config["adaptive"]}
        self.critic.probability.copy_(adapted(self.critic.probability, of_real, **known))

    def _penalty(self, real: Tensor, painted: Tensor, labels: Tensor) -> Tensor:
        """Return the penalty on the critic's gradient.

        wgan_gp: between real and painted images it is to be of length 1 (Gulrajani et al. 2017). r1: at real images it
        is to be 0 (Mescheder et al. 2018), asked for now and then.
        """
        weight = self.config["penalty"]
        if weight <= 0 or self.config["network"] == "dcgan" or (not self._is_wasserstein and self.seen % LAZY):
            return real.new_zeros(())
        if self._is_wasserstein:
            share = torch.rand(len(real), 1, 1, 1, device=real.device)
            points = share * real + (1 - share) * painted
        else:
            points = real
        points = points.detach().float().requires_grad_()
        with torch.autocast(points.device.type, enabled=False):
            scores = self.critic(points, labels)
            slopes = torch.autograd.grad(scores.sum(), points, create_graph=True)[0].flatten(1)
        if self._is_wasserstein:
            return _WASSERSTEIN * weight * (slopes.norm(dim=1) - 1).square().mean()  # type: ignore[no-any-return]
        return weight / 2 * LAZY * slopes.square().sum(1).mean()  # type: ignore[no-any-return]

    def generator_loss(self, batch: Batch) -> Tensor:
        """Return the generator's loss: how little the critic takes its images for real (not saturating, or Wasserstein)."""
        _, labels = batch
        scores = self.critic(viewed(self.painted(labels), self.critic.probability), labels).float()
        return -scores.mean() if self._is_wasserstein else F.softplus(-scores).mean()

    # Figures

    def drawn(
        self, labels: Sequence[int], *, seed: int = 0, check: Callable[[], None] = lambda: None
    ) -> NDArray[np.float32]:
        """Return an image of each class number by the averaged generator; the same seed gives the same images."""
        latents = np.random.default_rng(seed).standard_normal((len(labels), self.config["latent"])).astype(np.float32)
        asked = torch.cat([torch.from_numpy(latents), self._one_hot(labels)], 1)
        parts = (asked[k : k + EVALUATION_BATCH] for k in range(0, len(asked), EVALUATION_BATCH))
        network = _Joined(self.averaged, self.config["latent"])
        return np.concatenate([one[0].numpy() for one in run_batches(network, parts, self.device, check)])

    @cached_property
    def _real(self) -> tuple[Components, Floats, Floats, list[int]]:
        """Return the features' maker, features of training and of validation images, and the latter's classes."""
        training = _evenly([ref for listed in self._training for ref in listed], KNOWN)
        validation = _evenly(self.refs("validation"), MOST)
        known, others = (
            np.stack([small_of(self.prepared.sample(*ref)) for ref in refs]) for refs in (training, validation)
        )
        features = Components(known)
        return features, features(known), features(others), [self.class_of(ref) for ref in validation]

    def figures(self, check: Callable[[], None]) -> dict[str, Any]:
        """Return how far generated images are from the validation split's, how varied, and how many too near to training's.

        On the same features as an evaluation; see `evaluation.generation`.
        """
        features, training, validation, labels = self._real
        wanted = (labels * -(-FEWEST // len(labels)))[: max(FEWEST, len(labels))]
        generated = features(np.stack([small_of(image) for image in self.drawn(wanted, check=check)]))
        spread = mean_pairwise_distance(validation)
        return {
            "frechet": frechet_distance(validation, generated) if len(validation) > 1 else None,
            "diversity": mean_pairwise_distance(generated) / spread if spread else None,
            "memorised": float(is_memorised(generated, training, held_out=validation).mean()),
            "augmented": float(self.critic.probability),
        }

    def previews(self) -> list[Preview]:
        """Return a grid of images of each class, always of the same chance, so that one sees them become better."""
        names = self.prepared.classes or ("",)
        images = self.drawn([k for k in range(self.kinds) for _ in range(SHOWN**2)])
        grids = images.reshape(self.kinds, SHOWN, SHOWN, *images.shape[1:])
        shown = []
        for name, grid in zip(names, grids, strict=True):
            whole = np.concatenate([np.concatenate(list(row), axis=2) for row in grid], axis=1)
            shown.append(grey_preview(whole, f"{name} (synthetic)".strip(), "generated"))
        return shown

    def pictured(self, refs: Sequence[Ref], generator: torch.Generator) -> list[Preview]:
        """Return training images as the critic sees them at most."""
        images, _ = self.batch(refs, generator)
        seen = viewed(images, torch.tensor(float(self.config["adaptive"])))
        names = self.prepared.classes or ("",)
        return [grey_preview(image, names[self.class_of(ref)]) for ref, image in zip(refs, seen.numpy(), strict=True)]

    # Export

    def calibrate(self) -> Output:
        """Return the manifest's words on what the generator is asked with; there is nothing to choose."""
        return GenerationOutput(self.config["latent"], self.spec.modalities[0], self.spec.spacing_mm)

    def export(self) -> Export:
        """Return image, from latent and class."""
        latent, label = self.parity_inputs([(0,), (1,)])
        return Export(("latent", "class"), ("image",), (torch.from_numpy(latent), torch.from_numpy(label)), ((), ()))

    def parity_refs(self) -> list[Ref]:
        """Return numbers of images, as many as the validation split has: a generator is shown none."""
        return [(number,) for number in range(len(self.refs("validation")))]

    def parity_inputs(self, refs: Sequence[Ref]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return chance and class of each number, always the same."""
        seed, latent = self.config["seed"], self.config["latent"]
        chance = [np.random.default_rng([seed, number]).standard_normal(latent) for (number,) in refs]
        classes = [number % self.kinds for (number,) in refs]
        return np.stack(chance).astype(np.float32), np.eye(self.kinds, dtype=np.float32)[classes]


class _Joined(nn.Module):
    """A generator that takes chance and class as one tensor."""

    def __init__(self, generator: nn.Module, latent: int) -> None:
        super().__init__()
        self.generator, self.latent = generator, latent

    def forward(self, asked: Tensor) -> Tensor:
        """Return images."""
        image: Tensor = self.generator(asked[:, : self.latent], asked[:, self.latent :])
        return image


def _evenly(refs: Sequence[Ref], most: int) -> list[Ref]:
    return [refs[k] for k in np.unique(np.linspace(0, len(refs) - 1, most).astype(int))]
