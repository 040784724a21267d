"""Folders of pictures: one for each class, or images beside masks of the same names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.cohorts.datasets.files import files_in, folder_named, read_bytes, relative_name, require_folder
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count, split_of
from medportal.cohorts.datasets.tables import SideTable
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.pictures import read_label_picture, read_picture

# What a mask may be called beside an image: image `a.png`, mask `a.png` or `a_mask.png`.
MASK_ENDINGS = ("", "_mask", "_label", "_seg", "_segmentation")
# A mask that went through JPEG has no exact numbers: from here on it is foreground.
_LOSSY_THRESHOLD = 128
MOST_SEGMENTS = 255


def read_imagefolder(root: Path, options: Options) -> DataSet:
    """Read a folder that has one folder of pictures for each class; or one such for each split."""
    require_folder(root)
    folders = [
        folder for folder in sorted(root.iterdir()) if folder.is_dir() and not folder.name.startswith((".", "__"))
    ]
    data = DataSet("images" if options.is_images_only else "classes", [])
    if options.is_images_only:
        _add(data, root, files_in(root), (), "", options)
        return data
    if folders and all(split_of(folder.name) for folder in folders):
        for folder in folders:
            for child in sorted(child for child in folder.iterdir() if child.is_dir()):
                _add(data, root, files_in(child, root=root), (child.name,), split_of(folder.name), options)
    else:
        for folder in folders:
            _add(data, root, files_in(folder, root=root), (folder.name,), "", options)
    if not data.items and not data.refused:
        raise InvalidError(
            "empty", f"“{root.name}” has no folder of PNG, JPEG, BMP, TIFF or GIF pictures for each class."
        )
    return data


def _add(
    data: DataSet, root: Path, paths: Sequence[Path], labels: tuple[str, ...], split: str, options: Options
) -> None:
    require_count(len(data.items) + len(paths))
    table = SideTable(data, options)
    for path in paths:
        name = relative_name(path, root)
        try:
            group, told = table.of(name)
        except MedportalError as error:
            data.refuse(name, error.detail)
        else:
            data.items.append(Item(name, partial(_load, path), labels, group, told or split))


def _load(path: Path, decoder: Decoder) -> Loaded:
    return Loaded(stack=read_picture(read_bytes(path), decoder)[None])


def pairs_of(
    data: DataSet, images: Sequence[Path], others: Sequence[Path], root: Path, what: str
) -> list[tuple[Path, Path]]:
    """Return images with the other files of the same stems; what is alone is refused by name."""
    by_stem = {_stem(path): path for path in others}
    pairs, used = [], set()
    for image in images:
        stem = _stem(image)
        key = next((stem + ending for ending in MASK_ENDINGS if stem + ending in by_stem), None)
        if key is None:
            data.refuse(relative_name(image, root), f"it has no {what} of the same name.")
        else:
            pairs.append((image, by_stem[key]))
            used.add(key)
    for stem in sorted(set(by_stem) - used):
        data.refuse(relative_name(by_stem[stem], root), f"it is a {what} without an image of the same name.")
    return pairs


def _stem(path: Path) -> str:
    return path.name[: -len(path.suffix)] if path.suffix else path.name


def read_masks(root: Path, options: Options, decoder: Decoder) -> DataSet:
    """Read `images/` and `masks/` with the same stems; each number of a mask but 0 is a segment, or an instance.

    The masks are read once here for the numbers that there are, which become the classes in their order.
    """
    images, masks = folder_named(root, "images", "image", "imgs"), folder_named(root, "masks", "mask", "labels")
    data = DataSet("masks", [], is_instances=options.is_instances)
    pairs = pairs_of(data, files_in(images, root=root), files_in(masks, root=root), root, "mask")
    require_count(len(pairs))
    values, has_lossy = set[int](), False
    readable = []
    for image, mask in pairs:
        try:
            array, is_lossy = _mask_of(mask, decoder)
        except MedportalError as error:
            data.refuse(relative_name(mask, root), error.detail)
            continue
        has_lossy = has_lossy or is_lossy
        values |= set(np.unique(array).tolist())
        readable.append((image, mask))
    if has_lossy:
        data.notes.append(f"Masks in JPEG have no exact numbers: from {_LOSSY_THRESHOLD} on they count as foreground.")
    segments = segments_of(data, values - {0}, options)
    table = SideTable(data, options)
    for image, mask in readable:
        name = relative_name(image, root)
        try:
            group, split = table.of(name)
        except MedportalError as error:
            data.refuse(name, error.detail)
        else:
            load = partial(_load_pair, image, mask, segments, is_instances=options.is_instances)
            data.items.append(Item(name, load, (), group, split))
    return data


def segments_of(data: DataSet, values: set[int], options: Options) -> list[dict[str, Any]]:
    """Name the numbers of masks and set the data set's classes; return the segments.

    Without `classes` one number is “foreground”, several are “segment 1”, …; instances are “object”.
    """
    if options.is_instances:
        name = options.classes[0] if options.classes else "object"
        if len(options.classes) > 1:
            raise InvalidError("classes", "Instances are of one class: name one with --classes.")
        data.classes = [name]
        return [{"value": 1, "label": name}]
    numbers = sorted(values)
    if len(numbers) > MOST_SEGMENTS:
        detail = f"The masks hold {len(numbers)} different numbers: if each is one object, say --instances."
        raise InvalidError("segments", detail)
    names = list(options.classes) or (
        ["foreground"] if len(numbers) == 1 else [f"segment {number}" for number in numbers]
    )
    if len(names) != len(numbers):
        found = ", ".join(map(str, numbers[:20]))
        raise InvalidError("classes", f"{len(names)} classes are named, but the masks hold the numbers {found}.")
    data.classes = names
    return [{"value": number, "label": name} for number, name in zip(numbers, names, strict=True)]


def _mask_of(path: Path, decoder: Decoder) -> tuple[NDArray[np.uint16], bool]:
    array, is_lossy = read_label_picture(read_bytes(path), decoder)
    return ((array >= _LOSSY_THRESHOLD).astype(np.uint16) if is_lossy else array), is_lossy


def _load_pair(
    image: Path, mask: Path, segments: Sequence[Mapping[str, Any]], decoder: Decoder, *, is_instances: bool
) -> Loaded:
    picture, (numbers, _) = read_picture(read_bytes(image), decoder), _mask_of(mask, decoder)
    require_same_size(numbers.shape, picture.shape[:2], "mask")
    array = numbered_anew(numbers) if is_instances else numbers
    return Loaded(stack=picture[None], mask=array[None], segments=segments)


def require_same_size(mask: Sequence[int], image: Sequence[int], what: str) -> None:
    """Refuse a mask of another size than its image; InvalidError `mask_shape`."""
    if tuple(mask) != tuple(image):
        sizes = [" × ".join(map(str, size)) for size in (mask, image)]
        raise InvalidError("mask_shape", f"its {what} is {sizes[0]}, but the image is {sizes[1]} (rows × columns).")


def numbered_anew(numbers: NDArray[np.integer[Any]]) -> NDArray[np.uint16]:
    """Return instances numbered 1, 2, … without gaps; InvalidError `mask_values` where they are too many."""
    values, places = np.unique(numbers, return_inverse=True)
    if len(values) > 65_535:
        raise InvalidError("mask_values", "the mask holds more than 65,534 objects.")
    shift = 0 if values.size and values[0] == 0 else 1
    anew: NDArray[np.uint16] = (places.reshape(numbers.shape) + shift).astype(np.uint16)
    return anew


def by_stem(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return files by their stems."""
    stems: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        stems[_stem(path)].append(path)
    return stems
