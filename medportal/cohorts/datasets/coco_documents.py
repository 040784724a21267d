"""COCO's JSON documents: the images and boxes that they name, and where the images lie (Lin et al. 2014)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medportal.cohorts.datasets.files import (
    files_in,
    inner_folder,
    read_bytes,
    relative_name,
    require_folder,
    subfolders,
    within,
)
from medportal.cohorts.datasets.items import Options, split_of
from medportal.errors import InvalidError
from medportal.imaging.limits import MIB

JSON_BYTES = 512 * MIB
MOST_BOXES = 10_000
# Left, top, right, bottom in pixel edges.
_Corners = tuple[float, float, float, float]


def documents_in(path: Path, options: Options) -> tuple[list[tuple[Path, str]], Path]:
    """Return ([(JSON, split)], the folder of the images)."""
    if path.is_file():
        return [(path, "")], options.root or path.parent
    require_folder(path)
    path = inner_folder(path)
    files = [
        one
        for one in files_in(path, {".json"})
        if one.parent == path or one.parent.name == "annotations" or split_of(one.parent.name)
    ]
    # COCO's own archive has these of the same images beside the boxes.
    files = [one for one in files if not one.stem.startswith(("captions", "person_keypoints"))]
    if not files:
        raise InvalidError("coco", f"There is no JSON in “{path.name}”.")
    splits = [_split_of_document(one, path) for one in files]
    if len(files) > 1 and not all(splits):
        raise InvalidError("coco", f"“{path.name}” has several JSON files; name one, or call them by their splits.")
    return list(zip(files, splits, strict=True)), options.root or path


def _split_of_document(path: Path, root: Path) -> str:
    words = [*path.stem.replace("-", "_").split("_"), "" if path.parent == root else path.parent.name]
    return next(filter(None, map(split_of, words)), "")


def image_folders(root: Path, document: Path, split: str) -> list[str]:
    """Return where the images of a document may lie, below the root: beside it, in its split's folder, at the top."""
    beside = [relative_name(document.parent, root)] if document.parent.is_relative_to(root) else []
    tops = [top for top in (root, root / "images") if top.is_dir()]
    own = [relative_name(one, root) for top in tops for one in subfolders(top) if split and split_of(one.name) == split]
    return [*beside, *own, ".", "images"]


def image_file(root: Path, folders: Sequence[str], name: str) -> Path:
    """Return where an image lies: at its name below one of the folders."""
    # Of a name that leads out nothing else is asked.
    within(root, name)
    places = (within(root, f"{folder}/{name}") for folder in folders)
    return next((place for place in places if place.is_file()), within(root, name))


@dataclass
class Coco:
    """A document."""

    # {image: (file name, (rows, columns))}
    images: dict[int, tuple[str, tuple[int, int] | None]]
    # {image: [(class, corners)]}
    boxes: dict[int, list[tuple[str, _Corners]]] = field(default_factory=lambda: defaultdict(list))
    # {image: what is wrong with one of its annotations}
    faults: dict[int, str] = field(default_factory=dict)
    # Annotations that mark many objects at once.
    crowds: int = 0


def read_document(path: Path) -> Coco:
    """Return what a document says; InvalidError `coco` where it is none."""
    try:
        document = json.loads(read_bytes(path, JSON_BYTES))
        names = {int(one["id"]): str(one["name"])[:60] for one in document["categories"]}
        coco = Coco({int(one["id"]): (str(one["file_name"]), _size(one)) for one in document["images"]})
        for one in document["annotations"]:
            image, label = int(one["image_id"]), names[int(one["category_id"])]
            corners = _corners(one)
            if one.get("iscrowd"):
                coco.crowds += 1
            elif corners is None:
                coco.faults[image] = f"its annotation {one.get('id')} has no box."
            else:
                coco.boxes[image].append((label, corners))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidError("coco", f"“{path.name}” is no COCO document ({type(error).__name__}: {error}).") from error
    if crowded := next((key for key, of in coco.boxes.items() if len(of) > MOST_BOXES), None):
        raise InvalidError("coco", f"Image {crowded} has more than {MOST_BOXES} boxes.")
    if lost := (set(coco.boxes) | set(coco.faults)) - set(coco.images):
        raise InvalidError("coco", f"“{path.name}” has boxes of image {min(lost)}, which it does not list.")
    return coco


def _corners(one: Mapping[str, Any]) -> _Corners | None:
    """Return the box of an annotation, or the one around its polygons; None where it has neither."""
    if one.get("bbox"):
        left, top, width, height = (float(value) for value in one["bbox"])
        return left, top, left + width, top + height
    polygons = one.get("segmentation")
    if not isinstance(polygons, list) or not any(polygons):
        return None
    values = [float(value) for polygon in polygons for value in polygon]
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _size(one: Mapping[str, Any]) -> tuple[int, int] | None:
    return (int(one["height"]), int(one["width"])) if one.get("height") and one.get("width") else None
