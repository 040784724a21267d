"""NIfTI and NRRD volumes with their label maps: `images/` and `labels/`, or one folder of `a_image` and `a_label`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
)
from medportal.cohorts.datasets.folders import numbered_anew, segments_of
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count
from medportal.cohorts.datasets.tables import SideTable
from medportal.errors import InvalidError, MedportalError, NotFoundError
from medportal.imaging.decoder import Decoder
from medportal.imaging.volume_files import is_volume_file, read_volume_file
from medportal.imaging.voxel_grids import mask_on, to_volume

# What an image's stem may end in, beside the label map of the same stem; `_0000` is nnU-Net's first channel.
_IMAGE_ENDINGS = ("_image", "_img", "_0000")
_LABEL_ENDINGS = ("_label", "_labels", "_seg", "_segmentation", "_mask")


def read_nifti(root: Path, options: Options, _decoder: Decoder) -> DataSet:
    """Read volumes and label maps; each number of a map but 0 is a segment, or an instance.

    The maps are read once here for the numbers that there are.
    """
    images, labels = _files(root)
    data = DataSet("masks", [], is_instances=options.is_instances)
    pairs = _pairs(data, images, labels, root, needs_label=not options.is_images_only)
    require_count(len(pairs))
    values: set[int] = set()
    readable = []
    for image, label in pairs:
        try:
            if label is not None:
                values |= set(
                    np.unique(read_volume_file(read_bytes(label, VOLUME_FILE_BYTES)).array).astype(int).tolist()
                )
            readable.append((image, label))
        except MedportalError as error:
            data.refuse(relative_name(image, root), f"{relative_name(label or image, root)}: {error.detail}")
    segments = [] if options.is_images_only else segments_of(data, values - {0}, options)
    table = SideTable(data, options)
    for image, label in readable:
        name = relative_name(image, root)
        try:
            load = partial(_load, image, label, segments, options)
            data.items.append(Item(name, load, (), *table.of(name)))
        except MedportalError as error:
            data.refuse(name, error.detail)
    return data


def _files(root: Path) -> tuple[list[Path], list[Path]]:
    """Return (images, label maps)."""
    require_folder(root)
    try:
        image_folder = folder_named(root, "images", "imagestr", "image")
    except NotFoundError:
        every = _volumes_in(root, root)
        labels = [path for path in every if _stem(path).endswith(_LABEL_ENDINGS)]
        return [path for path in every if path not in labels], labels
    try:
        label_folder = folder_named(root, "labels", "labelstr", "masks", "label", "segmentations")
    except NotFoundError:
        return _volumes_in(image_folder, root), []
    return _volumes_in(image_folder, root), _volumes_in(label_folder, root)


def _volumes_in(folder: Path, root: Path) -> list[Path]:
    return [path for path in files_in(folder, {".nii", ".gz", ".nrrd"}, root=root) if is_volume_file(path.name)]


def _stem(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return path.name[: len(name.rsplit(".", 1)[0])]


def _without(stem: str, endings: Sequence[str]) -> str:
    return next((stem.removesuffix(ending) for ending in endings if stem.endswith(ending)), stem)


def _pairs(
    data: DataSet, images: Sequence[Path], labels: Sequence[Path], root: Path, *, needs_label: bool
) -> list[tuple[Path, Path | None]]:
    """Return images with their label maps, by stem; what is alone is refused by name."""
    if not images:
        raise InvalidError("empty", f"“{root.name}” holds no NIfTI or NRRD volumes.")
    by_stem = {_without(_stem(path), _LABEL_ENDINGS): path for path in labels}
    pairs: list[tuple[Path, Path | None]] = []
    for image in images:
        stem = _without(_stem(image), _IMAGE_ENDINGS)
        label = by_stem.pop(stem, None)
        if label is None and needs_label:
            data.refuse(relative_name(image, root), "it has no label map of the same name.")
        else:
            pairs.append((image, label))
    for label in by_stem.values():
        data.refuse(relative_name(label, root), "it is a label map without an image of the same name.")
    return pairs


def _load(
    image: Path, label: Path | None, segments: Sequence[Mapping[str, Any]], options: Options, _decoder: Decoder
) -> Loaded:
    grid = read_volume_file(read_bytes(image, VOLUME_FILE_BYTES))
    volume = to_volume(grid, modality=options.modality)
    if label is None or options.is_images_only:
        return Loaded(volume=volume)
    mask = mask_on(grid, read_volume_file(read_bytes(label, VOLUME_FILE_BYTES)))
    return Loaded(volume=volume, mask=numbered_anew(mask) if options.is_instances else mask, segments=segments)
