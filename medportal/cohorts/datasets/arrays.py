"""NPZ files in the layout of MedMNIST (Yang et al. 2023), `train_images` and `train_labels`, or of Keras, `x_train`."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medportal.cohorts.datasets.array_labels import labels_of, name_labels
from medportal.cohorts.datasets.array_pixels import Scale, pictures_of, scale_of
from medportal.cohorts.datasets.items import SPLIT_WORDS, DataSet, Item, Loaded, Options, require_count, split_of
from medportal.cohorts.datasets.npz_files import array_names, read_arrays
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.decoder import Decoder

_WORDS = "|".join(SPLIT_WORDS)
# Of a split, or of none: `val_images`, `images`; `x_val`, `val_x`, `x`.
_NAMES = re.compile(
    rf"(?:(?P<before>{_WORDS})_)?(?P<kind>images|labels|x|y)|(?P<xy>x|y)_(?P<after>{_WORDS})", re.IGNORECASE
)
_KINDS = {"x": "images", "y": "labels"}


def read_npz(path: Path, options: Options) -> DataSet:
    """Read arrays (n, row, column), (n, row, column, 3) or (n, slice, row, column), and labels (n[, k]).

    Several columns of labels are several labels at once, each 1 or 0; where each row has exactly one 1 they are one
    label, unless several are asked for. Without `classes` numbers are called by themselves.
    """
    data = DataSet("images", [])
    parts = _parts(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:8]
    images = {part: pictures_of(data, path.name, *of["images"]) for part, of in parts.items()}
    scale = scale_of(data, path.name, {parts[part]["images"][0]: array for part, array in images.items()})
    given = {} if options.is_images_only else {part: labels_of(part, of) for part, of in parts.items()}
    say = name_labels(data, given, options)
    for part, array in images.items():
        require_count(len(data.items) + len(array))
        split = split_of(part)
        for index in range(len(array)):
            name = f"{parts[part]['images'][0]}[{index}]"
            # The file is the data set: its images are known by their places in it.
            group = f"{digest}-{split or 'image'}-{index:06d}"
            try:
                data.items.append(Item(name, partial(_load, array[index], scale), say(part, index), group, split))
            except MedportalError as error:
                data.refuse(name, error.detail)
    return data


def _load(image: NDArray[Any], scale: Scale, _decoder: Decoder) -> Loaded:
    image = scale(image)
    if image.ndim == 3 and image.shape[-1] == 3:
        is_grey = bool((image == image[..., :1]).all())
        return Loaded(stack=(image[..., 0] if is_grey else image)[None])
    return Loaded(stack=image[None] if image.ndim == 2 else image)


def _meaning(name: str) -> tuple[str, str] | None:
    """Return what an array is by its name: (the word of a split or "", images or labels); None for another."""
    match = _NAMES.fullmatch(name)
    if match is None:
        return None
    kind = (match["kind"] or match["xy"]).lower()
    return (match["before"] or match["after"] or "").lower(), _KINDS.get(kind, kind)


def _parts(path: Path) -> dict[str, dict[str, tuple[str, NDArray[Any]]]]:
    """Return by the word of a split: images, and labels where there are some, each with its name in the file."""
    names = array_names(path)
    for name in names:
        if name.endswith("images") and _meaning(name) is None:
            raise InvalidError("npz", f"“{path.name}”: “{name[:80]}” is of no split (train, val or test).")
    parts: dict[str, dict[str, tuple[str, NDArray[Any]]]] = defaultdict(dict)
    for name, array in read_arrays(path, lambda name: _meaning(name) is not None).items():
        part, kind = _meaning(name) or ("", "")
        if kind in parts[part]:
            raise InvalidError("npz", f"“{path.name}”: “{parts[part][kind][0]}” and “{name}” are the same of a split.")
        parts[part][kind] = (name, array)
    if not any("images" in of for of in parts.values()):
        listed = ", ".join(f"“{name[:40]}”" for name in names[:20]) or "none"
        detail = f"“{path.name}” holds no images as train_images or x_train: its arrays are {listed}."
        raise InvalidError("npz", detail)
    return {part: of for part, of in parts.items() if "images" in of}
