"""Where images and what is of them lie: in two folders side by side, at the top or in each split's or case's folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medportal.cohorts.datasets.files import files_in, relative_name, subfolders
from medportal.cohorts.datasets.items import DataSet, split_of
from medportal.cohorts.datasets.pairs import image_stem
from medportal.imaging.pictures import SUFFIXES

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages")
# In order of preference: beside DRIVE's vessels, `1st_manual`, its `mask` is the field of view.
MASK_FOLDERS = ("1st_manual", "masks", "mask", "labels", "label", "segmentationclass", "segmentations")
_MASK_LIKE = re.compile(r"mask|(?<!un)label|truth|seg|annot|manual|(?<![a-z])gt(?![a-z])", re.IGNORECASE)
_DEEPEST = 5


@dataclass(frozen=True)
class Layout:
    """Images, and the files that may be of them."""

    images: Sequence[Path]
    others: Sequence[Path]
    # Below which they lie.
    folders: tuple[Path, Path]

    def split_of(self, image: Path, root: Path) -> str:
        """Return the split that an image's first folder names, whichever of `images/train` and `train/images` it is."""
        below = image.parent.relative_to(self.folders[0]).parts
        above = self.folders[0].relative_to(root).parts[:-1]
        return split_of((*above, *below, "")[0])


def layouts_in(
    data: DataSet, root: Path, names: Sequence[str], suffixes: Collection[str] = SUFFIXES, *, are_masks: bool = False
) -> list[Layout]:
    """Return where folders of images lie beside folders of such names; for masks, also of names like those.

    Folders of pictures beside them are left out with a note.
    """
    found = []
    for images, others in _side_by_side(data, root, root, names, suffixes, are_masks=are_masks):
        found.append(
            Layout(files_in(images, root=root), files_in(others, suffixes, root=root), (images, others)),
        )
    return found


def mixed_layout(root: Path) -> list[Layout]:
    """Return images with masks in the same folders: `a.png` and `a_mask.png`; none where there are none."""
    pictures = files_in(root)
    stems = {(path.parent, path.stem.casefold()) for path in pictures}
    masks = [path for path in pictures if (path.parent, image_stem(path)) in stems]
    images = sorted(set(pictures) - set(masks))
    return [Layout(images, masks, (root, root))] if masks else []


def _side_by_side(
    data: DataSet, root: Path, folder: Path, names: Sequence[str], suffixes: Collection[str], *, are_masks: bool
) -> Iterator[tuple[Path, Path]]:
    children = subfolders(folder)
    pairs = _exact(children, names, suffixes)
    if not pairs and are_masks:
        pairs = _alike(children)
    if pairs:
        used = {one for pair in pairs for one in pair}
        if left := [relative_name(child, root) for child in children if child not in used and _holds(child, SUFFIXES)]:
            data.notes.append(f"Folders beside the images and masks are left out: {', '.join(left[:20])}.")
        yield from pairs
    elif len(folder.relative_to(root).parts) < _DEEPEST:
        for child in children:
            yield from _side_by_side(data, root, child, names, suffixes, are_masks=are_masks)


def _exact(children: Sequence[Path], names: Sequence[str], suffixes: Collection[str]) -> list[tuple[Path, Path]]:
    by_name = {child.name.casefold(): child for child in children}
    images = next((by_name[name] for name in IMAGE_FOLDERS if name in by_name), None)
    others = next((by_name[name] for name in names if name in by_name and _holds(by_name[name], suffixes)), None)
    return [(images, others)] if images and others else []


def _alike(children: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return folders of pictures of which one's name says that it holds the masks of the other."""
    masks = [child for child in children if _MASK_LIKE.search(child.name) and _holds(child, SUFFIXES)]
    if not masks or len(children) > 50:
        return []
    images = [child for child in children if child not in masks and _holds(child, SUFFIXES)]
    named = [child for child in images if child.name.casefold() in IMAGE_FOLDERS]
    for some in (images, named):
        if len(some) == len(masks) == 1:
            return [(some[0], masks[0])]
    by_name = {_plain(child.name): child for child in images}
    bare = {mask: _plain(_MASK_LIKE.sub("", mask.name).removesuffix("s")) for mask in masks}
    return [(by_name[name], mask) for mask, name in bare.items() if name in by_name]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _holds(folder: Path, suffixes: Collection[str]) -> bool:
    return any(path.suffix.lower() in suffixes for path in folder.rglob("*"))


def keep_splits(data: DataSet, splits: Mapping[str, str]) -> None:
    """Give items without a split the one that their folder names (`splits` by items' names), where each has one.

    Images of the training's folder alone are split as if nothing were said.
    """
    named = {item.split or splits[item.name] for item in data.items}
    if named == {"train"} and not any(item.split for item in data.items):
        data.notes.append("There are marked images of training alone: the splits are made of them.")
    elif "" not in named:
        data.items = [replace(item, split=item.split or splits[item.name]) for item in data.items]
