"""Boxes around what is seen in pictures: Pascal VOC and YOLO (a file for each picture) and COCO (one JSON for all)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from medportal.cohorts.datasets.coco_documents import MOST_BOXES, documents_in, image_file, image_folders, read_document
from medportal.cohorts.datasets.files import (
    files_in,
    inner_folder,
    note_unread,
    read_bytes,
    relative_name,
    require_folder,
)
from medportal.cohorts.datasets.items import DataSet, Item, Loaded, Options, require_count, split_of
from medportal.cohorts.datasets.layouts import Layout, keep_splits, layouts_in, note_left_out
from medportal.cohorts.datasets.pairs import pairs_of
from medportal.cohorts.datasets.tables import SideTable
from medportal.cohorts.datasets.yolo import class_names, is_annotation, read_boxes
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.limits import MIB
from medportal.imaging.marks import Box
from medportal.imaging.pictures import read_picture

XML_BYTES = 4 * MIB
_DEEPEST = 32


class Flat:
    """A box in a picture: left, top, right, bottom in pixel edges, before it is cut to the picture."""

    __slots__ = ("corners", "in_parts", "label")

    def __init__(self, label: str, corners: tuple[float, float, float, float], *, in_parts: bool = False) -> None:
        """`in_parts` says that the corners are in parts of the picture's sides."""
        if not all(math.isfinite(value) for value in corners):
            raise InvalidError("box", f"a box of “{label}” is not of numbers.")
        self.label, self.corners, self.in_parts = label, corners, in_parts


def boxes_within(flats: Sequence[Flat], rows: int, columns: int) -> list[Box]:
    """Return boxes cut to a picture, in edges of the stack; what is empty then is left out."""
    boxes = []
    for flat in flats:
        left, top, right, bottom = flat.corners
        if flat.in_parts:
            left, top, right, bottom = left * columns, top * rows, right * columns, bottom * rows
        low = (0.0, max(top, 0.0), max(left, 0.0))
        high = (1.0, min(bottom, float(rows)), min(right, float(columns)))
        if low[1] < high[1] and low[2] < high[2]:
            boxes.append(Box(flat.label, low, high))
    return boxes


def _load(path: Path, flats: Sequence[Flat], size: tuple[int, int] | None, decoder: Decoder) -> Loaded:
    picture = read_picture(read_bytes(path), decoder)
    rows, columns = picture.shape[:2]
    if size is not None and size != (rows, columns):
        detail = f"its annotation is for {size[0]} × {size[1]}, but the image is {rows} × {columns} (rows × columns)."
        raise InvalidError("box_size", detail)
    return Loaded(stack=picture[None], boxes=boxes_within(flats, rows, columns))


def _finish(
    data: DataSet, found: Sequence[tuple[Item, Path, list[Flat], tuple[int, int] | None]], options: Options
) -> None:
    """Give the items their boxes of the classes that are wanted."""
    labels = {flat.label for _, _, flats, _ in found for flat in flats}
    if options.classes and not labels & set(options.classes):
        raise InvalidError(
            "classes", f"No box is of the classes named: there are {', '.join(sorted(labels)) or 'none'}."
        )
    left_out = sorted(labels - set(options.classes)) if options.classes else []
    if left_out:
        data.notes.append(f"Boxes of other classes are left out: {', '.join(left_out)}.")
    data.classes = list(options.classes) or sorted(labels)
    for item, path, flats, size in found:
        kept = [flat for flat in flats if flat.label in data.classes]
        data.items.append(Item(item.name, partial(_load, path, kept, size), (), item.group, item.split))


def read_voc(root: Path, options: Options) -> DataSet:
    """Read `images/` and `annotations/*.xml`, or both in one folder (Everingham et al. 2010: from 1, both ends within).

    The lists of `ImageSets/Main` are the splits. Where there is no XML, the pictures' texts are read as YOLO's.
    """
    require_folder(root)
    root = inner_folder(root)
    data = DataSet("boxes", [])
    suffix = ".xml" if files_in(root, {".xml"}) else ".txt"
    names = class_names(root) if suffix == ".txt" else []
    # Without folders of their own they lie together, as LabelImg writes them.
    layouts = layouts_in(root, ("annotations", "labels"), {suffix}) or [
        Layout(files_in(root), files_in(root, {suffix}), (root, root))
    ]
    note_left_out(data, root, layouts)
    pairs, splits = [], dict[str, str]()
    for layout in layouts:
        others = [path for path in layout.others if suffix == ".xml" or is_annotation(path)]
        some = pairs_of(data, layout.images, others, root, "annotation", folders=layout.folders)
        pairs += some
        splits |= {relative_name(pair.image, root): layout.split_of(pair.image, root) for pair in some}
    require_count(len(pairs))
    listed = _image_sets(root)
    table = SideTable(data, options)
    found: list[tuple[Item, Path, list[Flat], tuple[int, int] | None]] = []
    for pair in pairs:
        name = relative_name(pair.image, root)
        ((_, annotation),) = pair.others
        try:
            flats, size = _annotation(annotation, names)
            group, split = table.of(name)
            item = Item(name, _nothing, (), group, split or _listed(listed, pair.image))
        except MedportalError as error:
            data.refuse(name, f"{annotation.name}: {error.detail}")
        else:
            found.append((item, pair.image, flats, size))
    _finish(data, found, options)
    keep_splits(data, splits)
    note_unread(data, root)
    return data


