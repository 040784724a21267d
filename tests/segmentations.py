"""DICOM Segmentation objects for tests (PS3.3 A.51), and the series that they are of."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from tests.dicom import ct_slice, dataset, items, new_uid, noise, to_bytes

SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SLICES, ROWS, SLICE_MM = 3, 16, 2.5
LABELS = {1: "liver", 2: "tumour"}


def series_with_segmentation(
    *,
    kind: str = "BINARY",
    has_places: bool = True,
    offset: tuple[int, int] = (0, 0),
    side: int = ROWS,
    shift_mm: float = 0.0,
    sop_instance_uid: str = "",
    as_dataset: bool = False,
    **values: Any,
) -> Any:
    """Return (slices as files, the segmentation as a file, the mask that it means[, its data set]).

    Its frames have `side` rows and columns, and begin at `offset` (row, column) of the slice.
    """
    study, series, uids = new_uid(), new_uid(), [new_uid() for _ in range(SLICES)]
    common = {"StudyInstanceUID": study, "SeriesInstanceUID": series, **values}
    slices = [
        ct_slice(noise(ROWS, ROWS, seed=n), slice_mm=n * SLICE_MM, SOPInstanceUID=uid, InstanceNumber=n + 1, **common)
        for n, uid in enumerate(uids)
    ]
    numbers = np.random.default_rng(1).integers(0, 3, (SLICES, side, side)).astype(np.uint8)
    frames, groups = [], []
    for index in range(SLICES):
        for number in (None,) if kind == "LABELMAP" else LABELS:
            frame = numbers[index] if number is None else (numbers[index] == number).astype(np.uint8)
            frames.append(frame * (255 if kind == "FRACTIONAL" else 1))
            groups.append(
                _group(number, sop_instance_uid or uids[index], index, offset, shift_mm, has_places=has_places)
            )
    ds = _segmentation(np.stack(frames), groups, kind, study, series, has_places=has_places)
    wanted = np.zeros((SLICES, ROWS + 2 * side, ROWS + 2 * side), np.uint16)
    top, left = (side + start for start in offset)
    wanted[:, top : top + side, left : left + side] = numbers
    cut = wanted[:, side : side + ROWS, side : side + ROWS]
    return (slices, written(ds), cut, ds) if as_dataset else (slices, written(ds), cut)


def _group(
    number: int | None, uid: str, index: int, offset: tuple[int, int], shift_mm: float, *, has_places: bool
) -> Dataset:
    group = items(
        DerivationImageSequence=[
            items(
                SourceImageSequence=[
                    items(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid)
                ]
            )
        ]
    )
    if has_places:
        # Pixels of 0.5 × 0.75 mm, the first at (−10, −20): see `ct_dataset`.
        place = [-10.0 + 0.75 * offset[1], -20.0 + 0.5 * offset[0], index * SLICE_MM + shift_mm]
        group.PlanePositionSequence = [items(ImagePositionPatient=place)]
    if number is not None:
        group.SegmentIdentificationSequence = [items(ReferencedSegmentNumber=number)]
    return group


def _segmentation(
    frames: np.ndarray, groups: list[Dataset], kind: str, study: str, series: str, *, has_places: bool
) -> Dataset:
    ds = dataset(frames, SOPClassUID=SEG, Modality="SEG", StudyInstanceUID=study, SegmentationType=kind)
    if kind == "BINARY":
        bits = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
        ds.PixelData = bits + b"\0" * (len(bits) % 2)
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    if kind == "FRACTIONAL":
        ds.MaximumFractionalValue = 255
    ds.ReferencedSeriesSequence = [items(SeriesInstanceUID=series)]
    ds.SegmentSequence = [items(SegmentNumber=number, SegmentLabel=label) for number, label in LABELS.items()]
    shared = Dataset()
    if has_places:
        shared.PlaneOrientationSequence = [items(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
        shared.PixelMeasuresSequence = [items(PixelSpacing=[0.5, 0.75], SliceThickness=SLICE_MM)]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = groups
    return ds


def written(ds: Dataset) -> bytes:
    return to_bytes(ds)
