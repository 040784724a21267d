"""Folders of pictures: one for each class, or images with their masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.cohorts.datasets.class_folders import ClassFolder, class_folders, without_masks
from medportal.cohorts.datasets.files import (
    files_in,
    inner_folder,
    note_unread,
    read_bytes,
    relative_name,
    require_folder,
    subfolders,
)
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count, split_of
from medportal.cohorts.datasets.layouts import MASK_FOLDERS, keep_splits, layouts_in, mixed_layout, note_left_out
from medportal.cohorts.datasets.masks import (
    MOST_SEGMENTS,
    Found,
    joined,
    meanings,
    numbered_anew,
    read_mask,
    renumbered,
)
from medportal.cohorts.datasets.pairs import Pair, pairs_of
from medportal.cohorts.datasets.tables import SideTable
from medportal.errors import InvalidError, MedportalError, NotFoundError
from medportal.imaging.decoder import Decoder
from medportal.imaging.pictures import read_picture

__all__ = ["numbered_anew", "read_imagefolder", "read_masks", "segments_of"]


def read_imagefolder(root: Path, options: Options) -> DataSet:
    """Read a folder that has one folder of pictures for each class; or one such for each split, or for each patient.

    The folders of classes may hold those of splits.
    """
    require_folder(root)
    root = inner_folder(root, needs_folders=True)
    data = DataSet("images" if options.is_images_only else "classes", [])
    folders = [ClassFolder(root, "")] if options.is_images_only else list(class_folders(data, root))
    table, splits, masks = SideTable(data, options), dict[str, str](), 0
    for folder in folders:
        paths = files_in(folder.path, root=root)
        kept = without_masks(paths)
        masks += len(paths) - len(kept)
        require_count(len(data.items) + len(kept))
        for path in kept:
            name = relative_name(path, root)
            try:
                group, split = table.of(name)
            except MedportalError as error:
                data.refuse(name, error.detail)
            else:
                labels = (folder.label,) if folder.label else ()
                data.items.append(Item(name, partial(_load, path), labels, group or folder.group, split))
                below = path.parent.relative_to(folder.path).parts
                splits[name] = folder.split or split_of((*below, "")[0])
    if masks:
        data.notes.append(f"{masks} mask(s) beside their images are left out: --format masks reads them.")
    note_unread(data, root)
    if not data.items and not data.refused:
        raise InvalidError(
            "empty", f"“{root.name}” has no folder of PNG, JPEG, BMP, TIFF or GIF pictures for each class."
        )
    keep_splits(data, splits)
    return data


def _load(path: Path, decoder: Decoder) -> Loaded:
    return Loaded(stack=read_picture(read_bytes(path), decoder)[None])


def read_masks(root: Path, options: Options, decoder: Decoder) -> DataSet:
    """Read images with their masks; each number of a mask but 0 is a segment, or an instance.

    They lie in `images/` and `masks/` (at the top, or in each split's or case's folder), in two folders of which one's
    name says so, or in one folder as `a.png` and `a_mask.png`. Several masks of one image are joined; from several
    folders of masks they are segments called after these. The masks are read once here for the numbers that there are,
    which become the classes in their order.
    """
    require_folder(root)
    data = DataSet("masks", [], is_instances=options.is_instances)
    pairs, splits = _pairs(data, root)
    require_count(len(pairs))
    readable, found = _scan(data, pairs, root, decoder)
    meaning, parts, segments = _segments(data, readable, found, options)
    load = partial(
        _load_pair, are_colours=found.are_colours, meaning=meaning, parts=parts, segments=segments, options=options
    )
    table = SideTable(data, options)
    for pair in readable:
        name = relative_name(pair.image, root)
        try:
            group, split = table.of(name)
        except MedportalError as error:
            data.refuse(name, error.detail)
        else:
            data.items.append(Item(name, partial(load, pair), (), group, split))
    keep_splits(data, splits)
    note_unread(data, root)
    return data


def _pairs(data: DataSet, root: Path) -> tuple[list[Pair], dict[str, str]]:
    """Return (images with their masks, {name of an image: the split that its folder names})."""
    layouts = layouts_in(root, MASK_FOLDERS, are_masks=True) or mixed_layout(root)
    if not layouts:
        folders = ", ".join(relative_name(folder, root) for folder in subfolders(root)[:20]) or "none"
        detail = f"“{root.name}” has no folder “images” beside one of masks, nor `a_mask` beside `a`: its folders are {folders}."
        raise NotFoundError("no_folder", detail)
    note_left_out(data, root, layouts)
    pairs, splits = list[Pair](), dict[str, str]()
    for layout in layouts:
        if len(layout.images) == 1 and len(layouts) > 1 and layout.others:
            # A case's folder: all its masks are of its image, whatever they are called.
            some = [Pair(layout.images[0], [("", mask) for mask in layout.others])]
        else:
            some = pairs_of(data, layout.images, layout.others, root, "mask", folders=layout.folders)
        pairs += some
        splits |= {relative_name(pair.image, root): layout.split_of(pair.image, root) for pair in some}
    return pairs, splits


def _scan(data: DataSet, pairs: Sequence[Pair], root: Path, decoder: Decoder) -> tuple[list[Pair], Found]:
    """Return (the pairs whose masks can be read, what they hold); if one is in colour, all are read so."""
    are_colours = False
    while True:
        found, refused, readable = Found(are_colours=are_colours), [], []
        for pair in pairs:
            values = []
            try:
                for _, mask in pair.others:
                    values.append(frozenset(np.unique(read_mask(mask, decoder, found)).tolist()))
            except MedportalError as error:
                refused.append((relative_name(mask, root), error.detail))
            else:
                found.values += values
                readable.append(pair)
        if found.are_colours == are_colours:
            data.refused += refused
            return readable, found
        are_colours = True


def _segments(
    data: DataSet, pairs: Sequence[Pair], found: Found, options: Options
) -> tuple[dict[int, int], list[str], list[dict[str, Any]]]:
    """Return (what the masks' numbers become, the folders of masks that are segments, the segments)."""
    several = sum(len(pair.others) > 1 for pair in pairs)
    if options.is_instances:
        return {}, [], segments_of(data, set(), options)
    meaning = meanings(data, found, named=len(options.classes))
    values = set(meaning.values()) - {0}
    if len(values) == 1 and any(len(pair.parts) > 1 for pair in pairs):
        parts = sorted(set().union(*(pair.parts for pair in pairs)))
        data.notes.append(f"The folders of masks are segments: {', '.join(parts)}; where they meet, the last counts.")
        return meaning, parts, segments_of(data, set(range(1, len(parts) + 1)), options, names=parts)
    if several:
        data.notes.append(f"{several} image(s) have several masks, which are joined (--instances keeps them apart).")
    return meaning, [], segments_of(data, values, options)


def segments_of(
    data: DataSet, values: set[int], options: Options, *, names: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Name the numbers of masks and set the data set's classes; return the segments.

    Without `classes` and `names` one number is “foreground”, several are “segment 1”, …; instances are “object”.
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
    chosen = list(options.classes or names) or (
        ["foreground"] if len(numbers) == 1 else [f"segment {number}" for number in numbers]
    )
    if len(chosen) != len(numbers):
        found = ", ".join(map(str, numbers[:20]))
        raise InvalidError("classes", f"{len(chosen)} classes are named, but the masks hold the numbers {found}.")
    data.classes = chosen
    return [{"value": number, "label": name} for number, name in zip(numbers, chosen, strict=True)]


def _load_pair(
    pair: Pair,
    decoder: Decoder,
    *,
    are_colours: bool,
    meaning: Mapping[int, int],
    parts: Sequence[str],
    segments: Sequence[Mapping[str, Any]],
    options: Options,
) -> Loaded:
    picture = read_picture(read_bytes(pair.image), decoder)
    masks: list[NDArray[np.integer[Any]]] = []
    for part, path in pair.others:
        numbers = read_mask(path, decoder, Found(are_colours=are_colours))
        require_same_size(numbers.shape, picture.shape[:2], "mask")
        own = numbered_anew(numbers) if options.is_instances else renumbered(numbers, meaning)
        masks.append((own > 0) * (parts.index(part) + 1) if parts else own)
    whole = joined(masks, are_instances=options.is_instances)
    array = numbered_anew(whole) if options.is_instances else whole.astype(np.uint16)
    return Loaded(stack=picture[None], mask=array[None], segments=segments)


def require_same_size(mask: Sequence[int], image: Sequence[int], what: str) -> None:
    """Refuse a mask of another size than its image; InvalidError `mask_shape`."""
    if tuple(mask) != tuple(image):
        sizes = [" × ".join(map(str, size)) for size in (mask, image)]
        raise InvalidError("mask_shape", f"its {what} is {sizes[0]}, but the image is {sizes[1]} (rows × columns).")
