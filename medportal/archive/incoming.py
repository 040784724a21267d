"""From a parsed header to the values of rows: what of an object the archive knows by column."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medportal.archive.rows import why_not_displayable
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.attributes import Attributes
from medportal.imaging.display import served_as
from medportal.imaging.geometry import planes_of
from medportal.imaging.headers import Header, read_header
from medportal.imaging.uids import DICOMDIR

# A larger header (of thousands of frames) is made again when it is needed, instead of being kept in its row.
KEPT_HEADER_BYTES = 512 * 1024
TRANSFER_SYNTAX = "00083002"


@dataclass(frozen=True)
class Incoming:
    """An object that may be stored: its UIDs are valid."""

    header: Header
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str

    @property
    def attributes(self) -> Attributes:
        """The data set, by keyword."""
        return self.header.attributes


def read_incoming(path: Path, *, expected_study_uid: str | None = None) -> Incoming:
    """Read an object's header and check its UIDs.

    Raises as `imaging.headers.read_header`; InvalidError `uid`, `dicomdir`, or `other_study` where the object belongs
    to another study than expected. As far as they are known, the error's `extra` names the object's UIDs.
    """
    header = read_header(path)
    attributes = header.attributes
    try:
        if attributes.text("SOPClassUID") == DICOMDIR or "DirectoryRecordSequence" in attributes:
            raise InvalidError("dicomdir", "A DICOMDIR describes a medium and is not stored.")
        incoming = Incoming(
            header,
            attributes.uid("StudyInstanceUID"),
            attributes.uid("SeriesInstanceUID"),
            attributes.uid("SOPInstanceUID"),
            attributes.uid("SOPClassUID"),
        )
        if expected_study_uid not in (None, incoming.study_instance_uid):
            raise InvalidError("other_study", "The object belongs to another study than the address names.")
    except MedportalError as error:
        name_object(error, attributes)
        raise
    return incoming


def name_object(error: MedportalError, attributes: Attributes) -> None:
    """Let an error tell of which object it is."""
    error.extra.setdefault("sop_instance_uid", attributes.text("SOPInstanceUID"))
    error.extra.setdefault("sop_class_uid", attributes.text("SOPClassUID"))


def patient_values(attributes: Attributes) -> dict[str, str]:
    """Return what identifies a patient."""
    return {
        "patient_id": attributes.text("PatientID"),
        "issuer_of_patient_id": attributes.text("IssuerOfPatientID"),
        "patient_name": attributes.text("PatientName", 330),
        "patient_birth_date": attributes.text("PatientBirthDate", 8),
    }


def study_values(attributes: Attributes) -> dict[str, str]:
    """Return a study's columns, with the text in which the worklist's search looks."""
    values = {
        "study_id": attributes.text("StudyID"),
        "study_date": attributes.text("StudyDate", 8),
        "study_time": attributes.text("StudyTime", 16),
        "study_description": attributes.text("StudyDescription"),
        "accession_number": attributes.text("AccessionNumber"),
        "referring_physician_name": attributes.text("ReferringPhysicianName", 330),
    }
    patient = patient_values(attributes)
    words = [
        patient["patient_name"].replace("^", " ").replace("=", " "),
        patient["patient_id"],
        values["study_description"],
        values["accession_number"],
    ]
    return {**values, "search_text": " ".join(words).casefold()}


def series_values(attributes: Attributes) -> dict[str, Any]:
    """Return a series' columns."""
    return {
        "series_number": attributes.integer("SeriesNumber"),
        "series_description": attributes.text("SeriesDescription"),
        "modality": attributes.text("Modality", 16),
        "body_part_examined": attributes.text("BodyPartExamined", 16),
        "frame_of_reference_uid": attributes.text("FrameOfReferenceUID"),
        "manufacturer": attributes.text("Manufacturer"),
        # PS3.3 C.12.1: Synthetic Data (0008,001C).
        "is_synthetic": attributes.text("SyntheticData") == "YES",
    }


def instance_values(incoming: Incoming) -> dict[str, Any]:
    """Return an instance's columns, but for those that say where its bytes lie."""
    header, attributes = incoming.header, incoming.attributes
    pixel = header.pixel
    planes = planes_of(attributes, 1) if pixel else []
    packed = pack_header(header)
    return {
        "sop_instance_uid": incoming.sop_instance_uid,
        "sop_class_uid": incoming.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": attributes.integer("InstanceNumber"),
        "rows": pixel.rows if pixel else None,
        "columns": pixel.columns if pixel else None,
        "number_of_frames": len(header.frame_ranges),
        "bits_allocated": pixel.bits_allocated if pixel else None,
        "photometric_interpretation": pixel.photometric_interpretation if pixel else "",
        "slice_position_mm": planes[0].slice_position_mm if planes else None,
        "frame_ranges": header.frame_ranges,
        "pixel_description": asdict(pixel) if pixel and header.frame_ranges else None,
        "served_as": served_as(pixel, incoming.sop_class_uid) if header.frame_ranges else "",
        "header": packed if len(packed) <= KEPT_HEADER_BYTES else None,
    }


def pack_header(header: Header) -> bytes:
    """Return a header as it is kept: compressed DICOM JSON that names the transfer syntax (PS3.18 table 10.6.3-5)."""
    model = {**header.model, TRANSFER_SYNTAX: {"vr": "UI", "Value": [header.transfer_syntax_uid]}}
    return zlib.compress(json.dumps(model, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"), 1)


def reason_not_displayable(incoming: Incoming, values: dict[str, Any]) -> str:
    """Return why the viewer cannot show this object; '' when it can."""
    pixel = incoming.header.pixel
    return why_not_displayable(
        modality=incoming.attributes.text("Modality", 16),
        has_pixels=pixel is not None,
        # Browsers' textures and codecs know whole numbers alone; other clients get such frames as they are.
        served_as="" if pixel is not None and pixel.is_float else values["served_as"],
    )
