"""CSV tables: which image belongs to whom, to which split, and what it shows."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from medportal.cohorts.datasets.columns import (
    GROUPS,
    LABELS,
    PATHS,
    SPLITS,
    column_meant,
    column_named,
    meant_or_named,
    plain_name,
)
from medportal.cohorts.datasets.files import read_bytes
from medportal.cohorts.datasets.items import NAMED, DataSet, Options, require_count, split_of
from medportal.errors import InvalidError
from medportal.imaging.limits import MIB
from medportal.imaging.pictures import SUFFIXES
from medportal.imaging.volume_files import SUFFIXES as VOLUME_SUFFIXES

TABLE_BYTES = 256 * MIB
SEPARATOR = "|"
_YES, _NO = ("1", "1.0", "true", "yes", "y", "t"), ("", "0", "0.0", "false", "no", "n", "f")
# As CheXpert (Irvin et al. 2019) has it.
_UNCERTAIN = ("-1", "-1.0")
_MOST_COLUMNS = 1000
# What the names of files that are read here end in, the longest first.
ENDINGS = sorted(
    {*SUFFIXES, *VOLUME_SUFFIXES, ".dcm", ".dicom", ".ima", ".tif", ".tiff", ".gif"}, key=len, reverse=True
)
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
        text = _text(content)
        head = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=head.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        every = [column.strip() for column in next(reader, [])]
        # Columns without a name are what editors leave behind: a running number, or commas at the end.
        columns = [column for column in every if column]
        if len(columns) > _MOST_COLUMNS or len(set(columns)) < len(columns):
            raise InvalidError("table", f"“{name}” has a column twice, or too many columns.")
        where = [(column_named(name, columns, column), value) for column, value in options.where]
        rows = (
            Row(number, {column: cell.strip() for column, cell in zip(every, cells, strict=False) if column})
            for number, cells in enumerate(reader, start=2)
            if any(map(str.strip, cells))
        )
        kept = [row for row in rows if all(row.get(column) == value for column, value in where)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidError("table", f"“{name}” is no CSV table in UTF-8 or UTF-16: {error}.") from error
    require_count(len(kept))
    return columns, kept


def _text(data: bytes) -> str:
    """Return a table's text: in UTF-16 where it begins by saying so, else in UTF-8."""
    return data.decode("utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")


def with_columns(data: DataSet, table: str, columns: Sequence[str], options: Options, *, needs_labels: bool) -> Options:
    """Return the options with the columns that the table has for what is asked for; a note tells what is taken for it.

    Without `needs_labels` there may be no label column. Raises InvalidError `no_column`.
    """
    path = meant_or_named(table, columns, options.path_column, PATHS)
    labels = tuple(meant_or_named(table, columns, column, LABELS) for column in options.label_columns)
    group = meant_or_named(table, columns, options.group_column, GROUPS)
    for column, what, option in ((path, "path", "path"), (labels[0] or not needs_labels, "label", "label")):
        if not column:
            detail = (
                f"“{table}” has no column “{what}”, nor one that is surely meant: it has {', '.join(columns[:20])}."
            )
            raise InvalidError("no_column", f"{detail} Name it (--{option}-column).")
    asked = {options.path_column, *options.label_columns, options.group_column}
    meant = {"path": path, "label": labels[0], "group": group}
    taken = [f"“{column}” as {what}" for what, column in meant.items() if column and column not in {what, *asked}]
    if taken:
        note(data, f"Columns of “{table}” that are read: {', '.join(taken)}.")
    return replace(options, path_column=path, label_columns=tuple(filter(None, labels)), group_column=group)


def note(data: DataSet, text: str) -> None:
    """Note something once, however often the table is read."""
    if text not in data.notes:
        data.notes.append(text)


