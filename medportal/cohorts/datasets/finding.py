"""Finds the files that a table names: as they are said, or by what is certain where tables and folders differ."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from functools import cached_property
from pathlib import Path, PurePosixPath

from medportal.cohorts.datasets.files import files_in_all, relative_name, within
from medportal.cohorts.datasets.tables import ENDINGS, path_of, stem_of
from medportal.errors import InvalidError


class Finder:
    """The files below a folder, by the names that tables give them.

    A name that is no file is looked for whatever its case, without its ending where it has none, in subfolders
    ("a.png" is "images/a.png"), and without folders that lie outside ("/kaggle/input/set/images/a.png" is
    "images/a.png"). Folders that both sides have must agree, and there must be one such file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._asked: dict[Path, str] = {}

    def find(self, name: str) -> Path:
        """Return a file; InvalidError `outside`, `unreadable`, or `ambiguous` where several could be meant."""
        path = self._exact(name)
        if path is None or not path.is_file():
            path = self._meant(name)
        other = self._asked.setdefault(path, name)
        if other != name:
            found = relative_name(path, self.root)
            raise InvalidError("ambiguous", f"“{found}” would be the file of “{other}” and of “{name}”.")
        return path

    def _exact(self, name: str) -> Path | None:
        """Return where a relative path leads; None for one that starts, or leads, outside."""
        path = path_of(name)
        if not name or "\0" in name:
            raise InvalidError("outside", "The path is empty or leads out of the data set.")
        is_foreign = path.is_absolute() or ".." in path.parts or ":" in str(path).split("/", 1)[0]
        return None if is_foreign else within(self.root, name)

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """The files by the end of their names, with and without their ending, without case."""
        files: dict[str, list[Path]] = defaultdict(list)
        for path in files_in_all(self.root):
            name = path.name.casefold()
            if name.endswith(tuple(ENDINGS)):
                for key in {name, stem_of(name)}:
                    files[key].append(path)
        return files

    def _meant(self, name: str) -> Path:
        wanted = tuple(part for part in path_of(name.casefold()).parts if part not in ("/", "..", "."))
        found = [path for path in self._files.get(wanted[-1], []) if self._agrees(path, wanted)] if wanted else []
        # Of two that agree the one with more folders in common: the longest end.
        longest = max((min(len(wanted), len(self._parts(path))) for path in found), default=0)
        found = [path for path in found if min(len(wanted), len(self._parts(path))) == longest]
        if not found and self._exact(name) is None:
            raise InvalidError("outside", "The path leads out of the data set, and no file in it has its name.")
        if not found:
            raise InvalidError("unreadable", "The file is missing.")
        if any(not filecmp.cmp(found[0], other, shallow=False) for other in found[1:]):
            names = " and ".join(f"“{relative_name(path, self.root)}”" for path in found[:2])
            raise InvalidError("ambiguous", f"It may be {names}.")
        return found[0]

    def _agrees(self, path: Path, wanted: tuple[str, ...]) -> bool:
        """Say whether the folders before the name are the same, as far as both have some."""
        pairs = zip(reversed(wanted[:-1]), reversed(self._parts(path)[:-1]), strict=False)
        return all(one == other for one, other in pairs)

    def _parts(self, path: Path) -> tuple[str, ...]:
        return PurePosixPath(relative_name(path, self.root).casefold()).parts
