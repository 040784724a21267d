"""CSV tables: which image belongs to whom, to which split, and what it shows."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from medportal.cohorts.datasets.files import VOLUME_FILE_BYTES, read_bytes, within
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count, split_of
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.limits import MIB
from medportal.imaging.pictures import SUFFIXES, read_picture
from medportal.imaging.volume_files import SUFFIXES as VOLUME_SUFFIXES
from medportal.imaging.volume_files import is_volume_file, read_volume_file
from medportal.imaging.voxel_grids import to_volume

TABLE_BYTES = 256 * MIB
SEPARATOR = "|"
_YES, _NO = ("1", "1.0", "true", "yes", "y", "t"), ("", "0", "0.0", "false", "no", "n", "f")
_MOST_COLUMNS = 1000
# What the names of files that are read here end in, the longest first.
ENDINGS = sorted(
    {*SUFFIXES, *VOLUME_SUFFIXES, ".dcm", ".dicom", ".ima", ".tif", ".tiff", ".gif"}, key=len, reverse=True
)
# Of many, those that are named.
NAMED = 10
_Said = TypeVar("_Said")


@dataclass(frozen=True)
class Row:
    """A line of a table, with its number for people."""

    number: int
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """Return a cell, "" where there is none."""
        return self.cells.get(column, "")


def read_table(path: Path, options: Options) -> tuple[list[str], list[Row]]:
    """Return (columns, the rows that `where` asks for) of a CSV file; raises as `read_bytes` and `parse_table`."""
    return parse_table(path.name, read_bytes(path, TABLE_BYTES), options)


def parse_table(name: str, content: bytes, options: Options) -> tuple[list[str], list[Row]]:
    """Return (columns, the rows that `where` asks for) of a CSV with a header, which errors call `name`.

    Raises InvalidError `table` where it is none, `no_column` for a column of `where` that it lacks.
    """
    try:
        text = content.decode("utf-8-sig")
        head = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=head.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = [name.strip() for name in next(reader, [])]
        if len(columns) > _MOST_COLUMNS or len(set(columns)) < len(columns):
            raise InvalidError("table", f"“{name}” has a column twice, or too many columns.")
        require_columns(name, columns, (column for column, _ in options.where))
        rows = (
            Row(number, dict(zip(columns, map(str.strip, cells), strict=False)))
            for number, cells in enumerate(reader, start=2)
            if any(cells)
        )
        kept = [row for row in rows if all(row.get(column) == value for column, value in options.where)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidError("table", f"“{name}” is no CSV table in UTF-8: {error}.") from error
    require_count(len(kept))
    return columns, kept


def require_columns(name: str, columns: Iterable[str], wanted: Iterable[str]) -> None:
    """Refuse a table that lacks a column; InvalidError `no_column` names it."""
    known = list(columns)
    for column in wanted:
        if column not in known:
            raise InvalidError("no_column", f"“{name}” has no column “{column}”: it has {', '.join(known[:20])}.")


def read_csv(path: Path, options: Options) -> DataSet:
    """Read a table of pictures: a path and a label each, and perhaps group and split.

    A label cell with `a|b`, and several label columns (each 1 or 0), make several labels at once.
    """
    columns, rows = read_table(path, options)
    if not rows:
        raise InvalidError(
            "empty", f"“{path.name}” has no rows" + (" that --where asks for." if options.where else ".")
        )
    label_columns = () if options.is_images_only else options.label_columns
    require_columns(path.name, columns, (options.path_column, *label_columns, *_asked_for(options)))
    data = DataSet("images", [])
    labels_of = _labels(data, rows, label_columns)
    told = groups_and_splits(data, rows, columns, options)
    root = options.root or path.parent
    for row in rows:
        name = row.get(options.path_column)
        try:
            labels = labels_of(row)
            item = Item(name, partial(_load, within(root, name), options.modality), labels, *told(row))
        except MedportalError as error:
            data.refuse(name or f"line {row.number}", f"line {row.number}: {error.detail}")
        else:
            data.items.append(item)
    return data


def _load(path: Path, modality: str, decoder: Decoder) -> Loaded:
    if is_volume_file(path.name):
        return Loaded(volume=to_volume(read_volume_file(read_bytes(path, VOLUME_FILE_BYTES)), modality=modality))
    return Loaded(stack=read_picture(read_bytes(path), decoder)[None])


def _asked_for(options: Options) -> list[str]:
    return [column for column in (options.group_column, options.split_column) if column]


def _labels(data: DataSet, rows: list[Row], columns: tuple[str, ...]) -> Callable[[Row], tuple[str, ...]]:
    """Set the data set's kind by its label columns; return what gives a row's labels."""
    if not columns:
        return lambda _: ()
    if len(columns) > 1:
        data.kind = "multi_label"
        return partial(_marked, columns)
    (column,) = columns
    if any(SEPARATOR in row.get(column) for row in rows):
        data.kind = "multi_label"
        return lambda row: tuple(sorted(set(filter(None, map(str.strip, row.get(column).split(SEPARATOR))))))
    data.kind = "classes"
    return partial(_one, column)


def _one(column: str, row: Row) -> tuple[str, ...]:
    value = row.get(column)
    if not value:
        raise InvalidError("unlabelled", f"no label in column “{column}”.")
    if len(value) > 60:
        raise InvalidError("label", f"the label “{value[:20]}…” is longer than 60 characters.")
    return (value,)


def _marked(columns: tuple[str, ...], row: Row) -> tuple[str, ...]:
    for column in columns:
        if row.get(column).casefold() not in _YES + _NO:
            raise InvalidError("label", f"“{row.get(column)}” in column “{column}” is neither 1 nor 0.")
    return tuple(column for column in columns if row.get(column).casefold() in _YES)


def groups_and_splits(
    data: DataSet, rows: list[Row], columns: list[str], options: Options
) -> Callable[[Row], tuple[str, str]]:
    """Return what gives a row's (group, split); columns `group` and `split` count where no other is named.

    Raises InvalidError `unknown_split` where only some rows name a split: a given split is kept whole, or not at all.
    """
    group_column = options.group_column or ("group" if "group" in columns else "")
    split_column = options.split_column or ("split" if "split" in columns else "")
    words = Counter(row.get(split_column) for row in rows) if split_column else Counter[str]()
    unknown = [word for word in words if not split_of(word)]
    if unknown and (options.split_column or len(unknown) < len(words)):
        row = next(row for row in rows if row.get(split_column) == unknown[0])
        detail = (
            f"line {row.number}: “{unknown[0]}” in column “{split_column}” is no split (train, validation or test)."
        )
        raise InvalidError("unknown_split", detail)
    if unknown and any(unknown):
        data.notes.append(f"Column “{split_column}” names no split (“{unknown[0]}”): the splits are made.")
    return lambda row: (row.get(group_column), "" if unknown else split_of(row.get(split_column)))


class SideTable:
    """A table beside a folder of images: groups, splits and labels, found by an image's path or name."""

    def __init__(self, data: DataSet, options: Options) -> None:
        self._named: dict[str, list[Row]] = defaultdict(list)
        self._exactly: dict[str, list[Row]] = defaultdict(list)
        self._rows: list[Row] = []
        self.kind = ""
        if options.table is None:
            return
        columns, self._rows = read_table(options.table, options)
        require_columns(options.table.name, columns, (options.path_column, *_asked_for(options)))
        self._told = groups_and_splits(data, self._rows, columns, options)
        if all(column in columns for column in options.label_columns):
            told = DataSet("images", [])
            self._labels = _labels(told, self._rows, options.label_columns)
            self.kind = told.kind
        self._path_column, self._table_name = options.path_column, options.table.name
        for row in self._rows:
            name = row.get(options.path_column)
            self._exactly[name].append(row)
            for key in _keys(name, endings=True):
                self._named[key].append(row)

    @property
    def has_labels(self) -> bool:
        """Whether the table has the label columns."""
        return bool(self.kind)

    def of(self, *names: str) -> tuple[str, str]:
        """Return (group, split) of an image; InvalidError `not_in_table` where there is a table without it."""
        return self.told_by(self.rows_named(*names))

    def rows_named(self, *names: str) -> list[Row]:
        """Return the rows that name an image: by its path, the path's endings, its file name or its stem.

        A name that several rows have at once is none's, unless it is the whole path.
        """
        for name in names:
            for key in _keys(name):
                rows = self._exactly.get(key) or self._named.get(key, [])
                if len(rows) == 1 or (rows and key == str(_path(name))):
                    return rows
        return []

    def rows_of(self, identifier: str) -> list[Row]:
        """Return the rows that hold an identifier, exactly as it is."""
        return self._exactly.get(identifier, []) if identifier else []

    def told_by(self, rows: Sequence[Row]) -> tuple[str, str]:
        """Return (group, split) as rows of one image have it.

        Raises InvalidError `not_in_table` where there is a table, but no row; `rows_differ` where they say two things.
        """
        if not self._rows:
            return "", ""
        return self._one_of(rows, self._told)

    def labels_by(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Return an image's labels; InvalidError as `told_by`, and `unlabelled` or `label`."""
        return self._one_of(rows, self._labels)

    def _one_of(self, rows: Sequence[Row], say: Callable[[Row], _Said]) -> _Said:
        if not rows:
            raise InvalidError("not_in_table", f"it is not in the table “{self._table_name}”.")
        said = {row.number: say(row) for row in rows}
        first = rows[0].number
        for number, other in said.items():
            if other != said[first]:
                detail = f"lines {first} and {number} of the table “{self._table_name}” say different things of it."
                raise InvalidError("rows_differ", detail)
        return said[first]

    def note_unused(self, data: DataSet, used: Iterable[Row]) -> None:
        """Note by name the rows that name nothing in the folder."""
        numbers = {row.number for row in used}
        names = [row.get(self._path_column) for row in self._rows if row.number not in numbers]
        if names:
            listed = ", ".join(f"“{name[:80]}”" for name in names[:NAMED]) + (" …" if len(names) > NAMED else "")
            data.notes.append(f"{len(names)} row(s) of “{self._table_name}” name nothing in the folder: {listed}.")


def _path(name: str) -> PurePosixPath:
    return PurePosixPath(name.replace("\\", "/"))


def _keys(name: str, *, endings: bool = False) -> list[str]:
    """Return the names by which an image may be found: its path, (the path's endings,) its file name, its stem."""
    path = _path(name)
    tails = ["/".join(path.parts[start:]) for start in range(1, len(path.parts) - 1)] if endings else []
    return list(dict.fromkeys((str(path), stem_of(str(path)), *tails[-6:], path.name, stem_of(path.name))))


def stem_of(name: str) -> str:
    """Return a file's name, or path, without the ending of a kind of file that is read here; other dots are part of a name."""
    ending = next((ending for ending in ENDINGS if name.casefold().endswith(ending)), "")
    return name[: len(name) - len(ending)] or name
