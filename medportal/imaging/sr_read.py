"""Reads structured reports (PS3.3 C.17): as a tree that can be shown, and measurements after TID 1500 as marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medportal.errors import InvalidError
from medportal.imaging.attributes import Attributes
from medportal.imaging.derived_object import Code, Reference, code_of
from medportal.imaging.sr_write import CONCEPTS, LONG_AXIS, TOOL_PREFIX, Measurement

MOST_ITEMS = 20_000
MOST_DEPTH = 40
_KINDS = {
    "Length": "length", "Bidirectional": "bidirectional", "Angle": "angle", "CobbAngle": "cobb",
    "EllipticalROI": "ellipse", "CircleROI": "circle", "RectangleROI": "rectangle", "PlanarFreehandROI": "freehand",
    "SplineROI": "spline", "ArrowAnnotate": "arrow", "Probe": "probe",
}  # fmt: skip
_STATS = {concept.value: name for name, (concept, _) in CONCEPTS.items()} | {LONG_AXIS.value: "length_mm"}
# Algorithm Name, Algorithm Version: no words about what was measured.
_OF_ALGORITHMS = frozenset({"111001", "111003"})
# Units that mean other sizes than the names in a mark's figures say.
_TO_MM = {"mm": 1.0, "cm": 10.0, "um": 0.001, "mm2": 1.0, "cm2": 100.0}


@dataclass(frozen=True)
class Item:
    """A content item: what it is of, its value as text, and what hangs on it."""

    relation: str
    kind: str
    concept: str
    value: str
    unit: str = ""
    references: list[Reference] = field(default_factory=list)
    children: list[Item] = field(default_factory=list)


def read_tree(attributes: Attributes) -> Item:
    """Return a report as a tree; InvalidError `report` where it is none, or larger than anybody reads."""
    if not attributes.text("ValueType", 16):
        raise InvalidError("report", "The object holds no structured report.")
    return _item(attributes, 0, iter(range(MOST_ITEMS)))


def _item(node: Attributes, depth: int, budget: Iterator[int]) -> Item:
    if next(budget, None) is None or depth > MOST_DEPTH:
        raise InvalidError("report", f"The report has more than {MOST_ITEMS} items, or lies deeper than {MOST_DEPTH}.")
    concept = code_of(next(node.items("ConceptNameCodeSequence"), None))
    value, unit = _value(node)
    return Item(
        relation=node.text("RelationshipType", 20),
        kind=node.text("ValueType", 16),
        concept=concept.meaning if concept else "",
        value=value,
        unit=unit,
        references=_references(node),
        children=[_item(child, depth + 1, budget) for child in node.items("ContentSequence")],
    )


def _value(node: Attributes) -> tuple[str, str]:
    """Return a content item's value as text, with its unit."""
    kind = node.text("ValueType", 16)
    if kind == "NUM":
        measured = next(node.items("MeasuredValueSequence"), None)
        if measured is None:
            return "", ""
        unit = code_of(next(measured.items("MeasurementUnitsCodeSequence"), None))
        return str(next(iter(measured.values("NumericValue")), "")), unit.value if unit else ""
    if kind == "CODE":
        code = code_of(next(node.items("ConceptCodeSequence"), None))
        return (code.meaning or code.value, "") if code else ("", "")
    if kind in ("SCOORD", "SCOORD3D"):
        return f"{node.text('GraphicType', 16)} {len(node.values('GraphicData'))}", ""
    plain = {
        "TEXT": "TextValue",
        "DATETIME": "DateTime",
        "DATE": "Date",
        "TIME": "Time",
        "PNAME": "PersonName",
        "UIDREF": "UID",
    }
    return (node.text(plain[kind], 10_000), "") if kind in plain else ("", "")


def _references(node: Attributes) -> list[Reference]:
    found = []
    for item in node.items("ReferencedSOPSequence"):
        uid = item.text("ReferencedSOPInstanceUID")
        frame = item.integer("ReferencedFrameNumber")
        found.append(Reference(item.text("ReferencedSOPClassUID"), uid, frame))
    return found


# --- measurements ---------------------------------------------------------------------------------------------------


@dataclass
class _Group:
    """What a measurement group says, put together from its items."""

    tool: str = ""
    tracking_uid: str = ""
    label: str = ""
    finding: Code | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    # (graphic type, points, reference, frame of reference), each once.
    shapes: list[tuple[str, list[list[float]], Reference | None, str]] = field(default_factory=list)


