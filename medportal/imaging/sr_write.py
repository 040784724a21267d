"""Writes measurements as a structured report: Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 (PS3.16)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from medportal.errors import InvalidError
from medportal.imaging.attributes import Attributes
from medportal.imaging.derived_object import Code, Made, Reference, begin, referenced_series
from medportal.imaging.written import to_file_bytes, uid_of

Point = Sequence[float]


@dataclass(frozen=True)
class Measurement:
    """A mark with what it measures.

    Points are those of `annotations.marks.kinds`: pixels of the referenced frame (column, row) where there is one,
    else of the patient (LPS, mm) in a frame of reference.
    """

    kind: str
    points: Sequence[Point]
    series_instance_uid: str
    reference: Reference | None
    frame_of_reference_uid: str = ""
    label: str = ""
    finding: Code | None = None
    # Names as in a mark's data: length_mm, area_mm2, mean, …
    stats: Mapping[str, Any] = field(default_factory=dict)
    tracking_uid: str = ""
    model: str = ""


# Kind → (graphic type of a frame, of the patient): PS3.3 C.18.6 and C.18.9.
GRAPHICS = {
    "length": ("POLYLINE", "POLYLINE"),
    "bidirectional": ("POLYLINE", "POLYLINE"),
    "angle": ("POLYLINE", "POLYLINE"),
    "cobb": ("POLYLINE", "POLYLINE"),
    "ellipse": ("ELLIPSE", "ELLIPSE"),
    "circle": ("CIRCLE", "POLYGON"),
    "rectangle": ("POLYLINE", "POLYGON"),
    "freehand": ("POLYLINE", "POLYGON"),
    "spline": ("POLYLINE", "POLYGON"),
    "polyline": ("POLYLINE", "POLYLINE"),
    "arrow": ("POINT", "POINT"),
    "text": ("POINT", "POINT"),
    "probe": ("POINT", "POINT"),
}
# What other viewers know the tool by.
_TOOLS = {
    "length": "Length", "bidirectional": "Bidirectional", "angle": "Angle", "cobb": "CobbAngle",
    "ellipse": "EllipticalROI", "circle": "CircleROI", "rectangle": "RectangleROI", "freehand": "PlanarFreehandROI",
    "spline": "SplineROI", "arrow": "ArrowAnnotate", "probe": "Probe", "text": "ArrowAnnotate",
}  # fmt: skip
TOOL_PREFIX = "Cornerstone3DTools@^0.1.0:"
_CLOSED = frozenset({"rectangle", "freehand", "spline"})

MM, MM2, DEGREE = (
    Code("mm", "UCUM", "millimeter"),
    Code("mm2", "UCUM", "square millimeter"),
    Code("deg", "UCUM", "degree"),
)
UNITS = {"HU": Code("[hnsf'U]", "UCUM", "Hounsfield unit"), "SUV": Code("g/ml{SUVbw}", "UCUM", "SUV body weight")}
NO_UNIT = Code("1", "UCUM", "no units")
# Name in `stats` → (concept, unit; None: that of the values).
CONCEPTS = {
    "length_mm": (Code("410668003", "SCT", "Length"), MM),
    "width_mm": (Code("103340004", "SCT", "Short Axis"), MM),
    "angle_deg": (Code("1483009", "SCT", "Angle"), DEGREE),
    "area_mm2": (Code("42798000", "SCT", "Area"), MM2),
    "mean": (Code("373098007", "SCT", "Mean"), None),
    "std": (Code("386136009", "SCT", "Standard Deviation"), None),
    "min": (Code("255605001", "SCT", "Minimum"), None),
    "max": (Code("56851009", "SCT", "Maximum"), None),
    "value": (Code("112031", "DCM", "Attenuation Coefficient"), None),
}
LONG_AXIS = Code("103339001", "SCT", "Long Axis")
REGION = Code("111030", "DCM", "Image Region")
TRACKING, TRACKING_UID = (
    Code("112039", "DCM", "Tracking Identifier"),
    Code("112040", "DCM", "Tracking Unique Identifier"),
)
FINDING, COMMENT = Code("121071", "DCM", "Finding"), Code("121106", "DCM", "Comment")
GROUP = Code("125007", "DCM", "Measurement Group")


def write_measurements(source: Attributes, measurements: Sequence[Measurement], made: Made, key: str) -> bytes:
    """Return the report as a file, in a new series of the source's study.

    Raises InvalidError `nothing_measured` where there is no measurement.
    """
    kept = [one for one in measurements if one.kind in GRAPHICS]
    if not kept:
        raise InvalidError("nothing_measured", "There is no measurement yet: there is nothing to write.")
    ds = begin(source, Comprehensive3DSRStorage, "SR", made, key)
    ds.CompletionFlag, ds.VerificationFlag, ds.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    ds.ReferencedPerformedProcedureStepSequence, ds.PerformedProcedureCodeSequence = [], []
    _root(ds, kept, made)
    series: dict[str, list[Reference]] = {}
    for one in kept:
        if one.reference:
            series.setdefault(one.series_instance_uid, []).append(one.reference)
    if series:
        study = Dataset()
        study.StudyInstanceUID, study.ReferencedSeriesSequence = ds.StudyInstanceUID, _evidence(series)
        ds.CurrentRequestedProcedureEvidenceSequence = [study]
    return to_file_bytes(ds)


def _evidence(series: Mapping[str, Sequence[Reference]]) -> list[Dataset]:
    """Return the hierarchy of C.17.2.1: as in common references, but with SOP in the names of the sequence."""
    items = referenced_series(series)
    for item in items:
        item.ReferencedSOPSequence = item.ReferencedInstanceSequence
        del item.ReferencedInstanceSequence
    return items


def _root(ds: Dataset, kept: Sequence[Measurement], made: Made) -> None:
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [Code("126000", "DCM", "Imaging Measurement Report").item()]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "1500"
    ds.ContentTemplateSequence = [template]
    language = code_item("HAS CONCEPT MOD", Code("121049", "DCM", "Language of Content Item and Descendants"), _ENGLISH)
    observer = code_item("HAS OBS CONTEXT", Code("121005", "DCM", "Observer Type"), Code("121006", "DCM", "Person"))
    person = item_of("HAS OBS CONTEXT", "PNAME", Code("121008", "DCM", "Person Observer Name"))
    person.PersonName = made.author
    procedure = code_item(
        "HAS CONCEPT MOD",
        Code("121058", "DCM", "Procedure reported"),
        Code("363679005", "SCT", "Imaging procedure"),
    )
    library = container("CONTAINS", Code("111028", "DCM", "Image Library"), [])
    groups = [container("CONTAINS", GROUP, list(_group(one))) for one in kept]
    measured = container("CONTAINS", Code("126010", "DCM", "Imaging Measurements"), groups)
    del library.ContentSequence
    ds.ContentSequence = [language, observer, person, procedure, library, measured]


_ENGLISH = Code("en", "RFC5646", "English")


def _group(one: Measurement) -> Iterator[Dataset]:
    tracking = item_of("HAS OBS CONTEXT", "TEXT", TRACKING)
    tracking.TextValue = TOOL_PREFIX + _TOOLS.get(one.kind, one.kind)
    identity = item_of("HAS OBS CONTEXT", "UIDREF", TRACKING_UID)
    identity.UID = one.tracking_uid or uid_of(f"measurement {one}")
    yield tracking
    yield identity
    if one.finding:
        yield code_item("CONTAINS", FINDING, one.finding)
    if one.label:
        yield text_item("CONTAINS", COMMENT, one.label)
    if one.model:
        yield text_item("CONTAINS", Code("111001", "DCM", "Algorithm Name"), one.model)
    shape = _shape(one)
    figures = [
        (name, value) for name, value in one.stats.items() if name in CONCEPTS and isinstance(value, int | float)
    ]
    is_region = one.kind in ("ellipse", "circle", *_CLOSED)
    if is_region or not figures:
        yield shape
    for name, value in figures:
        concept, unit = CONCEPTS[name]
        if one.kind == "bidirectional" and name == "length_mm":
            concept = LONG_AXIS
        number = number_item(concept, float(value), unit or UNITS.get(str(one.stats.get("unit", "")), NO_UNIT))
        if not is_region:
            number.ContentSequence = [_inferred(one, name)]
        yield number


def _inferred(one: Measurement, name: str) -> Dataset:
    """Return the line that a figure was measured along: of two diameters, each its own."""
    points = one.points
    if one.kind == "bidirectional":
        points = points[:2] if name == "length_mm" else points[2:]
    shape = _shape(one, points)
    shape.RelationshipType = "INFERRED FROM"
    del shape.ConceptNameCodeSequence
    return shape


def _shape(one: Measurement, points: Sequence[Point] | None = None) -> Dataset:
    flat, solid = GRAPHICS[one.kind]
    points = list(points or one.points)
    if one.reference is None:
        shape = item_of("CONTAINS", "SCOORD3D", REGION)
        closed = one.kind in _CLOSED or one.kind == "circle"
        points = [*points, points[0]] if closed and len(points) > 1 else points
        shape.GraphicType = solid
        shape.GraphicData = [float(v) for p in (points[:1] if solid == "POINT" else points) for v in p[:3]]
        shape.ReferencedFrameOfReferenceUID = one.frame_of_reference_uid
        return shape
    shape = item_of("CONTAINS", "SCOORD", REGION)
    points = [*points, points[0]] if one.kind in _CLOSED else points
    shape.GraphicType = flat
    shape.GraphicData = [float(v) for p in (points[:1] if flat == "POINT" else points) for v in p[:2]]
    image = Dataset()
    image.RelationshipType, image.ValueType = "SELECTED FROM", "IMAGE"
    image.ReferencedSOPSequence = [one.reference.item()]
    shape.ContentSequence = [image]
    return shape


# --- content items (PS3.3 C.17.3) -----------------------------------------------------------------------------------


def item_of(relation: str, kind: str, concept: Code) -> Dataset:
    """Return a content item without its value."""
    ds = Dataset()
    ds.RelationshipType, ds.ValueType = relation, kind
    ds.ConceptNameCodeSequence = [concept.item()]
    return ds


def container(relation: str, concept: Code, children: list[Dataset]) -> Dataset:
    """Return a container with its content."""
    ds = item_of(relation, "CONTAINER", concept)
    ds.ContinuityOfContent, ds.ContentSequence = "SEPARATE", children
    return ds


def code_item(relation: str, concept: Code, value: Code) -> Dataset:
    """Return a coded item."""
    ds = item_of(relation, "CODE", concept)
    ds.ConceptCodeSequence = [value.item()]
    return ds


def text_item(relation: str, concept: Code, text: str) -> Dataset:
    """Return a text."""
    ds = item_of(relation, "TEXT", concept)
    ds.TextValue = text
    return ds


def number_item(concept: Code, value: float, unit: Code) -> Dataset:
    """Return a number with its unit; DS of at most 16 characters."""
    ds, measured = item_of("CONTAINS", "NUM", concept), Dataset()
    text = repr(value)
    measured.NumericValue = text if len(text) <= 16 else f"{value:.9g}"
    measured.MeasurementUnitsCodeSequence = [unit.item()]
    ds.MeasuredValueSequence = [measured]
    return ds
