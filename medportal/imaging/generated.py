"""Images that a model has made up, as Secondary Capture objects (PS3.3 A.8.1) that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from medportal.imaging.written import to_file_bytes, uid_of

SYNTHETIC = "SYNTHETIC"
# Of the PatientID of what models have made.
PATIENT_PREFIX = f"{SYNTHETIC}-"


def generated_uid(key: str, *parts: object) -> str:
    """Return the UID of a part of what is made under a key."""
    return uid_of("/".join(["medportal generated", key, *map(str, parts)]))


@dataclass(frozen=True)
class Generation:
    """What made a series of images. All of it is the same however often they are written: so are their bytes."""

    # Of it UIDs are made.
    key: str
    patient_id: str
    model: str
    version: int
    sha256: str
    seed: int
    modality: str
    day: dt.date
    # Of each image; "" where the model knows no classes.
    labels: Sequence[str]
    # Rows, columns; None where images have no size in the body.
    spacing_mm: tuple[float, float] | None = None
    # Values of the modality that are 0 and 255; None where they are no values of a modality.
    levels: tuple[float, float] | None = None

    @property
    def study_uid(self) -> str:
        """The study's UID."""
        return generated_uid(self.key, "study")

    @property
    def series_uid(self) -> str:
        """The series' UID."""
        return generated_uid(self.key, "series")

    def instance_uid(self, index: int) -> str:
        """Return the UID of the image of that number, from 0."""
        return generated_uid(self.key, "instance", index)


def generated_objects(images: Sequence[NDArray[np.uint8]], of: Generation) -> Iterator[bytes]:
    """Yield images, (row, column) or (row, column, 3) of uint8, as DICOM files; one series, numbered from 1."""
    common = _common(of)
    for index, image in enumerate(images):
        ds = Dataset()
        ds.update(common)
        ds.SOPInstanceUID, ds.InstanceNumber = of.instance_uid(index), index + 1
        if of.labels[index]:
            ds.ImageComments = f"Class asked for: {of.labels[index]}"
        _set_pixels(ds, image)
        yield to_file_bytes(ds)


def _common(of: Generation) -> Dataset:
    named = sorted(set(of.labels) - {""})
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.ImageType = ["DERIVED", "SECONDARY"]
    # PS3.3 C.12.1.1: these pixels are made, not measured.
    ds.SyntheticData = "YES"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = of.day.strftime("%Y%m%d")
    ds.StudyTime = ds.ContentTime = ds.AccessionNumber = ds.ReferringPhysicianName = ds.StudyID = ""
    ds.Modality, ds.ConversionType = of.modality, "SYN"
    ds.Manufacturer, ds.ManufacturerModelName = "medportal", f"{of.model}@{of.version}"[:64]
    ds.StudyDescription = "Synthetic images"
    ds.SeriesDescription = f"Synthetic: {of.model}@{of.version} {', '.join(named)}".strip()[:64]
    ds.DerivationDescription = (
        f"Made up by the model {of.model}@{of.version} (SHA-256 {of.sha256}) with seed {of.seed}; of no patient"
    )
    ds.PatientName, ds.PatientID = f"{SYNTHETIC}^{of.model}"[:64], of.patient_id
    ds.PatientBirthDate = ds.PatientSex = ""
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SeriesNumber = of.study_uid, of.series_uid, 1
    ds.BurnedInAnnotation = "NO"
    if of.spacing_mm is not None:
        ds.PixelSpacing = [f"{value:.6g}" for value in of.spacing_mm]
    _set_levels(ds, of.levels)
    return ds


def _set_levels(ds: Dataset, levels: tuple[float, float] | None) -> None:
    """Say which values of the modality the greys stand for (PS3.3 C.11.1), and show all of them (C.11.2)."""
    if levels is None:
        return
    low, high = levels
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = f"{(high - low) / 255:.10g}", f"{low:.10g}", "US"
    ds.WindowCenter, ds.WindowWidth = f"{(low + high) / 2:.10g}", f"{high - low:.10g}"


def _set_pixels(ds: Dataset, image: NDArray[Any]) -> None:
    is_colour = image.ndim == 3
    ds.SamplesPerPixel = 3 if is_colour else 1
    ds.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = image.shape[:2]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    raw = np.ascontiguousarray(image, np.uint8).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OB"
