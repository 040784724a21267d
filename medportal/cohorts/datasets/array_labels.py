"""Arrays of labels: numbers or words, one for each image, or several columns of 1 and 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.cohorts.datasets.items import DataSet, Options
from medportal.errors import InvalidError

_MOST_CLASSES, _MOST_LETTERS = 1000, 60
# Given a part and a place in it: the labels there.
Say = Callable[[str, int], tuple[str, ...]]


def labels_of(part: str, arrays: Mapping[str, tuple[str, NDArray[Any]]]) -> NDArray[Any]:
    """Return a part's labels (n, k): whole numbers, or words in one column; InvalidError `unlabelled` or `npz`."""
    images_name, images = arrays["images"]
    if "labels" not in arrays:
        name = f"{part}_labels" if part else "labels"
        raise InvalidError("unlabelled", f"There is no array “{name}” for the images “{images_name}”.")
    name, labels = arrays["labels"]
    labels = labels[:, None] if labels.ndim == 1 else labels
    is_text = labels.dtype.kind in "US" and labels.ndim == 2 and labels.shape[1] == 1
    is_number = labels.dtype.kind in "biu" or (labels.dtype.kind == "f" and bool((labels == np.round(labels)).all()))
    if labels.ndim != 2 or not labels.shape[1] or not (is_number or is_text) or len(labels) != len(images):
        detail = f"“{name}” are not whole numbers, nor words, one row for each of {len(images)} images."
        raise InvalidError("npz", detail)
    if is_text:
        return np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels
    return labels.astype(np.int64)


def name_labels(data: DataSet, labels: Mapping[str, NDArray[Any]], options: Options) -> Say:
    """Set the data set's kind and classes; return what says the labels of an image."""
    if not labels:
        return lambda _part, _index: ()
    if any(array.dtype.kind == "U" for array in labels.values()):
        if not all(array.dtype.kind == "U" for array in labels.values()):
            raise InvalidError("npz", "The labels of one split are words, of another numbers.")
        data.kind = "classes"
        return partial(_word, labels)
    if len({array.shape[1] for array in labels.values()}) > 1:
        raise InvalidError("npz", "The splits have different numbers of label columns.")
    every = np.concatenate(list(labels.values()))
    width = every.shape[1]
    if every.size and (every.min() < 0 or (width > 1 and every.max() > 1)):
        raise InvalidError("npz", "Labels are numbers from 0 on; in several columns, 1 or 0.")
    if width > 1 and not options.is_multi_label and bool((every.sum(axis=1) == 1).all()):
        data.notes.append("Each row of labels has exactly one 1: they are one label for each image.")
        labels = {part: array.argmax(axis=1)[:, None] for part, array in labels.items()}
        data.kind = "classes"
        names = _named(data, every.argmax(axis=1), width, options)
    elif width > 1:
        data.kind = "multi_label"
        names = _named(data, np.arange(width), width, options)
        return lambda part, index: tuple(names[place] for place in np.flatnonzero(labels[part][index]).tolist())
    else:
        data.kind = "classes"
        names = _named(data, every, int(every.max(initial=-1)) + 1, options)
    return lambda part, index: (names[int(labels[part][index, 0])],)


def _named(data: DataSet, occurring: NDArray[np.int64], count: int, options: Options) -> dict[int, str]:
    """Return the names of numbers: those that are given are of 0, 1, … or, as many, of those that occur, in order."""
    numbers = np.unique(occurring).tolist()
    if len(numbers) > _MOST_CLASSES:
        raise InvalidError("npz", f"There are {len(numbers)} different labels: they are no classes.")
    given = options.classes
    if not given:
        names = {number: str(number) for number in numbers}
    elif len(given) == count:
        names = dict(enumerate(given))
    elif len(given) == len(numbers):
        names = dict(zip(numbers, given, strict=True))
        listed = ", ".join(f"{number} is “{name}”" for number, name in names.items())
        data.notes.append(f"The labels have gaps: {listed}.")
    else:
        found = ", ".join(map(str, numbers[:20]))
        raise InvalidError("classes", f"{len(given)} classes are named, but the labels are {found}.")
    data.classes = list(names.values())
    return names


def _word(labels: Mapping[str, NDArray[Any]], part: str, index: int) -> tuple[str, ...]:
    word = str(labels[part][index, 0]).strip()
    if not word:
        raise InvalidError("unlabelled", "it has no label.")
    if len(word) > _MOST_LETTERS:
        raise InvalidError("label", f"the label “{word[:20]}…” is longer than {_MOST_LETTERS} characters.")
    return (word,)