def _annotation(path: Path, names: list[str]) -> tuple[list[Flat], tuple[int, int] | None]:
    """Return (boxes, (rows, columns) that the annotation is for, if it says)."""
    if path.suffix.lower() == ".xml":
        return _voc(parse_xml(read_bytes(path, XML_BYTES)))
    return [Flat(label, corners, in_parts=True) for label, corners in read_boxes(path, names)], None


def _image_sets(root: Path) -> dict[str, set[str]]:
    """Return the splits of images by their stems, as the lists in `ImageSets/Main` have them; {} without lists.

    `trainval` is the training's where there is no list of the training alone.
    """
    splits: dict[str, set[str]] = defaultdict(set)
    lists = {path.stem.casefold(): path for path in (root / "ImageSets" / "Main").glob("*.txt")}
    if "trainval" in lists and "train" not in lists:
        lists["train"] = lists["trainval"]
    for name in lists.keys() & {"train", "val", "test"}:
        for line in read_bytes(lists[name], XML_BYTES).decode("utf-8", "replace").splitlines():
            if words := line.split():
                splits[words[0]].add(split_of(name))
    return splits


def _listed(listed: Mapping[str, set[str]], image: Path) -> str:
    """Return the split of an image by the lists; InvalidError `split` where none names it, or several do."""
    if not listed:
        return ""
    splits = sorted(listed.get(image.stem, ()))
    if len(splits) != 1:
        detail = (
            f"ImageSets/Main has it in several lists: {', '.join(splits)}."
            if splits
            else "no list in ImageSets/Main names it."
        )
        raise InvalidError("split", detail)
    return splits[0]


def _nothing(_: Decoder) -> Loaded:
    return Loaded()


def parse_xml(data: bytes) -> Element:
    """Return the tree of an XML document; InvalidError `xml` for what is none, is too deep, or declares a type.

    Without a document type there are no entities, so that none can grow or reach for a file.
    """
    builder, parser, depth = TreeBuilder(), expat.ParserCreate(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise InvalidError("xml", "its elements are nested too deep.")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> None:
        raise InvalidError("xml", "it declares a document type, which is not read here.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError) as error:
        raise InvalidError("xml", "it is no XML.") from error


def _voc(tree: Element) -> tuple[list[Flat], tuple[int, int] | None]:
    """Return (boxes, (rows, columns) that the annotation is for, if it says)."""
    size = (_number(tree, "size/height", 0), _number(tree, "size/width", 0))
    objects = tree.findall("object")
    if len(objects) > MOST_BOXES:
        raise InvalidError("boxes", f"it has more than {MOST_BOXES} boxes.")
    flats = []
    for one in objects:
        label = (one.findtext("name") or "").strip()
        if not label or len(label) > 60:
            raise InvalidError("box", "an object has no name, or a long one.")
        left, top, right, bottom = (_number(one, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax"))
        flats.append(Flat(label, (left - 1, top - 1, right, bottom)))
    return flats, (int(size[0]), int(size[1])) if all(size) else None


def _number(tree: Element, path: str, default: float | None = None) -> float:
    text = tree.findtext(path)
    if text is None and default is not None:
        return default
    try:
        return float(text or "")
    except ValueError as error:
        raise InvalidError("box", f"“{path}” is missing or no number.") from error


def read_coco(root: Path, options: Options) -> DataSet:
    """Read one JSON (or one for each split, by its name or folder) and its images (Lin et al. 2014: from 0)."""
    whole, listed = files_in(root) if root.is_dir() else [], set[Path]()
    documents, root = documents_in(root, options)
    data = DataSet("boxes", [])
    table = SideTable(data, options)
    found: list[tuple[Item, Path, list[Flat], tuple[int, int] | None]] = []
    for path, split in documents:
        document = read_document(path)
        require_count(len(found) + len(document.images))
        folders = image_folders(root, path, split)
        for key, (name, size) in document.images.items():
            try:
                file = image_file(root, folders, name)
                listed.add(file)
                if key in document.faults:
                    raise InvalidError("box", document.faults[key])
                flats = [Flat(label, corners) for label, corners in document.boxes.get(key, [])]
                own = relative_name(file, root)
                group, told = table.of(own, name)
            except MedportalError as error:
                data.refuse(name, error.detail)
            else:
                # A single document's name says nothing of its images.
                given = split if len(documents) > 1 else ""
                found.append((Item(own, _nothing, (), group, told or given), file, flats, size))
        if document.crowds:
            data.notes.append(f"{document.crowds} box(es) of crowds in “{path.parent.name}/{path.name}” are left out.")
    if left := len(set(whole) - listed):
        data.notes.append(f"{left} picture(s) that no JSON lists are left out.")
    _finish(data, found, options)
    return data
