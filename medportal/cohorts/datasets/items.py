"""What every format of data set is read into: items that are loaded one by one, and what was said of the whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError, MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume

# Images of one data set.
MOST_ITEMS = 200_000
# Of many, those that are named.
NAMED = 10
# How the three splits are called by others.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# What their names may have beside that.
_BESIDE_SPLITS = ("set", "data", "dataset", "seg", "stage", "split", "images", "imgs", "folder")


@dataclass(frozen=True)
class Options:
    """How a data set is to be read."""

    # In order; others are left out. Of numbered labels and segments: their names, in order of the numbers.
    classes: tuple[str, ...] = ()
    # Columns of a table.
    path_column: str = "path"
    label_columns: tuple[str, ...] = ("label",)
    group_column: str = ""
    split_column: str = ""
    where: tuple[tuple[str, str], ...] = ()
    # What paths of a table are relative to; by default its folder.
    root: Path | None = None
    # A table beside a folder, which tells of groups and splits (and of labels, for DICOM).
    table: Path | None = None
    # Each number of a mask is one object.
    is_instances: bool = False
    # Columns of 1 and 0 are several labels at once, even where each row has exactly one 1.
    is_multi_label: bool = False
    # Leave out what is said of the images.
    is_images_only: bool = False
    modality: str = ""


@dataclass(frozen=True)
class Loaded:
    """An item's pixels and marks: one of a picture stack, a volume, or DICOM files as they are."""

    # (slice, row, column) or (slice, row, column, 3).
    stack: NDArray[Any] | None = None
    volume: Volume | None = None
    files: Sequence[Path] = ()
    # (slice, row, column), on the stack.
    mask: NDArray[np.integer[Any]] | None = None
    segments: Sequence[Mapping[str, Any]] = ()
    boxes: Sequence[Box] | None = None

    @property
    def pixels(self) -> NDArray[Any]:
        """The stack, whatever it came as."""
        if self.volume is not None:
            return self.volume.array
        assert self.stack is not None
        return self.stack


@dataclass(frozen=True)
class Item:
    """One image (or volume, or series) of a data set."""

    # As people know it: its path within the data set, or its place in an array.
    name: str
    load: Callable[[Decoder], Loaded]
    # One, or those that apply of several; () where it has none.
    labels: tuple[str, ...] = ()
    # "" where nothing is said of whom it is.
    group: str = ""
    # "" where nothing is said.
    split: str = ""


@dataclass
class DataSet:
    """A data set as it was found; what is wrong with single items is in `refused`."""

    kind: str
    classes: list[str]
    items: list[Item] = field(default_factory=list)
    # What people should know of how it was read.
    notes: list[str] = field(default_factory=list)
    # (name, reason) of what was left out since it is broken.
    refused: list[tuple[str, str]] = field(default_factory=list)
    # Of masks: each number is one object.
    is_instances: bool = False
    # What items without a group belong to: "" makes each a group of its own by its name and content.
    source_format: str = ""

    def refuse(self, name: str, reason: str) -> None:
        """Leave an item out, with the reason."""
        self.refused.append((name, reason))


@contextmanager
def telling_refused(data: DataSet) -> Iterator[None]:
    """Have what ends the whole tell what was refused by then, which nobody would hear of otherwise."""
    try:
        yield
    except MedportalError as error:
        if not data.refused:
            raise
        named = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in data.refused[:NAMED])
        more = " …" if len(data.refused) > NAMED else "."
        detail = f"{error.detail} Refused by then, {len(data.refused)} in all: {named}{more}"
        raise type(error)(error.code, detail, **error.extra) from error


def split_of(word: str) -> str:
    """Return the split that a word means, be it `train`, `train_set`, `seg_train` or `train2017`; "" for none."""
    parts = [part.rstrip("0123456789") for part in re.split(r"[\W_]+", word.casefold())]
    words = [part for part in parts if part and part not in _BESIDE_SPLITS]
    return SPLIT_WORDS.get(re.sub(r"(data)?set$", "", words[0]), "") if len(words) == 1 else ""


def require_count(number: int) -> None:
    """Refuse a data set of too many items."""
    if number > MOST_ITEMS:
        raise InvalidError("too_many", f"A data set may have at most {MOST_ITEMS} images; this has {number}.")
