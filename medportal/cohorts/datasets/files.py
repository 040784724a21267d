"""Files of a data set's folder: found by name, read within limits, never outside the folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from medportal.cohorts.datasets.items import DataSet, split_of
from medportal.errors import InvalidError, NotFoundError, TooLargeError
from medportal.imaging.limits import MIB
from medportal.imaging.pictures import SUFFIXES

# Folders that are a data set's own, not one around it.
_OWN_FOLDERS = ("images", "jpegimages", "imagestr", "masks", "labels", "annotations")
# What lies beside images and is none.
_BESIDE = (
    ".txt",
    ".md",
    ".csv",
    ".tsv",
    ".json",
    ".xml",
    ".html",
    ".pdf",
    ".xls",
    ".xlsx",
    ".yaml",
    ".yml",
    ".db",
    ".py",
    ".ini",
)
PICTURE_BYTES, VOLUME_FILE_BYTES = 256 * MIB, 1024 * MIB


def read_bytes(path: Path, limit: int = PICTURE_BYTES) -> bytes:
    """Return a file's content; InvalidError `unreadable` where it cannot be read, TooLargeError `file_size`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidError("unreadable", "The file is missing or cannot be read.") from error
    if len(data) > limit:
        raise TooLargeError("file_size", f"The file is larger than {limit // MIB} MB.")
    return data


def within(root: Path, name: str) -> Path:
    """Return where a file of a data set lies; InvalidError `outside` for a name, or a link, that leads out of it."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if not name or parts.is_absolute() or ".." in parts.parts or "\0" in name:
        raise InvalidError("outside", "The path is empty or leads out of the data set.")
    if not _lies_in(root / parts, root):
        raise InvalidError("outside", f"“{name[:80]}” is a link that leads out of the data set.")
    return root / parts


def _lies_in(path: Path, root: Path) -> bool:
    """Say whether a path, whatever links are on it, ends within the folder."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False


def require_folder(path: Path) -> None:
    """Refuse what is no folder."""
    if not path.is_dir():
        raise NotFoundError("no_folder", f"There is no folder “{path.name}”.")


def files_in(folder: Path, suffixes: Collection[str] = SUFFIXES, *, root: Path | None = None) -> list[Path]:
    """Return the files below a folder that end in one of the suffixes, in order of their paths; no hidden ones.

    InvalidError `outside` names one that is a link out of the data set's `root`, which is the folder where none is said.
    """
    found = sorted(path for path in _walk(folder) if path.suffix.lower() in suffixes)
    return _checked(found, root or folder)


def files_in_all(folder: Path) -> list[Path]:
    """Return the files below a folder, whatever they are called, as `files_in` does."""
    return _checked(sorted(_walk(folder)), folder)


def _checked(paths: list[Path], root: Path) -> list[Path]:
    for path in paths:
        if not _lies_in(path, root):
            name = path.relative_to(root).as_posix()
            raise InvalidError("outside", f"“{name[:80]}” is a link that leads out of the data set.")
    return paths


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if any(is_hidden(part) for part in parts):
            continue
        if path.is_file():
            yield path


def is_hidden(name: str) -> bool:
    """Say whether a file or folder is none of the data set's: archives made on a Mac carry a shadow of each file."""
    return name.startswith((".", "__MACOSX"))


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in one, in order of their names; no hidden ones."""
    return sorted(child for child in folder.iterdir() if child.is_dir() and not is_hidden(child.name))


def inner_folder(folder: Path, *, needs_folders: bool = False) -> Path:
    """Return the data set's own folder: archives often hold one folder around it.

    Where the data set `needs_folders`, one that holds none is no such wrapper, nor is a split's; files beside it that
    are no pictures do not count.
    """
    while True:
        children = [child for child in folder.iterdir() if not is_hidden(child.name)]
        if needs_folders:
            children = [child for child in children if child.is_dir() or child.suffix.lower() in SUFFIXES]
        if len(children) != 1 or not children[0].is_dir():
            return folder
        name = children[0].name
        if (split_of(name) or not subfolders(children[0])) if needs_folders else name.casefold() in _OWN_FOLDERS:
            return folder
        folder = children[0]


def note_unread(data: DataSet, root: Path) -> None:
    """Say how many files are of kinds that are not read; texts beside the images are not meant."""
    kinds = Counter(path.suffix.lower() for path in _walk(root))
    for suffix, number in sorted(kinds.items()):
        if suffix and suffix not in SUFFIXES and suffix not in _BESIDE:
            data.notes.append(f"{number} {suffix} file(s) are not read.")


def folder_named(root: Path, *names: str) -> Path:
    """Return the folder of one of the names, whatever its case; NotFoundError `no_folder` names the first."""
    require_folder(root)
    for child in sorted(root.iterdir()):
        if child.is_dir() and child.name.casefold() in names:
            return child
    raise NotFoundError("no_folder", f"There is no folder “{names[0]}” in “{root.name}”.")


def relative_name(path: Path, root: Path) -> str:
    """Return a file's name within the data set."""
    return path.relative_to(root).as_posix()
