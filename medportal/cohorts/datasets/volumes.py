"""NIfTI and NRRD volumes with their label maps, in the layouts of others; or in one folder for each class."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medportal.cohorts.datasets.files import (
    VOLUME_FILE_BYTES,
    files_in,
    folder_named,
    read_bytes,
    relative_name,
    require_folder,
    within,
)
from medportal.cohorts.datasets.folders import numbered_anew, segments_of
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count, split_of, telling_refused
from medportal.cohorts.datasets.pairing import Named, is_label_name, named, pairs_of_volumes
from medportal.cohorts.datasets.tables import SideTable, note
from medportal.errors import InvalidError, MedportalError, NotFoundError
from medportal.imaging.decoder import Decoder
from medportal.imaging.limits import MIB
from medportal.imaging.volume_files import attached, is_volume_file, read_volume_file
from medportal.imaging.voxel_grids import VoxelGrid, mask_on, to_volume

_DETACHED = ".nhdr"
_DESCRIPTION_BYTES = 16 * MIB


def read_nifti(root: Path, options: Options, _decoder: Decoder) -> DataSet:
    """Read volumes and label maps; each number of a map but 0 is a segment, or an instance.

    They lie in `images/` and `labels/` (or nnU-Net's folders), side by side, or in a folder for each case. Volumes
    without any map that lie in a folder for each class are a data set of classes. The maps are read once here for the
    numbers that there are.
    """
    data = DataSet("masks", [], is_instances=options.is_instances)
    images, labels = _files(data, root)
    if not images:
        raise InvalidError("empty", f"“{root.name}” holds no NIfTI or NRRD volumes.")
    if not labels and not options.is_images_only and (classes := _classes_of(root, images)):
        return _read_classes(data, root, classes, options)
    pairs = pairs_of_volumes(data, images, labels, root, needs_label=not options.is_images_only)
    require_count(len(pairs))
    values: set[int] = set()
    readable = []
    for image, label in pairs:
        try:
            if label is not None and not options.is_images_only:
                values |= set(np.unique(_grid(label).array).astype(int).tolist())
            readable.append((image, label))
        except MedportalError as error:
            data.refuse(relative_name(image.path, root), f"{relative_name(label or image.path, root)}: {error.detail}")
    options = _with_names(data, root, values - {0}, options)
    with telling_refused(data):
        segments = [] if options.is_images_only else segments_of(data, values - {0}, options)
    table = SideTable(data, options)
    for image, label in readable:
        name = relative_name(image.path, root)
        try:
            load = partial(_load, data, image.path, label, segments, options)
            # A table may name the case: by its folder, or without what says that it is an image.
            case = "/".join(part for part in (image.folder, image.base) if part not in ("", "."))
            data.items.append(Item(name, load, (), *table.of(name, case)))
        except MedportalError as error:
            data.refuse(name, error.detail)
    return data


def _files(data: DataSet, root: Path) -> tuple[list[Named], list[Named]]:
    """Return (images, label maps)."""
    require_folder(root)
    try:
        image_folder = folder_named(root, "images", "imagestr", "image")
    except NotFoundError:
        every = _volumes_in(root, root)
        maps = {path for path in every if is_label_name(path)}
        others = [path for path in every if path not in maps]
        return _named(others, root, is_label=False), _named(sorted(maps), root, is_label=True)
    images = _named(_volumes_in(image_folder, root), image_folder, is_label=False)
    _note_unlabelled(data, root)
    try:
        label_folder = folder_named(root, "labels", "labelstr", "masks", "label", "segmentations")
    except NotFoundError:
        return images, []
    return images, _named(_volumes_in(label_folder, root), label_folder, is_label=True)


def _note_unlabelled(data: DataSet, root: Path) -> None:
    try:
        number = len(_volumes_in(folder_named(root, "imagests"), root))
    except NotFoundError:
        return
    note(data, f"The {number} volume(s) of imagesTs are not read: they are for a test, and have no label maps there.")


def _named(paths: Sequence[Path], root: Path, *, is_label: bool) -> list[Named]:
    return [named(path, root, is_label=is_label) for path in paths]


def _volumes_in(folder: Path, root: Path) -> list[Path]:
    paths = files_in(folder, {".nii", ".gz", ".nrrd", _DETACHED}, root=root)
    return [path for path in paths if is_volume_file(path.name) or path.suffix.lower() == _DETACHED]


def _grid(path: Path, *, has_channels: bool = False) -> VoxelGrid:
    """Return a file's grid; data beside a detached header are read from the same folder alone."""
    content = read_bytes(path, VOLUME_FILE_BYTES)
    if path.suffix.lower() == _DETACHED:
        content = attached(content, lambda name: read_bytes(within(path.parent, name), VOLUME_FILE_BYTES))
    return read_volume_file(content, has_channels=has_channels)


def _classes_of(root: Path, images: Sequence[Named]) -> dict[Path, tuple[str, str]]:
    """Return each volume's (class, split) where there is a folder for each class, or one such for each split."""
    parts = {image.path: image.path.relative_to(root).parts[:-1] for image in images}
    has_splits = all(len(of) > 1 and split_of(of[0]) for of in parts.values())
    if not all(len(of) > has_splits for of in parts.values()):
        return {}
    found = {path: (of[has_splits], split_of(of[0]) if has_splits else "") for path, of in parts.items()}
    counts = [[one for one, _ in found.values()].count(name) for name in {one for one, _ in found.values()}]
    # A folder with one volume is one of a case.
    return found if len(counts) > 1 and min(counts) > 1 else {}


def _read_classes(data: DataSet, root: Path, classes: Mapping[Path, tuple[str, str]], options: Options) -> DataSet:
    data.kind, data.is_instances = "classes", False
    note(data, "There are no label maps: the folders of the volumes are their classes.")
    require_count(len(classes))
    table = SideTable(data, options)
    for path, (label, split) in classes.items():
        name = relative_name(path, root)
        try:
            group, told = table.of(name)
            data.items.append(Item(name, partial(_load, data, path, None, (), options), (label,), group, told or split))
        except MedportalError as error:
            data.refuse(name, error.detail)
    return data


def _with_names(data: DataSet, root: Path, values: set[int], options: Options) -> Options:
    """Return the options with the segments' names as `dataset.json` has them, where nobody has named them.

    The Medical Segmentation Decathlon writes {"1": "lung"}, nnU-Net since its second version {"lung": 1}.
    """
    path = root / "dataset.json"
    if options.classes or options.is_instances or options.is_images_only or not path.is_file():
        return options
    try:
        pairs = list(json.loads(read_bytes(path, _DESCRIPTION_BYTES))["labels"].items())
        names = {int(key): str(value) for key, value in pairs if str(key).isdecimal()}
        names = names or {int(value): str(key) for key, value in pairs if str(value).isdecimal()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MedportalError):
        names = {}
    chosen = tuple(names.get(value, "") for value in sorted(values))
    if not all(chosen) or len(set(chosen)) < len(chosen):
        note(data, "dataset.json does not name each number of the label maps: they are called by their numbers.")
        return options
    note(data, "The segments are named as dataset.json says.")
    return replace(options, classes=chosen)


def _load(
    data: DataSet,
    image: Path,
    label: Path | None,
    segments: Sequence[Mapping[str, Any]],
    options: Options,
    _decoder: Decoder,
) -> Loaded:
    has_mask = label is not None and not options.is_images_only
    grid = _grid(image, has_channels=has_mask)
    if grid.channels > 1:
        note(data, "Images of four dimensions have several channels or times: the first alone is read.")
    volume = to_volume(grid, modality=options.modality)
    if label is None or not has_mask:
        return Loaded(volume=volume)
    mask = mask_on(grid, _placed(data, grid, _grid(label)))
    return Loaded(volume=volume, mask=numbered_anew(mask) if options.is_instances else mask, segments=segments)


def _placed(data: DataSet, image: VoxelGrid, label: VoxelGrid) -> VoxelGrid:
    """Return a label map on the image's grid, where it has lost its own: as many voxels, and no place in space."""
    has_place, is_placed = (not np.allclose(np.abs(one.affine), np.eye(4)) for one in (label, image))
    if has_place or not is_placed or label.array.shape != image.array.shape:
        return label
    note(data, "Label maps that say no spacing and origin, of as many voxels as their images, are laid on these.")
    return replace(label, affine=image.affine)
