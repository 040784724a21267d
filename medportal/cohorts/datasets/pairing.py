"""Which label map belongs to which volume, by their names and folders; what is not certain is refused by name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medportal.cohorts.datasets.files import relative_name
from medportal.cohorts.datasets.items import DataSet
from medportal.cohorts.datasets.tables import note

_IMAGE_WORDS = "image|img|imaging|volume|vol|scan|0000"
_LABEL_WORDS = "labels?|seg|segmentation|mask|gt"
# `a_label`, `a-seg`, `a.seg`; `segmentation-0`; `segmentation`. `_0000` is nnU-Net's first channel.
_IMAGE, _LABEL = (
    re.compile(rf"(?:{words})|(?:{words})[-_.](?P<end>.+)|(?P<start>.+?)[-_.](?:{words})", re.IGNORECASE)
    for words in (_IMAGE_WORDS, _LABEL_WORDS)
)
_LATER_CHANNEL = re.compile(r"(.+)_(\d{4})")


@dataclass(frozen=True)
class Named:
    """A volume file: the folder it is in, below the images' or the labels', and what it is called."""

    path: Path
    folder: str
    stem: str
    # Without what says that it is an image or a label map; "" where the folder alone says whose it is.
    base: str


def named(path: Path, root: Path, *, is_label: bool) -> Named:
    """Return a file with its names."""
    stem = volume_stem(path)
    match = (_LABEL if is_label else _IMAGE).fullmatch(stem)
    # A label map may be called as its image is: `labels/case/image.nii`.
    match = match or (_IMAGE.fullmatch(stem) if is_label else None)
    base = stem if match is None else match["start"] or match["end"] or ""
    return Named(path, relative_name(path.parent, root), stem, base)


def is_label_name(path: Path) -> bool:
    """Say whether a file beside images is called as a label map."""
    return _LABEL.fullmatch(volume_stem(path)) is not None


def volume_stem(path: Path) -> str:
    """Return a file's name without .nii, .nii.gz, .nrrd or .nhdr."""
    name = path.name.lower().removesuffix(".gz")
    return path.name[: len(name.rsplit(".", 1)[0])]


def pairs_of_volumes(
    data: DataSet, images: Sequence[Named], labels: Sequence[Named], root: Path, *, needs_label: bool
) -> list[tuple[Named, Path | None]]:
    """Return images with their label maps, in order; what is alone, or not certain, is refused by name.

    Of several images of one map (channels of a case: `_0001`, `_t1`) one is read, the same of all, which a note tells.
    """
    images = _first_channels(data, images)
    exact = {label: [image for image in images if _are_one(image, label)] for label in labels}
    exact |= _across_folders(images, exact)
    claimed = {image for found in exact.values() for image in found}
    channels = {
        label: [image for image in images if image not in claimed and _channel(image, label)]
        for label, found in exact.items()
        if not found
    }
    kept = _kept_channel(data, channels)
    of_image: dict[Named, list[Named]] = defaultdict(list)
    for label in labels:
        found = exact[label] or [image for image in channels[label] if _channel(image, label) == kept]
        if len(found) == 1:
            of_image[found[0]].append(label)
        else:
            several = " and ".join(f"“{relative_name(image.path, root)}”" for image in found[:2])
            why = f"it may be of {several}." if found else "it is a label map without an image of the same name."
            data.refuse(relative_name(label.path, root), why)
    spare = {image for of in channels.values() for image in of}
    pairs: list[tuple[Named, Path | None]] = []
    for image in images:
        own = of_image.get(image, [])
        if len(own) > 1:
            several = " and ".join(f"“{relative_name(label.path, root)}”" for label in own[:2])
            data.refuse(relative_name(image.path, root), f"it has more than one label map: {several}.")
        elif own or (not needs_label and image not in spare):
            pairs.append((image, own[0].path if own else None))
        elif image not in spare:
            data.refuse(relative_name(image.path, root), "it has no label map of the same name.")
    return pairs


def _are_one(image: Named, label: Named) -> bool:
    names = {image.stem, image.base} & {label.stem, label.base} if image.base or label.base else {""}
    return image.folder == label.folder and bool(names)


def _across_folders(images: Sequence[Named], exact: dict[Named, list[Named]]) -> dict[Named, list[Named]]:
    """Return the images of label maps that have none in their own folder: those that alone are called so.

    A folder may be of a case: between two such nothing is paired, but with what lies in no folder, and between one
    folder of all images and one of all maps.
    """
    are_apart = len({image.folder for image in images}) == 1 == len({label.folder for label in exact})
    left = [label for label, found in exact.items() if not found]
    claimed = {image for found in exact.values() for image in found}
    of_name: dict[str, list[Named]] = defaultdict(list)
    for image in images:
        for name in () if image in claimed else _names(image):
            of_name[name].append(image)
    often = Counter(name for label in left for name in _names(label))
    pairs: dict[Named, list[Named]] = {}
    for label in left:
        found = {image for name in _names(label) if often[name] == 1 for image in of_name[name]}
        if len(found) == 1 and (are_apart or "." in (label.folder, *(image.folder for image in found))):
            pairs[label] = list(found)
    return pairs


def _names(one: Named) -> set[str]:
    """Return what a file may be called in another folder: its own name, or its folder's where that says whose it is."""
    return {one.stem, one.base or one.folder.rsplit("/", 1)[-1]} - {"."}


def _channel(image: Named, label: Named) -> str:
    """Return what an image is called beyond the name of a label map in the same folder, "" where it is not of it."""
    if image.folder != label.folder:
        return ""
    if not label.base:
        return image.stem
    return image.stem[len(label.base) + 1 :] if re.match(re.escape(label.base) + "[-_.]", image.stem) else ""


def _first_channels(data: DataSet, images: Sequence[Named]) -> list[Named]:
    """Leave out nnU-Net's channels after the first."""
    there = {(image.folder, image.stem) for image in images}
    later = set()
    for image in images:
        match = _LATER_CHANNEL.fullmatch(image.stem)
        if match and match[2] != "0000" and (image.folder, f"{match[1]}_0000") in there:
            later.add(image)
    if later:
        note(data, f"Of images with several channels the first (_0000) is read alone: {len(later)} file(s) are not.")
    return [image for image in images if image not in later]


def _kept_channel(data: DataSet, channels: dict[Named, list[Named]]) -> str:
    """Return the channel that most cases have."""
    counts = Counter(_channel(image, label) for label, found in channels.items() for image in found)
    if not counts:
        return ""
    kept = min(counts, key=lambda name: (-counts[name], name))
    if len(counts) > 1:
        others = ", ".join(sorted(set(counts) - {kept})[:10])
        note(data, f"Of images with several channels “{kept}” is read alone; not {others}.")
    return kept
