"""The prepared folder, open: items of a split with their arrays, memory-mapped, and the classes they are told apart by."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume
from medportal.learning.prepared import IMAGES, INDEX, MASKS, Item, SeriesToPrepare, item_of, read_whole


class Prepared:
    """A prepared folder: its items in order, and the arrays of each."""

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self.folder = folder
        self.items = [item_of(document) for document in json.loads((folder / INDEX).read_text())]
        self.classes = tuple(classes)
        # Items whose mask a control has turned about.
        self.turned: set[int] = set()
        # What a control does to every image.
        self.change: Callable[[NDArray[Any]], NDArray[Any]] | None = None
        self._images = _mapped(folder / IMAGES, np.float16)
        self._masks = _mapped(folder / MASKS, np.uint16)
        if not self.of_split("train"):
            raise InvalidError("empty_split", "The cohort's train split is empty: there is nothing to learn from.")
        if not self.of_split("validation"):
            raise InvalidError("empty_split", "The cohort's validation split is empty: see `learning.splits`.")

    def of_split(self, split: str) -> list[int]:
        """Return the numbers of a split's items."""
        return [number for number, item in enumerate(self.items) if item.split == split]

    @property
    def measured_split(self) -> str:
        """The split that the figures are taken on: test, or validation where there is no test."""
        return "test" if self.of_split("test") else "validation"

    def image(self, number: int) -> NDArray[np.float16]:
        """Return an item's values, (channels, slice, row, column), 0…1."""
        item = self.items[number]
        image = self._images[item.offset : item.offset + int(np.prod(item.shape))].reshape(item.shape)
        return image if self.change is None else self.change(image)

    def mask(self, number: int) -> NDArray[np.uint16]:
        """Return an item's mask, (slice, row, column); raises InvalidError `mask_missing` naming the series."""
        item = self.items[number]
        if item.mask_offset is None:
            raise InvalidError("mask_missing", f"Series {item.series_uid} has no mask.")
        shape = item.shape[1:]
        mask = self._masks[item.mask_offset : item.mask_offset + int(np.prod(shape))].reshape(shape)
        return mask[:, ::-1, ::-1] if number in self.turned else mask

    def whole(self, number: int) -> SeriesToPrepare:
        """Return an item as it came, with its truth; raises InvalidError `prepared_data` where it was not kept."""
        found = read_whole(self.folder, number)
        if found is None:
            raise InvalidError("prepared_data", f"Series {self.items[number].series_uid} was not kept whole.")
        return found

    def as_prepared(self, number: int) -> SeriesToPrepare:
        """Return an item as it was prepared (and changed by a control), with its truth there, as if it came so.

        Values are 0…1; a model reads it whose input is `as_they_are`.
        """
        item, image = self.items[number], np.asarray(self.image(number), np.float32)
        return SeriesToPrepare(
            volume=Volume(
                array=np.moveaxis(image, 0, -1) if len(image) == 3 else image[0],
                spacing_mm_zyx=item.spacing_mm_zyx,
                sop_instance_uids=item.slice_uids[: image.shape[1]] or tuple(map(str, range(image.shape[1]))),
                frames=(1,) * image.shape[1],
            ),
            series_uid=item.series_uid,
            group=item.group,
            split=item.split,
            label=item.label,
            labels=item.labels,
            slice_labels={uid: label for uid, label in zip(item.slice_uids, item.slice_labels, strict=True) if label},
            mask=np.asarray(self.mask(number)) if item.mask_offset is not None else None,
            is_instances=item.is_instances,
            boxes=tuple(Box(box[0], (box[1], box[2], box[3]), (box[4], box[5], box[6])) for box in item.boxes),
        )

    def sample(self, number: int, index: int, context: int = 0) -> NDArray[np.float16]:
        """Return a slice with its neighbours, as `preprocess.with_context` does, in half precision."""
        image = self.image(number)
        if not context:
            return image[:, index]
        near = np.clip(np.arange(index - context, index + context + 1), 0, image.shape[1] - 1)
        return np.concatenate([image[:, k] for k in near])

    def require_classes(self, splits: Sequence[str], of: Any) -> None:
        """Raise InvalidError `empty_class` where a class has no sample in a split; `of(item)` are an item's classes."""
        for split in splits:
            there = {name for number in self.of_split(split) for name in of(self.items[number])}
            if missing := [name for name in self.classes if name not in there]:
                raise InvalidError("empty_class", f"The {split} split has no sample of the class {missing[0]!r}.")


