"""CSV tables that name each picture, volume or DICOM file, with what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from medportal.cohorts.datasets.files import VOLUME_FILE_BYTES, read_bytes
from medportal.cohorts.datasets.finding import Finder
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options
from medportal.cohorts.datasets.objects import load_images, patient_of
from medportal.cohorts.datasets.tables import groups_and_splits, labels_told, read_table, with_columns
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.headers import read_header
from medportal.imaging.pictures import SUFFIXES, read_picture
from medportal.imaging.volume_files import is_volume_file, read_volume_file
from medportal.imaging.voxel_grids import to_volume


@dataclass(frozen=True)
class _Object:
    """A DICOM file that a line names, with what is said of it; `item` loads nothing yet."""

    line: int
    path: Path
    modality: str
    item: Item

    @property
    def said(self) -> tuple[object, ...]:
        return self.item.labels, self.item.group, self.item.split


def read_csv(path: Path, options: Options) -> DataSet:
    """Read a table of pictures: a path and a label each, and perhaps group and split.

    A label cell with `a|b`, and several label columns (each 1 or 0), make several labels at once. DICOM files of one
    series are one image.
    """
    columns, rows = read_table(path, options)
    if not rows:
        raise InvalidError(
            "empty", f"“{path.name}” has no rows" + (" that --where asks for." if options.where else ".")
        )
    data = DataSet("images", [])
    options = with_columns(data, path.name, columns, options, needs_labels=not options.is_images_only)
    labels_of = labels_told(data, rows, () if options.is_images_only else options.label_columns)
    told = groups_and_splits(data, rows, columns, options)
    finder, series = Finder(options.root or path.parent), dict[str, list[_Object]]()
    for row in rows:
        name = row.get(options.path_column)
        try:
            labels, file = labels_of(row), finder.find(name)
            item = Item(name, partial(_load, file, options.modality), labels, *told(row))
            if _is_object(file):
                uid, one = _object(row.number, file, item)
                series.setdefault(uid, []).append(one)
            else:
                data.items.append(item)
        except MedportalError as error:
            data.refuse(name or f"line {row.number}", f"line {row.number}: {error.detail}")
    for objects in series.values():
        _add_series(data, objects)
    return data


def _load(path: Path, modality: str, decoder: Decoder) -> Loaded:
    if is_volume_file(path.name):
        return Loaded(volume=to_volume(read_volume_file(read_bytes(path, VOLUME_FILE_BYTES)), modality=modality))
    return Loaded(stack=read_picture(read_bytes(path), decoder)[None])


def _is_object(path: Path) -> bool:
    """Say whether a file is DICOM (PS3.10 7.1), unless its name says that it is something else."""
    if path.suffix.casefold() in SUFFIXES or is_volume_file(path.name):
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _object(line: int, path: Path, item: Item) -> tuple[str, _Object]:
    header = read_header(path)
    if not header.frame_ranges:
        raise InvalidError("no_images", "The DICOM file holds no images.")
    attributes = header.attributes
    group = item.group or patient_of(attributes, attributes.uid("StudyInstanceUID"))
    one = _Object(line, path, attributes.text("Modality", 16), replace(item, group=group))
    return attributes.uid("SeriesInstanceUID"), one


def _add_series(data: DataSet, objects: Sequence[_Object]) -> None:
    """Add the files of a series as one image; refuse them all where lines say different things of it."""
    first = objects[0]
    other = next((one for one in objects if one.said != first.said), None)
    if other is None:
        files = list(dict.fromkeys(one.path for one in objects))
        data.items.append(replace(first.item, load=partial(_load_objects, files, first.modality)))
        return
    for one in objects:
        detail = f"lines {first.line} and {other.line} say different things of one series."
        data.refuse(one.item.name, f"line {one.line}: {detail}")


def _load_objects(files: Sequence[Path], modality: str, decoder: Decoder) -> Loaded:
    return Loaded(volume=load_images(files, modality, decoder), files=files)
