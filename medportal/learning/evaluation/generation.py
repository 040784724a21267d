"""Generators: their images beside the real ones of a split, and beside those that they were shown."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medportal.errors import InvalidError
from medportal.inference.generate import generate
from medportal.inference.manifest import Manifest
from medportal.inference.pieces import Answer
from medportal.inference.preprocess import prepare_volume
from medportal.inference.session import Session
from medportal.learning.evaluation.task import Record, TaskEvaluation
from medportal.learning.metrics.figures import Figures, Floats
from medportal.learning.metrics.generation import DISTANCE_ROUNDS, generation_figures
from medportal.learning.prepared import SeriesToPrepare

# Features are the greatest principal components of images of this side.
SIDE, COMPONENTS = 32, 48
SLICES_OF_SERIES = 8
FEWEST, MOST = 64, 1000
SHOWN = 24
SEED = 0


class GenerationEvaluation(TaskEvaluation):
    """The distance and variety of generated images in the site's own features; see `Components`."""

    kinds = ("classes", "multi_label", "masks", "boxes", "images")
    reference_split = "train"
    has_subgroups = False

    def __init__(self, manifest: Manifest, *, kind: str, classes: Sequence[str], distance_unit: str = "mm") -> None:
        super().__init__(manifest, kind=kind, classes=classes, distance_unit=distance_unit)
        self._generated = np.zeros((0, SIDE, SIDE), np.uint8)
        self._labels: list[str] = []
        self._reference = self._generated
        if self.classes:
            self.require_known(self.classes)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that images are generated of and of which the cohort knows which they are."""
        return self.cohort_classes if self.kind == "classes" and len(self.manifest.classes) > 1 else ()

    def read(self, session: Session, one: SeriesToPrepare, *, check: Callable[[], None] = lambda: None) -> Record:  # noqa: ARG002 - nothing is run on it
        """Return small copies of a series' slices, prepared as they were for the generator."""
        prepared, _ = prepare_volume(self.manifest.input, one.volume)
        slices = np.unique(np.linspace(0, prepared.shape[1] - 1, SLICES_OF_SERIES).round().astype(int))
        small = np.stack([small_of(prepared[:, k]) for k in slices])
        images = base64.b64encode(small.tobytes()).decode()
        return {
            "truth": one.label,
            "prediction": "",
            "score": None,
            "loss": 0.0,
            "slice": 0,
            "data": {"images": images, "count": len(small)},
        }

    def record(self, one: SeriesToPrepare, found: Answer) -> Record:  # noqa: ARG002
        """Refuse: a generator answers nothing about a series."""
        raise InvalidError("package_does_not_fit", f"A generator is not run on a series such as {one.series_uid}.")

    def complete(self, session: Session, reference: Sequence[Record], records: Sequence[Record]) -> None:
        """Generate as many images as there are real ones, of each class in the same part."""
        wanted = Counter(record["truth"] if self.classes else "" for record in records)
        total = min(max(sum(record["data"]["count"] for record in records), FEWEST), MOST)
        images: list[NDArray[np.uint8]] = []
        self._labels = []
        for number, (label, count) in enumerate(sorted(wanted.items())):
            share = max(2, round(total * count / len(records)))
            found = generate(session, count=share, seed=SEED + number, label=label or None)
            images += [small_of(image) for image in found]
            self._labels += [label] * share
        self._generated = np.stack(images)
        self._reference = _images(reference)

    def figures(self, records: Sequence[Record], *, rounds: int = DISTANCE_ROUNDS) -> Figures:
        """Return the figures of `metrics.generation`; of each class too, where images are generated of it."""
        real = _images(records)
        features = Components(self._reference if len(self._reference) else real)
        groups = [str(record["group"]) for record in records for _ in range(record["data"]["count"])]
        truth = np.array([record["truth"] for record in records for _ in range(record["data"]["count"])], str)
        labels = np.array(self._labels, str)
        training = features(self._reference) if len(self._reference) else None
        found = generation_figures(
            features(real),
            features(self._generated),
            groups=groups,
            training=training,
            rounds=min(rounds, DISTANCE_ROUNDS),
        )
        by_class = []
        for name in self.classes:
            mine, theirs = real[truth == name], self._generated[labels == name]
            if min(len(mine), len(theirs)) < 2:
                return found
            chosen = [group for group, label in zip(groups, truth, strict=True) if label == name]
            by_class.append(generation_figures(features(mine), features(theirs), groups=chosen, rounds=30).overall)
        told = ("frechet", "diversity", "realistic", "covered")
        return Figures(found.overall, {name: [one[name] for one in by_class] for name in told if by_class})

    def sections(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return some of the generated images, and of what the features are made."""
        places = np.linspace(0, len(self._generated) - 1, min(SHOWN, len(self._generated))).astype(int)
        return {
            "features": f"{COMPONENTS} principal components of {SIDE} × {SIDE} pixels",
            "generated": len(self._generated),
            "training_images": len(self._reference),
            "real_images": sum(record["data"]["count"] for record in records),
            "samples": [
                {
                    "caption": self._labels[k],
                    "side": SIDE,
                    "grey": base64.b64encode(self._generated[k].tobytes()).decode(),
                }
                for k in places
            ],
        }


def small_of(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image (channels, rows, columns) of 0…1 in grey, SIDE × SIDE, as bytes; smoothed before it is made smaller."""
    plane = np.asarray(image, np.float32).mean(axis=0)
    factors = [SIDE / side for side in plane.shape]
    smoothed = ndimage.gaussian_filter(plane, [max(0.0, (1 / factor - 1) / 2) for factor in factors])
    small = ndimage.zoom(smoothed, factors, order=1, grid_mode=True, mode="nearest")
    return np.asarray(np.clip(small * 255, 0, 255).round().astype(np.uint8))


class Components:
    """The greatest principal components of images (samples, SIDE, SIDE): distances in them are nearly those of the pixels.

    They are the site's own: no network trained elsewhere on photographs says what is alike.
    """

    def __init__(self, images: NDArray[np.uint8]) -> None:
        flat = _flat(images)
        self._mean = flat.mean(axis=0)
        _, _, rows = np.linalg.svd(flat - self._mean, full_matrices=False)
        self._rows = rows[:COMPONENTS]

    def __call__(self, images: NDArray[np.uint8]) -> Floats:
        """Return (samples, components)."""
        return np.asarray((_flat(images) - self._mean) @ self._rows.T, np.float64)


def _flat(images: NDArray[np.uint8]) -> Floats:
    return images.reshape(len(images), -1).astype(np.float64) / 255


def _images(records: Sequence[Record]) -> NDArray[np.uint8]:
    raw = [np.frombuffer(base64.b64decode(record["data"]["images"]), np.uint8) for record in records]
    return np.concatenate(raw).reshape(-1, SIDE, SIDE) if raw else np.zeros((0, SIDE, SIDE), np.uint8)