def _mapped(path: Path, dtype: type[np.generic]) -> NDArray[Any]:
    if not path.is_file() or not path.stat().st_size:
        return np.zeros(0, dtype)
    # As a plain array: of a memmap every slice is one again, which takes longer than the slicing.
    return np.asarray(np.memmap(path, dtype, "r"))


def shuffle_labels(prepared: Prepared, seed: int) -> None:
    """Deal the truth of the training and validation groups out anew: the control against shortcuts.

    Each group takes over the classes of another, in their proportion, so that only the connection with the image is
    lost. Masks and boxes are exchanged as wholes between series of the same prepared size.
    """
    rng = np.random.default_rng(seed)
    for split in ("train", "validation"):
        groups: dict[str, list[int]] = defaultdict(list)
        for number in prepared.of_split(split):
            groups[prepared.items[number].group].append(number)
        names = list(groups)
        sources = [[prepared.items[n] for n in groups[names[k]]] for k in rng.permutation(len(names))]
        for name, source in zip(names, sources, strict=True):
            for place, number in enumerate(groups[name]):
                prepared.items[number] = _with_truth_of(prepared.items[number], source[place % len(source)], rng)
        _exchange_marks(prepared, split, rng)


def _with_truth_of(item: Item, other: Item, rng: np.random.Generator) -> Item:
    count = len(item.slice_labels)
    dealt = [other.slice_labels[k % len(other.slice_labels)] for k in range(count)]
    labels = tuple(dealt[k] for k in rng.permutation(count))
    return replace(item, label=other.label, labels=other.labels, slice_labels=labels)


def _with_marks_of(item: Item, other: Item) -> Item:
    return replace(item, mask_offset=other.mask_offset, boxes=other.boxes, is_instances=other.is_instances)


def _exchange_marks(prepared: Prepared, split: str, rng: np.random.Generator) -> None:
    """Exchange masks and boxes among series of one prepared size; one that is alone with its size gets them turned about."""
    by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number in prepared.of_split(split):
        by_shape[prepared.items[number].shape].append(number)
    for numbers in by_shape.values():
        # A ring in mixed order: none keeps its own.
        order = [numbers[k] for k in rng.permutation(len(numbers))]
        items = [prepared.items[number] for number in order]
        for place, number in enumerate(order):
            if len(order) > 1:
                prepared.items[number] = _with_marks_of(items[place], items[place - 1])
            else:
                prepared.turned.add(number)
                prepared.items[number] = replace(items[0], boxes=_turned_boxes(items[0]))


def _turned_boxes(item: Item) -> tuple[tuple[str, float, float, float, float, float, float], ...]:
    """Return boxes upside down and left to right."""
    rows, columns = item.shape[2:]
    return tuple(
        (box[0], box[1], rows - box[5], columns - box[6], box[4], rows - box[2], columns - box[3]) for box in item.boxes
    )


# What the control against shortcuts keeps at each side of an image.
BORDER = 0.15


def blank_middles(prepared: Prepared) -> None:
    """Have all images come without their middle: the control against shortcuts in the background."""
    prepared.change = without_middle


def without_middle(array: NDArray[Any]) -> NDArray[Any]:
    """Return images (…, rows, columns) whose inner 70 % is 0: what is left tells of scanners and couches, not of findings."""
    rows, columns = (round(side * BORDER) for side in array.shape[-2:])
    out = array.copy()
    out[..., rows : array.shape[-2] - rows, columns : array.shape[-1] - columns] = 0
    return out
