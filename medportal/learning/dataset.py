"""The prepared folder of a training run: slices as one memory-mapped array, and an index of what each is."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from medportal.errors import InvalidError
from medportal.inference.preprocess import with_context
from medportal.learning.prepared import INDEX, SLICES, SliceRow


class Prepared:
    """A prepared folder, open: `slices` is (N, rows, columns) float16, rows of one series follow one another."""

    def __init__(self, folder: Path, classes: tuple[str, ...]) -> None:
        self.slices: NDArray[np.float16] = np.load(folder / SLICES, mmap_mode="r", allow_pickle=False)
        self.rows = [SliceRow(**row) for row in json.loads((folder / INDEX).read_text())]
        self.classes = classes
        if len(self.rows) != len(self.slices):
            raise InvalidError("prepared_data", "The prepared index and the prepared slices differ in number.")
        self.span = _spans(self.rows)
        for split in ("train", "validation", "test"):
            self._require_classes(split)

    def _require_classes(self, split: str) -> None:
        there = {row.label for row in self.rows if row.split == split}
        if missing := [name for name in self.classes if name not in there]:
            raise InvalidError("empty_class", f"The {split} split has no sample of the class {missing[0]!r}.")

    def of_split(self, split: str, *, labelled: bool = True) -> list[int]:
        """Return the numbers of a split's slices."""
        return [i for i, row in enumerate(self.rows) if row.split == split and (row.label or not labelled)]

    def sample(self, number: int, context: int) -> NDArray[np.float32]:
        """Return a slice between its neighbours of the same series."""
        first, last = self.span[self.rows[number].series_uid]
        return with_context(self.slices[first:last], number - first, context)


def _spans(rows: list[SliceRow]) -> dict[str, tuple[int, int]]:
    """Return series UID → (its first row, one past its last)."""
    spans: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        first, last = spans.get(row.series_uid, (number, number))
        if number != last:
            raise InvalidError("prepared_data", "The slices of a series do not follow one another.")
        spans[row.series_uid] = (first, number + 1)
    return spans


def shuffle_labels(prepared: Prepared, seed: int) -> None:
    """Deal the training and validation patients' labels out anew: the control against shortcuts.

    Each patient takes over the class of another; the slices of a patient that is now positive are positive at the
    same rate as those of true ones, so that only the connection with the image is lost.
    """
    rng = np.random.default_rng(seed)
    for split in ("train", "validation"):
        members: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(prepared.rows):
            if row.split == split:
                members[row.group].append(i)
        positive = [
            g
            for g, rows in members.items()
            if any(prepared.rows[i].label not in (None, prepared.classes[0]) for i in rows)
        ]
        counts = [sum(prepared.rows[i].label not in (None, prepared.classes[0]) for i in members[g]) for g in positive]
        for rows in members.values():
            for i in rows:
                prepared.rows[i] = SliceRow(**{**asdict(prepared.rows[i]), "label": prepared.classes[0]})
        for group, count in zip(rng.permutation(list(members))[: len(positive)], counts, strict=True):
            for i in rng.permutation(members[str(group)])[:count]:
                prepared.rows[i] = SliceRow(**{**asdict(prepared.rows[i]), "label": prepared.classes[1]})


class SliceDataset(Dataset[tuple[Tensor, int]]):
    """Samples of a split with their class numbers."""

    def __init__(self, prepared: Prepared, numbers: list[int], context: int, transform: Any = None) -> None:
        self._prepared, self._numbers, self._context, self._transform = prepared, numbers, context, transform

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        number = self._numbers[position]
        image = torch.from_numpy(self._prepared.sample(number, self._context))
        if self._transform is not None:
            image = torch.as_tensor(self._transform(image))
        return image, self._prepared.classes.index(self._prepared.rows[number].label or self._prepared.classes[0])


class BalancedSampler(Sampler[int]):
    """All samples of the rare classes, and for each of them a few of the first class, drawn anew each time."""

    def __init__(self, labels: list[int], *, ratio: float, repeats: int, seed: int) -> None:
        self._positive = [i for i, label in enumerate(labels) if label != 0]
        self._negative = [i for i, label in enumerate(labels) if label == 0]
        self._count = min(len(self._negative), max(1, round(len(self._positive) * ratio)))
        self._repeats, self._seed = repeats, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self._repeats * (len(self._positive) + self._count)

    def __iter__(self) -> Iterator[int]:
        # The order depends on seed and epoch alone, so that a resumed run goes on as it would have.
        rng = np.random.default_rng([self._seed, self.epoch])
        for _ in range(self._repeats):
            chosen = [*self._positive, *rng.choice(self._negative, self._count, replace=False).tolist()]
            yield from rng.permutation(chosen).tolist()
