"""Our reading of data sets agrees with pydicom's, on every file that pydicom tests itself with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pydicom
import pydicom.data
import pytest

from medportal.errors import MedportalError
from medportal.imaging.headers import read_header
from tests import dicom

FILES = Path(pydicom.data.__file__).parent
# What pydicom tests itself with that is wrong, and what is said of it.
REFUSED = {
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    "badVR.dcm": "dimensions",
    "nested_priv_SQ.dcm": "dimensions",
    "meta_missing_tsyntax.dcm": "malformed",
    # Begins within an element.
    "no_meta.dcm": "not_dicom",
    # Images without pixels.
    "chrJapMulti.dcm": "truncated",
    "chrJapMultiExplicitIR6.dcm": "truncated",
    "chrKoreanMulti.dcm": "truncated",
}
# Pixel data, and padding: of the file, not of the data set.
LEFT_OUT = {"7FE00008", "7FE00009", "7FE00010", "FFFCFFFC"}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_agrees_with_pydicom():
    names, refused = [], {}
    for path in sorted([*(FILES / "test_files").glob("*.dcm"), *(FILES / "charset_files").glob("*.dcm")]):
        try:
            model = read_header(path).model
        except MedportalError as error:
            refused[path.name] = error.code
            continue
        names.append(path.name)
        assert model == _expected(pydicom.dcmread(path, force=True), model), path.name
    assert refused == REFUSED
    assert len(names) > 80


def _expected(ds: pydicom.Dataset, model: dict[str, Any]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in [tag for tag in ds.keys() if tag.element == 0 or f"{tag:08X}" in LEFT_OUT]:  # noqa: SIM118 - a data set's keys are tags
            del ds[tag]
        return _as_ours(ds.to_json_dict(bulk_data_threshold=2**30), model)


def _as_ours(expected: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """What the two may differ in: the character set (ours is told as it is sent), large binary values, blanks."""
    return {
        tag: _element_as_ours(tag, element, ours)
        for tag, element in expected.items()
        if tag not in LEFT_OUT and (tag in ours or len(element.get("InlineBinary", "")) < 16 * 1024)
    }


def _element_as_ours(tag: str, element: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    values = element.get("Value")
    if tag == "00080005":
        return {"vr": "CS", "Value": ["ISO_IR 192"]}
    if values == []:
        return {"vr": element["vr"]}
    if element["vr"] == "SQ" and values:
        pairs = zip(values, ours[tag]["Value"], strict=True)
        return {"vr": "SQ", "Value": [_as_ours(theirs, mine) for theirs, mine in pairs]}
    if values is None:
        return element
    return {**element, "Value": [value.strip(" ") or None if isinstance(value, str) else value for value in values]}


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT_LE, dicom.IMPLICIT_LE, dicom.EXPLICIT_BE, dicom.DEFLATED_LE])
def test_reads_the_same_in_every_encoding(header_of, syntax):
    ds = dicom.ct_dataset(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.4", SOPInstanceUID="1.2.3.4.5")
    ds.FrameOfReferenceUID = "1.2.3.6"
    ds.ContentSequence = [dicom.items(TextValue="a"), dicom.items(TextValue="b")]
    ds.RedPaletteColorLookupTableData = bytes(range(8))
    model = header_of(dicom.to_bytes(ds, syntax)).model
    assert model["0040A730"]["Value"][1] == {"0040A160": {"vr": "UT", "Value": ["b"]}}
    assert model["00280010"] == {"vr": "US", "Value": [16]}
    assert model["00281052"] == {"vr": "DS", "Value": [-1024.0]}


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "王^小东"),
        ("GB18030", "王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 100", "Buc^Jérôme"),
        ("ISO_IR 144", "Люкceмбypг"),
    ],
)
def test_names_in_their_character_sets(header_of, charset, name):
    ds = dicom.dataset(SpecificCharacterSet=charset, PatientName=name, StudyDescription="")
    attributes = header_of(dicom.to_bytes(ds)).attributes
    assert attributes.text("PatientName", 100) == name


def test_values_that_break_the_rules(header_of):
    """Numbers that are none, and text that no character set reads, cost nothing but themselves."""
    data = dicom.ct_slice(SliceThickness=2.0)
    data = data.replace(b"DS\x04\x002.0 ", b"DS\x04\x002,0 ").replace(b"P-1 ", b"\xff\xfe1 ")
    attributes = header_of(data).attributes
    assert attributes.number("SliceThickness") is None
    assert attributes.text("SliceThickness") == "2,0"
    assert attributes.text("PatientID") == "ÿþ1"
    assert attributes.integer("Rows") == 16


def test_text_for_databases_is_plain(header_of):
    ds = dicom.dataset(SpecificCharacterSet="ISO_IR 192", StudyDescription="a\x00b\nc\u202ed", PatientID="x" * 64)
    attributes = header_of(dicom.to_bytes(ds)).attributes
    assert attributes.text("StudyDescription") == "a b c d"
    assert attributes.text("PatientID", 5) == "xxxxx"
    assert attributes.text("PatientComments") == ""
