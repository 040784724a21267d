"""Phantoms as CT Image Storage objects (PS3.3 A.3), marked as synthetic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from medportal.imaging.phantoms import Phantom
from medportal.imaging.written import uid_of

_FIRST_DAY = dt.date(2026, 1, 5)


def phantom_uid(*parts: object) -> str:
    """Return the UID of a part of a phantom: the same each time, so that a demo made twice adds nothing."""
    return uid_of("/".join(["medportal phantom", *map(str, parts)]))


def patient_id(number: int) -> str:
    """Return the PatientID of the phantom of that number."""
    return f"PHANTOM-{number:04d}"


def phantom_datasets(phantom: Phantom, number: int) -> Iterator[Dataset]:
    """Yield the slices of a phantom as data sets ready to be written, from feet to head."""
    common = _common(phantom, number)
    for index in range(phantom.array.shape[0]):
        ds = Dataset()
        ds.update(common)
        ds.SOPInstanceUID = phantom_uid(phantom.seed, phantom.kind, number, "instance", index)
        ds.InstanceNumber = index + 1
        x, y, z = phantom.origin_mm
        z += index * phantom.spacing_mm_zyx[0]
        ds.ImagePositionPatient = [f"{x:.3f}", f"{y:.3f}", f"{z:.3f}"]
        ds.SliceLocation = f"{z:.3f}"
        ds.PixelData = (phantom.array[index].astype("<i2") + 1024).astype("<u2").tobytes()
        ds["PixelData"].VR = "OW"
        yield ds


def _common(phantom: Phantom, number: int) -> Dataset:
    """Return what all slices of a phantom share."""
    day = _FIRST_DAY + dt.timedelta(days=number)
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    ds.SOPClassUID = CTImageStorage
    # PS3.3 C.12.1.1: these pixels are made, not measured.
    ds.SyntheticData = "YES"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day.strftime("%Y%m%d")
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = f"{8 + number % 10:02d}{number % 60:02d}00"
    ds.AccessionNumber = f"PH{number:06d}"
    ds.Modality = "CT"
    ds.Manufacturer = "medportal"
    ds.ManufacturerModelName = "chest phantom"
    ds.SoftwareVersions = "1"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "Chest CT (synthetic)"
    ds.SeriesDescription = "Chest 6 mm (synthetic phantom)"
    ds.DerivationDescription = "Synthetic phantom made by software; not a patient"
    ds.PatientName = f"Phantom^{number:04d}"
    ds.PatientID = patient_id(number)
    ds.PatientBirthDate = f"{day.year - phantom.age_years}0101"
    ds.PatientSex = phantom.sex
    ds.PatientAge = f"{phantom.age_years:03d}Y"
    ds.BodyPartExamined = "CHEST"
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = phantom_uid(phantom.seed, phantom.kind, number, "study")
    ds.SeriesInstanceUID = phantom_uid(phantom.seed, phantom.kind, number, "series")
    ds.FrameOfReferenceUID = phantom_uid(phantom.seed, phantom.kind, number, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.StudyID = str(number)
    ds.SeriesNumber = 1
    ds.AcquisitionNumber = 1
    ds.KVP = "120"
    ds.ConvolutionKernel = "SYNTHETIC"
    ds.SliceThickness = f"{phantom.spacing_mm_zyx[0]:.3f}"
    ds.PixelSpacing = [f"{phantom.spacing_mm_zyx[1]:.5f}", f"{phantom.spacing_mm_zyx[2]:.5f}"]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = phantom.array.shape[1:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = ["-600", "40"], ["1500", "400"]
    ds.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]
    ds.BurnedInAnnotation = "NO"
    return ds