def labels_told(data: DataSet, rows: list[Row], columns: tuple[str, ...]) -> Callable[[Row], tuple[str, ...]]:
    """Set the data set's kind by its label columns; return what gives a row's labels."""
    if not columns:
        return lambda _: ()
    if len(columns) > 1:
        data.kind = "multi_label"
        if number := sum(row.get(column) in _UNCERTAIN for row in rows for column in columns):
            note(data, f"{number} label(s) are uncertain (−1): they count as absent.")
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
        if row.get(column).casefold() not in _YES + _NO + _UNCERTAIN:
            raise InvalidError("label", f"“{row.get(column)}” in column “{column}” is neither 1 nor 0.")
    return tuple(column for column in columns if row.get(column).casefold() in _YES)


def groups_and_splits(
    data: DataSet, rows: list[Row], columns: list[str], options: Options
) -> Callable[[Row], tuple[str, str]]:
    """Return what gives a row's (group, split); a column `split` counts where no other is named.

    Raises InvalidError `unknown_split` where only some rows name a split: a given split is kept whole, or not at all.
    """
    split_column = options.split_column or column_meant(columns, SPLITS)
    if options.split_column:
        split_column = column_named("The table", columns, split_column)
    words = Counter(row.get(split_column) for row in rows) if split_column else Counter[str]()
    if plain_name(split_column) != "split" and not options.split_column:
        # “set” may be anything; where each of its words is a split it is one.
        if all(map(split_of, words)) and words:
            note(data, f"Column “{split_column}” is read as split.")
        else:
            words.clear()
            split_column = ""
    unknown = [word for word in words if not split_of(word)]
    if unknown and (options.split_column or len(unknown) < len(words)):
        row = next(row for row in rows if row.get(split_column) == unknown[0])
        detail = (
            f"line {row.number}: “{unknown[0]}” in column “{split_column}” is no split (train, validation or test)."
        )
        raise InvalidError("unknown_split", detail)
    if unknown and any(unknown):
        note(data, f"Column “{split_column}” names no split (“{unknown[0]}”): the splits are made.")
    return lambda row: (row.get(options.group_column), "" if unknown else split_of(row.get(split_column)))


class SideTable:
    """A table beside a folder of images: groups, splits and labels, found by an image's path or name."""

    def __init__(self, data: DataSet, options: Options) -> None:
        self._named: dict[str, list[Row]] = defaultdict(list)
        self._exactly: dict[str, list[Row]] = defaultdict(list)
        self._rows: list[Row] = []
        self.kind = ""
        # Whether the label column is called as was asked for, rather than as others call it.
        self.is_label_named = False
        if options.table is None:
            return
        table = options.table
        columns, self._rows = read_table(table, options)
        asked, options = options, with_columns(data, table.name, columns, options, needs_labels=False)
        self._told = groups_and_splits(data, self._rows, columns, options)
        if options.label_columns:
            told = DataSet("images", [])
            self._labels = labels_told(told, self._rows, options.label_columns)
            self.kind = told.kind
            for text in told.notes:
                note(data, text)
            self.is_label_named = options.label_columns == asked.label_columns
        self._path_column, self._table_name = options.path_column, table.name
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
                if len(rows) == 1 or (rows and key == str(path_of(name))):
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


def path_of(name: str) -> PurePosixPath:
    """Return a name as a path, whichever way its slashes lean."""
    return PurePosixPath(name.replace("\\", "/"))


def _keys(name: str, *, endings: bool = False) -> list[str]:
    """Return the names by which an image may be found: its path, (the path's endings,) its file name, its stem."""
    path = path_of(name)
    tails = ["/".join(path.parts[start:]) for start in range(1, len(path.parts) - 1)] if endings else []
    return list(dict.fromkeys((str(path), stem_of(str(path)), *tails[-6:], path.name, stem_of(path.name))))


def stem_of(name: str) -> str:
    """Return a file's name, or path, without the ending of a kind of file that is read here; other dots are part of a name."""
    ending = next((ending for ending in ENDINGS if name.casefold().endswith(ending)), "")
    return name[: len(name) - len(ending)] or name
