"""Reads a data set of any known format, and settles its classes, groups and splits before anything is stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medportal.cohorts.datasets.arrays import read_npz
from medportal.cohorts.datasets.boxes import read_coco, read_voc
from medportal.cohorts.datasets.folders import read_imagefolder, read_masks
from medportal.cohorts.datasets.items import DataSet, Item, Options, telling_refused
from medportal.cohorts.datasets.listed import read_csv
from medportal.cohorts.datasets.objects import read_objects
from medportal.cohorts.datasets.requests import Request, SplitRule
from medportal.cohorts.datasets.tables import SEPARATOR
from medportal.cohorts.datasets.volumes import read_nifti
from medportal.cohorts.names import in_order
from medportal.cohorts.small_classes import groups_of_classes, unsplittable
from medportal.errors import InvalidError
from medportal.imaging.decoder import Decoder

# Of the labels that an image can have at once, joined.
LABEL_LENGTH = 400
READERS: dict[str, Callable[[Path, Options, Decoder], DataSet]] = {
    "imagefolder": lambda path, options, _: read_imagefolder(path, options),
    "csv": lambda path, options, _: read_csv(path, options),
    "masks": read_masks,
    "voc": lambda path, options, _: read_voc(path, options),
    "coco": lambda path, options, _: read_coco(path, options),
    "nifti": read_nifti,
    "dicom": read_objects,
    "npz": lambda path, options, _: read_npz(path, options),
}


def read_dataset(request: Request, decoder: Decoder) -> DataSet:
    """Return the data set with its classes settled and its splits as the rule says.

    Raises InvalidError `unknown_format`, `empty` where nothing remains, `group_on_two_sides`, `classes`, and what the
    formats' readers raise of the whole.
    """
    reader = READERS.get(request.format)
    if reader is None:
        raise InvalidError("unknown_format", f"“{request.format}” is no format: they are {', '.join(READERS)}.")
    options = request.options
    if request.split.column:
        options = replace(options, split_column=request.split.column)
    data = reader(request.path, options, decoder)
    with telling_refused(data):
        _settle(data, request, options)
    return data


def _settle(data: DataSet, request: Request, options: Options) -> None:
    if options.is_images_only:
        data.kind, data.classes = "images", []
    if data.kind in ("classes", "multi_label") and not data.classes:
        _settle_classes(data, options)
    if data.kind == "multi_label" and (
        len(SEPARATOR.join(data.classes)) > LABEL_LENGTH or SEPARATOR in "".join(data.classes)
    ):
        raise InvalidError(
            "classes", f"The classes' names hold “{SEPARATOR}”, or are longer than can be kept together."
        )
    _settle_splits(data, request.split)
    if not data.items:
        raise InvalidError("empty", f"Nothing in “{request.path.name}” can be imported.")
    if not data.items[0].split:
        _require_groups(data, len(request.split.fractions))


def _settle_classes(data: DataSet, options: Options) -> None:
    """Order the labels that occur, or keep to those that are asked for."""
    found = Counter(label for item in data.items for label in item.labels)
    if not options.classes:
        data.classes = in_order(found)
        return
    data.classes = list(options.classes)
    if data.items and not set(found) & set(data.classes):
        names = ", ".join(in_order(found)[:20]) or "none"
        raise InvalidError("classes", f"No image is of the classes named: the labels are {names}.")
    for label in sorted(set(found) - set(data.classes)):
        data.notes.append(
            f"{found[label]} image(s) of class “{label}” are left out: it is not among the classes named."
        )
    if data.kind == "classes":
        data.items = [item for item in data.items if item.labels[0] in data.classes]
    else:
        data.items = [replace(item, labels=tuple(x for x in item.labels if x in data.classes)) for item in data.items]


def _require_groups(data: DataSet, parts: int) -> None:
    """Refuse what could not be split, before hours of import; note the classes that are kept for training."""
    held: dict[str, set[str]] = defaultdict(set)
    for item in data.items:
        held[item.group or item.name].update(item.labels)
    if len(held) < parts:
        raise InvalidError("too_few_groups", _too_few("The data set", len(held), parts))
    if data.kind != "classes":
        return
    counts = groups_of_classes(held)
    if label := unsplittable(held, data.classes, parts):
        raise InvalidError("class_too_small", _too_few(f"Class “{label}”", counts[label], parts))
    for label in data.classes:
        if counts[label] < parts:
            detail = f"Class “{label}” has {counts[label]} group(s), too few for {parts} splits: it is for training."
            data.notes.append(detail)


def _too_few(what: str, number: int, parts: int) -> str:
    return f"{what} has {number} group(s): too few to be in each of {parts} splits (all:train makes one)."


def _settle_splits(data: DataSet, rule: SplitRule) -> None:
    """Apply the rule; refuse a given split that parts a group, or that only some items have."""
    given = [item for item in data.items if item.split]
    if rule.all_in:
        data.items = [replace(item, split=rule.all_in) for item in data.items]
    elif rule.parts is not None and given:
        data.notes.append("The data set's own split is replaced by one that is made, as asked for.")
        data.items = [replace(item, split="") for item in data.items]
    elif given and len(given) < len(data.items):
        missing = next(item for item in data.items if not item.split)
        raise InvalidError("split_missing", f"“{missing.name}” has no split, while others have one.")
    elif rule.column and data.items and not given:
        raise InvalidError("split_missing", f"“{rule.column}” gives no splits in this format.")
    side: dict[str, Item] = {}
    for item in data.items:
        other = side.setdefault(item.group, item) if item.group else item
        if other.split != item.split:
            detail = (
                f"“{other.name}” ({other.split}) and “{item.name}” ({item.split}) are of one group, “{item.group}”."
            )
            raise InvalidError("group_on_two_sides", detail)
