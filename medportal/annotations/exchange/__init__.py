"""What people have drawn leaves as DICOM, NIfTI, JSON and CSV, and what others have drawn comes in."""
