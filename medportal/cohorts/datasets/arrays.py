"""NPZ files in the layout of MedMNIST (Yang et al. 2023): `train_images`, `train_labels`, `val_images` and so on."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from medportal.cohorts.datasets.items import SPLIT_WORDS, DataSet, Item, Loaded, Options, require_count, split_of
from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.decoder import Decoder
from medportal.imaging.limits import MIB

# One array, and all that are read of a file, unpacked: they lie in memory together.
ARRAY_BYTES, ARRAYS_BYTES = 2048 * MIB, 4096 * MIB
_MOST_MEMBERS = 64
# Of a split, or of none.
_NAMES = re.compile(rf"((?:{'|'.join(SPLIT_WORDS)})_|)(?:images|labels)\.npy", re.IGNORECASE)
_MOST_HEADER = 10_000


def read_npz(path: Path, options: Options) -> DataSet:
    """Read arrays (n, row, column), (n, row, column, 3) or (n, slice, row, column) of 8 bits, and labels (n[, k]).

    Several columns of labels are several labels at once, each 1 or 0. Without `classes` they are called by number.
    """
    arrays = _arrays(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:8]
    parts = [name.removesuffix("images") for name in arrays if name.endswith("images")]
    if not parts:
        raise InvalidError("npz", f"“{path.name}” holds no images: its arrays are {', '.join(arrays) or 'none'}.")
    data = DataSet("images", [])
    labels = {part: _labels(arrays, part, options) for part in parts}
    names = _names(data, [array for array in labels.values() if array is not None], options)
    for part in parts:
        images = arrays[f"{part}images"]
        _require_pictures(path.name, f"{part}images", images)
        require_count(len(data.items) + len(images))
        split = split_of(part.strip("_"))
        for index in range(len(images)):
            name = f"{part}images[{index}]"
            found = _found(labels[part], index, names)
            # The file is the data set: its images are known by their places in it.
            group = f"{digest}-{split or 'image'}-{index:06d}"
            data.items.append(Item(name, partial(_load, images[index]), found, group, split))
    return data


def _load(image: NDArray[Any], _decoder: Decoder) -> Loaded:
    if image.ndim == 3 and image.shape[-1] == 3:
        is_grey = bool((image == image[..., :1]).all())
        return Loaded(stack=(image[..., 0] if is_grey else image)[None])
    return Loaded(stack=image[None] if image.ndim == 2 else image)


def _labels(arrays: dict[str, NDArray[Any]], part: str, options: Options) -> NDArray[np.int64] | None:
    """Return labels (n, k), None where the images have none."""
    name, images = f"{part}labels", arrays[f"{part}images"]
    if options.is_images_only:
        return None
    if name not in arrays:
        raise InvalidError("unlabelled", f"There is no array “{name}” for the images “{part}images”.")
    labels = arrays[name]
    labels = labels[:, None] if labels.ndim == 1 else labels
    is_number = labels.dtype.kind in "biu" or (labels.dtype.kind == "f" and bool((labels == np.round(labels)).all()))
    if labels.ndim != 2 or not is_number or not len(labels) == len(images):
        raise InvalidError("npz", f"“{name}” are not whole numbers, one row for each of {len(images)} images.")
    return labels.astype(np.int64)


def _names(data: DataSet, labels: list[NDArray[np.int64]], options: Options) -> list[str]:
    """Set the kind and classes; return the names of the numbers 0, 1, … or of the columns."""
    if not labels:
        return []
    columns = {array.shape[1] for array in labels}
    if len(columns) > 1:
        raise InvalidError("npz", "The splits have different numbers of label columns.")
    low = min(int(array.min(initial=0)) for array in labels)
    high = max(int(array.max(initial=0)) for array in labels)
    width = columns.pop()
    if low < 0 or (width > 1 and high > 1) or high >= 1000:
        raise InvalidError("npz", "Labels are numbers from 0 on; in several columns, 1 or 0.")
    data.kind = "multi_label" if width > 1 else "classes"
    number = width if width > 1 else high + 1
    names = list(options.classes) or [str(index) for index in range(number)]
    if len(names) != number:
        raise InvalidError("classes", f"{len(names)} classes are named, but there are {number} labels.")
    data.classes = names
    return names


def _found(labels: NDArray[np.int64] | None, index: int, names: list[str]) -> tuple[str, ...]:
    if labels is None:
        return ()
    row = labels[index]
    if len(row) == 1:
        return (names[int(row[0])],)
    return tuple(name for name, mark in zip(names, row, strict=True) if mark)


def _require_pictures(file: str, name: str, images: NDArray[Any]) -> None:
    is_known = images.ndim in (3, 4) or (images.ndim == 5 and images.shape[-1] == 3)
    if not is_known or images.dtype not in (np.uint8, np.uint16) or (0 in images.shape):
        detail = f"“{file}”: “{name}” is {images.dtype} of shape {images.shape}; 8- or 16-bit pictures are read."
        raise InvalidError("npz", detail)
    if images.dtype == np.uint16 and images.ndim >= 4 and images.shape[-1] == 3:
        raise InvalidError("npz", f"“{file}”: “{name}” is in colour of 16 bits; 8 bits are read.")


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an NPZ whose names we know, each checked against the limits before it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path.name)
            return {info.filename.removesuffix(".npy"): _array(archive, info) for info in members}
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidError("npz", f"“{path.name}” is no NPZ file, or is broken.") from error


def _members(archive: zipfile.ZipFile, file: str) -> list[zipfile.ZipInfo]:
    """Return the members that are read; TooLargeError `array_size` where all of them would not find room together."""
    pictures = [info for info in archive.infolist() if info.filename.endswith(("images.npy", "labels.npy"))]
    members = [info for info in pictures if _NAMES.fullmatch(info.filename)]
    for info in pictures:
        name = info.filename.removesuffix(".npy")
        if info not in members and name.endswith("images"):
            raise InvalidError("npz", f"“{file}”: “{name[:80]}” is of no split (train, val or test).")
    if len(members) > _MOST_MEMBERS:
        raise InvalidError("npz", f"“{file}” holds more than {_MOST_MEMBERS} arrays.")
    if sum(info.file_size for info in members) > ARRAYS_BYTES:
        raise TooLargeError("array_size", f"The arrays of “{file}” unpack to more than {ARRAYS_BYTES // MIB} MB.")
    return members


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    if info.file_size > ARRAY_BYTES:
        raise TooLargeError("array_size", f"“{info.filename}” unpacks to more than {ARRAY_BYTES // MIB} MB.")
    try:
        with archive.open(info) as file:
            shape, is_fortran, dtype = _header(file)
            count = int(np.prod(shape, dtype=np.float64))
            if dtype.hasobject or min(shape, default=0) < 0 or count * dtype.itemsize > info.file_size:
                raise InvalidError("npz", f"“{info.filename}” is no plain array, or is cut short.")
            data = file.read(count * dtype.itemsize)
    except (ValueError, TypeError, SyntaxError) as error:
        raise InvalidError("npz", f"“{info.filename}” is no plain array.") from error
    if len(data) < count * dtype.itemsize:
        raise InvalidError("npz", f"“{info.filename}” is cut short.")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file, _MOST_HEADER)
    return np.lib.format.read_array_header_2_0(file, _MOST_HEADER)
