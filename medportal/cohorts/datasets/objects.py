"""Folders of DICOM series: with Segmentation objects that name them, or with a table of labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from medportal.cohorts.datasets.files import files_in_all, relative_name, require_folder
from medportal.cohorts.datasets.folders import numbered_anew
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count, telling_refused
from medportal.cohorts.datasets.tables import Row, SideTable
from medportal.cohorts.names import in_order
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.attributes import Attributes
from medportal.imaging.decoder import Decoder
from medportal.imaging.headers import Header, read_header
from medportal.imaging.seg import Segmentation, add_to_mask, read_segmentation
from medportal.imaging.stacks import load_volume, sources_of
from medportal.imaging.uids import SEGMENTATION
from medportal.imaging.volumes import Volume

# What lies in folders beside objects.
_NO_OBJECTS = ("not_dicom", "dicomdir")


@dataclass
class _Found:
    """A series on disk."""

    study_instance_uid: str
    patient: str
    patient_id: str
    modality: str
    files: list[Path] = field(default_factory=list)
    # Files of the segmentations that are of it.
    segmentations: list[Path] = field(default_factory=list)


def read_objects(root: Path, options: Options, _decoder: Decoder) -> DataSet:
    """Read every DICOM image series below a folder.

    Segmentations make it a data set of masks: a series without one is refused. With a table (`path` names a series, a
    study, a patient, a folder or a file) it is one of labels.
    """
    require_folder(root)
    data = DataSet("images", [])
    series, segmentations = _series(data, root)
    table = SideTable(data, options)
    labels = _attach(data, series, segmentations, root) if not options.is_images_only else set()
    # What is a label by another name may stand beside segmentations without being what is to be learnt.
    if table.has_labels and not options.is_images_only and (table.is_label_named or not labels):
        data.kind = table.kind
    elif labels:
        data.kind, data.is_instances = "masks", options.is_instances
        with telling_refused(data):
            data.classes = _classes(labels, options)
    rows = _rows_of(data, table, series, root)
    for uid, one in series.items():
        name = relative_name(one.files[0].parent, root) + f" (series {uid})"
        try:
            if data.kind == "masks" and not one.segmentations:
                raise InvalidError("unlabelled", "no segmentation is of it.")
            group, split = table.told_by(rows[uid])
            found = table.labels_by(rows[uid]) if data.kind in ("classes", "multi_label") else ()
            load = partial(_load, one, data.classes, is_masks=data.kind == "masks", is_instances=data.is_instances)
            data.items.append(Item(name, load, found, group or one.patient, split))
        except MedportalError as error:
            data.refuse(name, error.detail)
    return data


def _series(data: DataSet, root: Path) -> tuple[dict[str, _Found], list[tuple[Path, Segmentation]]]:
    """Return the image series below a folder by their UIDs, and the segmentations."""
    series: dict[str, _Found] = {}
    segmentations = []
    for path in files_in_all(root):
        try:
            header = read_header(path)
            attributes = header.attributes
            if attributes.text("SOPClassUID") == SEGMENTATION:
                segmentations.append((path, read_segmentation(path, header)))
            elif header.frame_ranges:
                uid = attributes.uid("SeriesInstanceUID")
                series.setdefault(uid, _found(header)).files.append(path)
        except MedportalError as error:
            if error.code not in _NO_OBJECTS:
                data.refuse(relative_name(path, root), error.detail)
    with telling_refused(data):
        if not series:
            raise InvalidError("empty", f"“{root.name}” holds no DICOM images.")
        require_count(len(series))
    return series, segmentations


def _found(header: Header) -> _Found:
    attributes = header.attributes
    study = attributes.uid("StudyInstanceUID")
    return _Found(study, patient_of(attributes, study), attributes.text("PatientID"), attributes.text("Modality", 16))


def _rows_of(data: DataSet, table: SideTable, series: dict[str, _Found], root: Path) -> dict[str, list[Row]]:
    """Return the table's rows of each series.

    A table names all of them in one way. “1” may be a PatientID here and the name of a folder or of another patient's
    file there: the way by which most rows find a series is taken, and told; of two as good, the stricter one.
    """
    ways: dict[str, Callable[[str, _Found], Iterable[Row]]] = {
        "SeriesInstanceUID": lambda uid, _: table.rows_of(uid),
        "StudyInstanceUID": lambda _, one: table.rows_of(one.study_instance_uid),
        "PatientID": lambda _, one: table.rows_of(one.patient_id) or table.rows_of(one.patient),
        "the names of folders": lambda _, one: table.rows_named(relative_name(one.files[0].parent, root)),
        "the names of files": lambda _, one: chain.from_iterable(
            table.rows_named(relative_name(path, root)) for path in one.files
        ),
    }
    found = {way: {uid: list(rows(uid, one)) for uid, one in series.items()} for way, rows in ways.items()}
    used = {way: {row.number: row for rows in of.values() for row in rows} for way, of in found.items()}
    best = max(ways, key=lambda way: len(used[way]))
    if used[best]:
        data.notes.append(f"The table's rows name series by {best}.")
    table.note_unused(data, used[best].values())
    return found[best]


def patient_of(attributes: Attributes, study_instance_uid: str) -> str:
    """Return whose an object is, as cohorts know it: the patient, or the study of an unnamed one."""
    name = f"{attributes.text('PatientID')}^^^{attributes.text('IssuerOfPatientID')}".rstrip("^")
    return name or f"study {study_instance_uid}"


def _attach(
    data: DataSet, series: dict[str, _Found], segmentations: list[tuple[Path, Segmentation]], root: Path
) -> set[str]:
    """Give series their segmentations; return the labels that there are."""
    labels: set[str] = set()
    for path, segmentation in segmentations:
        one = series.get(segmentation.series_instance_uid)
        if one is None:
            data.refuse(relative_name(path, root), "the series that it is of is not in the folder.")
        else:
            one.segmentations.append(path)
            labels |= set(segmentation.labels.values())
    return labels


def _classes(labels: set[str], options: Options) -> list[str]:
    if options.is_instances:
        return [options.classes[0] if options.classes else "object"]
    if options.classes and not labels & set(options.classes):
        raise InvalidError("classes", f"No segment is of the classes named: there are {', '.join(in_order(labels))}.")
    return list(options.classes) or in_order(labels)


def load_images(files: Sequence[Path], modality: str, decoder: Decoder) -> Volume:
    """Return a series' files as a stack; raises as `load_volume`."""
    sources = [source for path in sorted(files) for source in sources_of(path, read_header(path))]
    return load_volume(sources, decoder, modality=modality)


def _load(one: _Found, classes: list[str], decoder: Decoder, *, is_masks: bool, is_instances: bool) -> Loaded:
    volume = load_images(one.files, one.modality, decoder)
    if not is_masks:
        return Loaded(volume=volume, files=one.files)
    mask = np.zeros(volume.array.shape[:3], np.uint16)
    for path in one.segmentations:
        segmentation = read_segmentation(path, read_header(path))
        own = np.zeros_like(mask)
        add_to_mask(own, segmentation, volume, decoder)
        if is_instances:
            mask[own > 0] = own[own > 0] + mask.max()
            continue
        for number, label in segmentation.labels.items():
            if label in classes:
                mask[own == number] = classes.index(label) + 1
    if is_instances:
        segments, mask = [{"value": 1, "label": classes[0]}], numbered_anew(mask)
    else:
        segments = [{"value": index, "label": name} for index, name in enumerate(classes, start=1)]
    return Loaded(volume=volume, files=[*one.segmentations, *one.files], mask=mask, segments=segments)