def read_measurements(attributes: Attributes) -> tuple[list[Measurement], int]:
    """Return the measurements of a report, and how many groups held none that a mark can say."""
    found, left = [], 0
    for node in _groups(attributes, 0):
        group = _Group()
        _collect(node, group, 0)
        measurement = _measurement(group)
        if measurement is None:
            left += 1
        else:
            found.append(measurement)
    return found, left


def _groups(node: Attributes, depth: int) -> Iterator[Attributes]:
    if depth > MOST_DEPTH:
        raise InvalidError("report", f"The report lies deeper than {MOST_DEPTH}.")
    for child in node.items("ContentSequence"):
        concept = code_of(next(child.items("ConceptNameCodeSequence"), None))
        if child.text("ValueType", 16) == "CONTAINER" and concept and concept.value == "125007":
            yield child
        else:
            yield from _groups(child, depth + 1)


def _collect(node: Attributes, group: _Group, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise InvalidError("report", f"The report lies deeper than {MOST_DEPTH}.")
    for child in node.items("ContentSequence"):
        kind = child.text("ValueType", 16)
        concept = code_of(next(child.items("ConceptNameCodeSequence"), None))
        name = concept.value if concept else ""
        value, unit = _value(child)
        if kind == "TEXT" and name == "112039":
            group.tool = value
        elif kind == "TEXT" and not group.label and name not in _OF_ALGORITHMS:
            group.label = value[:200]
        elif kind == "UIDREF" and name == "112040":
            group.tracking_uid = value
        elif kind == "CODE" and name == "121071":
            group.finding = code_of(next(child.items("ConceptCodeSequence"), None))
        elif kind == "NUM" and name in _STATS:
            _note(group, _STATS[name], value, unit)
        elif kind in ("SCOORD", "SCOORD3D"):
            _shape(child, kind, group)
        _collect(child, group, depth + 1)


def _note(group: _Group, name: str, value: str, unit: str) -> None:
    try:
        number = float(value)
    except ValueError:
        return
    is_size = name.endswith(("_mm", "_mm2"))
    if is_size and unit not in _TO_MM:
        return
    group.stats[name] = number * (_TO_MM[unit] if is_size else 1)
    if unit == "[hnsf'U]":
        group.stats["unit"] = "HU"


def _shape(node: Attributes, kind: str, group: _Group) -> None:
    size = 2 if kind == "SCOORD" else 3
    data = [float(v) for v in node.values("GraphicData") if isinstance(v, int | float)]
    points = [[*data[at : at + size], 0.0][:3] for at in range(0, len(data) - size + 1, size)]
    reference = next((r for child in node.items("ContentSequence") for r in _references(child)), None)
    frame = node.text("ReferencedFrameOfReferenceUID")
    shape = (node.text("GraphicType", 16), points, reference if kind == "SCOORD" else None, frame)
    if points and shape not in group.shapes and (reference or kind == "SCOORD3D"):
        group.shapes.append(shape)


def _measurement(group: _Group) -> Measurement | None:
    if not group.shapes:
        return None
    graphic, points, reference, frame = group.shapes[0]
    kind = _KINDS.get(group.tool.rpartition(":")[2] if group.tool.startswith(TOOL_PREFIX) else "", "")
    if len(group.shapes) == 2 and all(len(shape[1]) == 2 for shape in group.shapes):
        kind, points = kind or "bidirectional", [*points, *group.shapes[1][1]]
    kind = kind or _kind_of(graphic, len(points))
    if graphic in ("POLYLINE", "POLYGON") and kind in ("rectangle", "freehand", "spline") and points[0] == points[-1]:
        points = points[:-1]
    wanted = {"arrow": 2, "rectangle": 4, "circle": 2, "ellipse": 4, "length": 2, "cobb": 4, "angle": 3, "probe": 1}
    if kind == "arrow" and len(points) == 1:
        # A point with a text: the arrow comes from above it.
        points = [points[0], [points[0][0] + 20, points[0][1] - 20, points[0][2]]]
    if len(points) != wanted.get(kind, len(points)):
        kind = "polyline" if len(points) > 1 else "probe"
    return Measurement(kind, points, "", reference, frame, group.label, group.finding, group.stats, group.tracking_uid)


def _kind_of(graphic: str, count: int) -> str:
    if graphic == "POLYLINE":
        return {2: "length", 3: "angle"}.get(count, "polyline")
    return {"POINT": "probe", "CIRCLE": "circle", "ELLIPSE": "ellipse", "POLYGON": "freehand"}.get(graphic, "polyline")
