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
# In order of preference: beside what was drawn of retinas by hand, their `mask` is the field of view.
MASK_FOLDERS = (
    "1st_manual",
    "manual1",
    "manual",
    "masks",
    "mask",
    "labels",
    "label",
    "segmentationclass",
    "segmentations",
)
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
    root: Path, names: Sequence[str], suffixes: Collection[str] = SUFFIXES, *, are_masks: bool = False
) -> list[Layout]:
    """Return where folders of images lie beside folders of such names; for masks, also of names like those.

    Of several such folders beside the images the first of `names` counts, and then it counts everywhere.
    """
    pairs = list(_side_by_side(root, names, suffixes, are_masks=are_masks))
    passed_over = {
        sibling.name.casefold()
        for _, others in pairs
        for sibling in subfolders(others.parent)
        if sibling != others and sibling.name.casefold() in names
    }
    return [
        Layout(files_in(images, root=root), files_in(others, suffixes, root=root), (images, others))
        for images, others in pairs
        if others.name.casefold() not in passed_over
    ]


def note_left_out(data: DataSet, root: Path, layouts: Sequence[Layout]) -> None:
    """Say which pictures lie in no folder that is read."""
    read = {path for layout in layouts for path in (*layout.images, *layout.others)}
    if left := [path for path in files_in(root) if path not in read]:
        folders = sorted({relative_name(path.parent, root) for path in left})
        names = ", ".join(folders[:10]) + (" …" if folders[10:] else "")
        data.notes.append(f"{len(left)} picture(s) in folders that are not read are left out: {names}.")


def mixed_layout(root: Path) -> list[Layout]:
    """Return images with masks in the same folders: `a.png` and `a_mask.png`; none where there are none."""
    pictures = files_in(root)
    stems = {(path.parent, path.stem.casefold()) for path in pictures}
    masks = [path for path in pictures if (path.parent, image_stem(path)) in stems]
    images = sorted(set(pictures) - set(masks))
    return [Layout(images, masks, (root, root))] if masks else []


def _side_by_side(
    folder: Path, names: Sequence[str], suffixes: Collection[str], *, are_masks: bool, depth: int = 0
) -> Iterator[tuple[Path, Path]]:
    """Yield folders of images and what is of them, at the top or, where there are none, further down."""
    children = subfolders(folder)
    pairs = _exact(children, names, suffixes)
    if not pairs and are_masks:
        pairs = _alike(children)
    yield from pairs
    if not pairs and depth < _DEEPEST:
        for child in children:
            yield from _side_by_side(child, names, suffixes, are_masks=are_masks, depth=depth + 1)


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
    fitting = [child for child in images if len(masks) == 1 and _share_names(child, masks[0])]
    for some in (images, named, fitting):
        if len(some) == len(masks) == 1:
            return [(some[0], masks[0])]
    by_name = {_plain(child.name): child for child in images}
    bare = {mask: _plain(_MASK_LIKE.sub("", mask.name).removesuffix("s")) for mask in masks}
    return [(by_name[name], mask) for mask, name in bare.items() if name in by_name]


def _share_names(images: Path, masks: Path) -> bool:
    stems = {path.stem.casefold() for path in files_in(images)}
    return any(path.stem.casefold() in stems or image_stem(path) in stems for path in files_in(masks))


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
        data.notes.append("There are images of training alone: the splits are made of them.")
    elif "" not in named:
        data.items = [replace(item, split=item.split or splits[item.name]) for item in data.items]
