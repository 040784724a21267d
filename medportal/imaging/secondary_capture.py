"""Images that were no DICOM objects as ones: pictures as Secondary Capture (PS3.3 A.8), volumes as CT or MR slices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from medportal.imaging.volumes import Volume
from medportal.imaging.written import to_file_bytes, uid_of

# Rises when other bytes are written for the same image: the UIDs are of the bytes.
_WRITTEN_AS = 1
# (0018,2001) Page Number Vector.
_PAGE_NUMBERS = 0x00182001


@dataclass(frozen=True)
class Provenance:
    """Of whom an image is, and where it comes from."""

    # PatientID and IssuerOfPatientID: the group, and the data set within which it is one.
    patient_id: str
    issuer: str
    # What the file was called within the data set; only its hash is written, since names may tell of people.
    source_name: str
    source_format: str
    # "" lets the writer choose: OT for pictures, CT or MR for volumes.
    modality: str = ""
    is_synthetic: bool = False

    @property
    def name_hash(self) -> str:
        """First part of the SHA-256 of the file's name."""
        return hashlib.sha256(self.source_name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _uid(*parts: object) -> str:
    """Return the UID of a part of what is imported."""
    return uid_of("\x00".join(["medportal import", *map(str, parts)]))


def _key(array: NDArray[np.generic], provenance: Provenance, *more: object) -> str:
    """Return the SHA-256 of all that is written of an image: the same bytes get the same UIDs, others never do."""
    digest = hashlib.sha256(repr((_WRITTEN_AS, array.shape, array.dtype.str, asdict(provenance), more)).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def stack_objects(array: NDArray[Any], provenance: Provenance) -> Iterator[bytes]:
    """Yield the one DICOM file of a stack of pictures, pixel by pixel.

    (slice, row, column) of uint8 or uint16, or (slice, row, column, 3) of uint8. One slice is Secondary Capture Image
    Storage, several are frames of the multi-frame classes (PS3.3 A.8.2 to A.8.5).
    """
    key = _key(array, provenance)
    ds = _common(provenance, key, provenance.modality or "OT")
    ds.SOPClassUID, ds.SOPInstanceUID = _class_of(array), _uid(key, "instance", 0)
    ds.InstanceNumber = 1
    # C.8.6.1: a workstation made it, or it was made up.
    ds.ConversionType = "SYN" if provenance.is_synthetic else "WSD"
    if len(array) > 1:
        ds.NumberOfFrames = len(array)
        # C.8.6.3: nothing is known of what lies between the frames.
        ds.FrameIncrementPointer = _PAGE_NUMBERS
        ds.PageNumberVector = list(range(1, len(array) + 1))
    _set_pixels(ds, array)
    yield to_file_bytes(ds)


def _class_of(array: NDArray[Any]) -> UID:
    if len(array) == 1:
        return SecondaryCaptureImageStorage
    if array.ndim == 4:
        return MultiFrameTrueColorSecondaryCaptureImageStorage
    if array.dtype.itemsize > 1:
        return MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    return MultiFrameGrayscaleByteSecondaryCaptureImageStorage


def volume_objects(volume: Volume, provenance: Provenance) -> Iterator[bytes]:
    """Yield the slices of a volume as CT or MR Image Storage files, in order along their normal.

    Whole numbers of 16 bits are kept as they are; others are quantised to 16 bits with a line back (Rescale Slope).
    """
    stored, slope, intercept = _as_stored(volume.array)
    modality = provenance.modality or volume.modality
    key = _key(stored, provenance, slope, intercept, volume.origin_mm, volume.orientation, volume.spacing_mm_zyx)
    common = _common(provenance, key, modality)
    common.SOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
    _set_plane(common, volume, key)
    common.RescaleSlope, common.RescaleIntercept = f"{slope:.10g}", f"{intercept:.10g}"
    common.RescaleType = "HU" if modality == "CT" else "US"
    normal = np.cross(volume.orientation[:3], volume.orientation[3:])
    for index in range(stored.shape[0]):
        ds = Dataset()
        ds.update(common)
        ds.SOPInstanceUID, ds.InstanceNumber = _uid(key, "instance", index), index + 1
        position = np.asarray(volume.origin_mm) + normal * index * volume.spacing_mm_zyx[0]
        ds.ImagePositionPatient = [_decimal(value) for value in position]
        _set_pixels(ds, stored[index : index + 1])
        yield to_file_bytes(ds)


def _decimal(value: float) -> str:
    """Return a number as DS, at most 16 characters."""
    text = f"{float(value) + 0.0:.6f}".rstrip("0").rstrip(".")
    return text if len(text) <= 16 else f"{float(value):.8e}"


def _as_stored(array: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Return (stored values of 16 bits, slope, intercept)."""
    low, high = float(array.min()), float(array.max())
    is_whole = array.dtype.kind in "biu" or bool((array == np.round(array)).all())
    if is_whole and low >= -32_768 and high <= 32_767:
        return array.astype(np.int16), 1.0, 0.0
    if is_whole and low >= 0 and high <= 65_535:
        return array.astype(np.uint16), 1.0, 0.0
    slope = float(f"{(high - low) / 65_535 or 1.0:.10g}")
    intercept = float(f"{low:.10g}")
    stored = np.clip(np.round((array.astype(np.float64) - intercept) / slope), 0, 65_535)
    return stored.astype(np.uint16), slope, intercept


def _common(provenance: Provenance, key: str, modality: str) -> Dataset:
    """Return what all objects of an image share (PS3.3 C.7.1 to C.7.5, C.7.6.1)."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    if provenance.is_synthetic:
        # PS3.3 C.12.1.1: these pixels are made, not measured.
        ds.SyntheticData = "YES"
    ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ds.ReferringPhysicianName = ds.StudyID = ""
    ds.Modality = modality
    ds.Manufacturer = ""
    ds.StudyDescription = f"Data set {provenance.issuer}"[:64]
    ds.SeriesDescription = f"Imported {provenance.source_format} {provenance.name_hash[:8]}"
    ds.DerivationDescription = (
        f"Imported from a file of the data set {provenance.issuer}, format {provenance.source_format}, "
        f"SHA-256 of its name {provenance.name_hash}"
    )
    ds.PatientName = ds.PatientID = provenance.patient_id
    ds.IssuerOfPatientID = provenance.issuer
    ds.PatientBirthDate = ds.PatientSex = ""
    ds.StudyInstanceUID = _uid("study", provenance.issuer, provenance.patient_id)
    ds.SeriesInstanceUID = _uid(key, "series")
    ds.SeriesNumber = None
    ds.BurnedInAnnotation = "NO"
    return ds


def _set_plane(ds: Dataset, volume: Volume, key: str) -> None:
    """Say where a volume's slices lie (PS3.3 C.7.6.2, C.7.4.1)."""
    slice_mm, row_mm, column_mm = volume.spacing_mm_zyx
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = _uid(key, "frame of reference"), ""
    ds.PatientPosition = "HFS"
    ds.ImageOrientationPatient = [_decimal(value) for value in volume.orientation]
    ds.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    ds.SliceThickness = ds.SpacingBetweenSlices = _decimal(slice_mm)
    ds.AcquisitionNumber = None


def _set_pixels(ds: Dataset, array: NDArray[Any]) -> None:
    """Put a stack into the Image Pixel Module (PS3.3 C.7.6.3)."""
    is_colour = array.ndim == 4
    ds.SamplesPerPixel = 3 if is_colour else 1
    ds.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = array.shape[1:3]
    ds.BitsAllocated = ds.BitsStored = array.dtype.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(array.dtype.kind == "i")
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if array.dtype.itemsize > 1 else "OB"
