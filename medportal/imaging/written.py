"""Objects that medportal writes itself: their UIDs, and the file that a data set becomes (PS3.10)."""

from __future__ import annotations

import hashlib
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

# Who wrote the file. Like all that is written here the same each time, so that what is made twice is stored once.
_IMPLEMENTATION = "2.25.158837346402517345178401372947"


def uid_of(text: str) -> str:
    """Return the UID of what a text names: 2.25 and 120 bits of its hash (PS3.5 B.2)."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def to_file_bytes(ds: Dataset) -> bytes:
    """Return a data set as a DICOM file (PS3.10)."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    ds.file_meta.ImplementationVersionName = "MEDPORTAL"
    out = BytesIO()
    dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()
