"""Which folders of a data set hold the pictures of a class: within its splits, or its patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medportal.cohorts.datasets.files import relative_name, subfolders
from medportal.cohorts.datasets.items import DataSet, split_of
from medportal.cohorts.datasets.layouts import IMAGE_FOLDERS, MASK_FOLDERS
from medportal.cohorts.datasets.pairs import image_stem
from medportal.imaging.pictures import SUFFIXES

# Folders that hold the same few are patients' where there are so many times more of them; else they are classes'.
_PATIENTS_FOR_EACH_CLASS = 3


@dataclass(frozen=True)
class ClassFolder:
    """A folder of pictures of one class."""

    path: Path
    label: str
    split: str = ""
    group: str = ""


def class_folders(data: DataSet, root: Path) -> Iterator[ClassFolder]:
    """Return the folders of classes in those of splits, or at the top; says in the notes what lies in none."""
    folders = subfolders(root)
    splits = {folder: split for folder in folders if (split := split_of(folder.name))}
    are_splits = {"train"} < set(splits.values()) or len(splits) == len(folders)
    if not are_splits:
        splits = {}
    if splits and (left := [folder.name for folder in folders if folder not in splits]):
        data.notes.append(f"Folders beside those of the splits are left out: {', '.join(left[:20])}.")
    _note_loose(data, root, (root, *splits))
    for folder, split in splits.items() or [(root, "")]:
        # An archive for each split holds a folder of its name again.
        children = subfolders(folder)
        is_wrapped = bool(split) and len(children) == 1 and split_of(children[0].name)
        yield from _of_patients(data, children[0] if is_wrapped else folder, split)


def _of_patients(data: DataSet, root: Path, split: str) -> Iterator[ClassFolder]:
    """Yield the folders in one as classes', or, where many hold the same few folders, those as classes' of patients."""
    folders = subfolders(root)
    inner = {folder: subfolders(folder) for folder in folders}
    names = {child.name for children in inner.values() for child in children}
    are_patients = (
        len(names) > 1
        and len(folders) >= _PATIENTS_FOR_EACH_CLASS * len(names)
        and all(inner[folder] and any(map(str.isdigit, folder.name)) for folder in folders)
        and not {name.casefold() for name in names} & {*IMAGE_FOLDERS, *MASK_FOLDERS}
        and not any(map(split_of, names))
    )
    if are_patients:
        data.notes.append(
            f"The folders are taken for patients, and those in them for classes: {', '.join(sorted(names))}."
        )
        for folder in folders:
            _note_loose(data, root, (folder,))
            yield from (ClassFolder(child, child.name, split, folder.name) for child in inner[folder])
        return
    # Some archives hold the whole set again within itself.
    copies = [folder for folder in folders if len(inner[folder]) > 1 and _are_among(inner[folder], folders)]
    if copies:
        names_of_copies = ", ".join(relative_name(folder, root) for folder in copies)
        data.notes.append(f"Folders that hold those beside them again are left out: {names_of_copies}.")
    elif names and not any(split_of(name) or name.casefold() in (*IMAGE_FOLDERS, *MASK_FOLDERS) for name in names):
        few = ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")
        data.notes.append(f"Folders within those of the classes say nothing of class or group: {few}.")
    yield from (ClassFolder(folder, folder.name, split) for folder in folders if folder not in copies)


def _are_among(inner: Sequence[Path], folders: Sequence[Path]) -> bool:
    return {folder.name for folder in inner} <= {folder.name for folder in folders}


def _note_loose(data: DataSet, root: Path, folders: Sequence[Path]) -> None:
    loose = [
        relative_name(path, root)
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]
    if loose:
        data.notes.append(
            f"{len(loose)} picture(s) in no class's folder are left out: {', '.join(loose[:5])}{' …' if loose[5:] else ''}."
        )


def without_masks(paths: Sequence[Path]) -> list[Path]:
    """Leave out `a_mask` beside `a`, and what lies in `masks/` beside `images/`."""
    stems = {(path.parent, path.stem.casefold()) for path in paths}
    folders = {path.parent for path in paths}
    return [
        path
        for path in paths
        if not ("mask" in path.stem.casefold() and (path.parent, image_stem(path)) in stems)
        and not (path.parent.name.casefold() in ("mask", "masks") and _has_images(path.parent, folders))
    ]


def _has_images(folder: Path, folders: set[Path]) -> bool:
    return any(one.parent == folder.parent and one.name.casefold() in IMAGE_FOLDERS for one in folders)
