"""What all objects that the site derives from a series have in common: patient, study, series, equipment, references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from medportal.imaging.attributes import Attributes
from medportal.imaging.written import uid_of

VERSION = "1"
# (group of attributes: PS3.3 C.7.1.1, C.7.2.1, C.7.2.2) taken over from the source as they are.
_FROM_SOURCE = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID",
    "AccessionNumber", "StudyDescription",
)  # fmt: skip
# Type 2: there, if only empty.
_WANTED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName",
    "StudyID", "AccessionNumber",
)  # fmt: skip


@dataclass(frozen=True)
class Code:
    """A coded term (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """Return the code as an item of a sequence."""
        ds = Dataset()
        ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = self.value, self.scheme, self.meaning[:64]
        return ds


def code_of(item: Attributes | None) -> Code | None:
    """Return the code of a sequence's item; None where it says none."""
    if item is None:
        return None
    value = item.text("CodeValue") or item.text("LongCodeValue") or item.text("URNCodeValue")
    return Code(value, item.text("CodingSchemeDesignator", 16), item.text("CodeMeaning")) if value else None


@dataclass(frozen=True)
class Made:
    """Who made an object, when (DICOM DA and TM), and what it is called."""

    description: str
    author: str
    date: str
    time: str
    series_number: int


def begin(source: Attributes, sop_class_uid: str, modality: str, made: Made, key: str) -> Dataset:
    """Return a data set of a new series of the source's study, its UIDs made of `key`: the same key, the same object."""
    ds = Dataset.from_json({tag: element for tag, element in source.model.items() if tag in _tags(_FROM_SOURCE)})
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _WANTED:
        if keyword not in ds:
            setattr(ds, keyword, "")
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, uid_of(f"medportal instance {key}")
    ds.Modality, ds.SeriesInstanceUID = modality, uid_of(f"medportal series {key}")
    ds.SeriesNumber, ds.SeriesDescription = made.series_number, made.description[:64]
    ds.InstanceNumber = 1
    ds.Manufacturer, ds.ManufacturerModelName = "medportal", "medportal"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", VERSION
    ds.InstanceCreationDate = ds.SeriesDate = ds.ContentDate = made.date
    ds.InstanceCreationTime = ds.SeriesTime = ds.ContentTime = made.time
    return ds


def _tags(keywords: Iterable[str]) -> set[str]:
    from medportal.imaging.attributes import tag_of

    return {tag_of(keyword) for keyword in keywords}


@dataclass(frozen=True)
class Reference:
    """An instance of a series."""

    sop_class_uid: str
    sop_instance_uid: str
    # From 1; None: the instance as a whole.
    frame_number: int | None = None

    def item(self) -> Dataset:
        """Return it as an item of a sequence (PS3.3 10.8)."""
        ds = Dataset()
        ds.ReferencedSOPClassUID, ds.ReferencedSOPInstanceUID = self.sop_class_uid, self.sop_instance_uid
        if self.frame_number is not None:
            ds.ReferencedFrameNumber = self.frame_number
        return ds


def referenced_series(series: Mapping[str, Sequence[Reference]]) -> list[Dataset]:
    """Return items of Referenced Series Sequence (PS3.3 C.12.2): SeriesInstanceUID → instances, each once."""
    items = []
    for uid, references in series.items():
        ds = Dataset()
        unique = {one.sop_instance_uid: Reference(one.sop_class_uid, one.sop_instance_uid) for one in references}
        ds.SeriesInstanceUID = uid
        ds.ReferencedInstanceSequence = [one.item() for one in unique.values()]
        items.append(ds)
    return items


def lab_of(color: str) -> list[int]:
    """Return #rrggbb as PCS values of CIELab (PS3.3 C.10.7.1.1), D50."""
    rgb = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
    xyz = [sum(a * b for a, b in zip(row, linear, strict=True)) for row in _TO_XYZ]
    fx, fy, fz = (v ** (1 / 3) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in map(_over, xyz, _D50))
    light, a, b = 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
    return [round(light / 100 * 65535), round((a + 128) / 255 * 65535), round((b + 128) / 255 * 65535)]


def color_of(lab: Sequence[Any]) -> str:
    """Return PCS values of CIELab as #rrggbb; the inverse of `lab_of`."""
    light, a, b = lab[0] / 65535 * 100, lab[1] / 65535 * 255 - 128, lab[2] / 65535 * 255 - 128
    fy = (light + 16) / 116
    back = [v**3 if v**3 > 216 / 24389 else (116 * v - 16) * 27 / 24389 for v in (fy + a / 500, fy, fy - b / 200)]
    xyz = [v * white for v, white in zip(back, _D50, strict=True)]
    linear = [min(1.0, max(0.0, sum(p * q for p, q in zip(row, xyz, strict=True)))) for row in _FROM_XYZ]
    rgb = [v * 12.92 if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in linear]
    return "#" + "".join(f"{round(v * 255):02x}" for v in rgb)


def _over(a: float, b: float) -> float:
    return a / b


# sRGB to XYZ for the white of D50 (Bradford), and back.
_D50 = (0.96422, 1.0, 0.82521)
_TO_XYZ = (
    (0.4360747, 0.3850649, 0.1430804),
    (0.2225045, 0.7168786, 0.0606169),
    (0.0139322, 0.0971045, 0.7141733),
)
_FROM_XYZ = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
