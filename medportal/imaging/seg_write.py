"""Writes DICOM Segmentation objects (PS3.3 A.51, C.8.20): segments that may overlap, frames that hold something alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.attributes import Attributes
from medportal.imaging.derived_object import Code, Made, Reference, begin, lab_of, referenced_series
from medportal.imaging.stacks import FrameSource
from medportal.imaging.written import to_file_bytes, uid_of

TISSUE = Code("85756007", "SCT", "Tissue")
_SEGMENTATION = Code("113076", "DCM", "Segmentation")
_SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")


@dataclass(frozen=True)
class SegmentDescription:
    """What a segment is (PS3.3 C.8.20.2.3): `color` is #rrggbb; no codes: tissue, of which nothing more is known."""

    label: str
    color: str
    algorithm: str = "MANUAL"
    algorithm_name: str = ""
    category: Code | None = None
    type: Code | None = None
    region: Code | None = None


@dataclass(frozen=True)
class Source:
    """The series that is segmented: its frames in order along the stack, and what each instance is."""

    attributes: Attributes
    series_instance_uid: str
    frame_of_reference_uid: str
    frames: Sequence[FrameSource]
    # SOP Instance UID → SOP Class UID.
    classes: dict[str, str]

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(frame.sop_instance_uid for frame in self.frames)

    def reference(self, index: int) -> Reference:
        """Return a frame of the stack; its number only where its instance has several."""
        frame = self.frames[index]
        is_one = self._counts[frame.sop_instance_uid] == frame.number == 1
        number = None if is_one else frame.number
        return Reference(self.classes.get(frame.sop_instance_uid, ""), frame.sop_instance_uid, number)


# (segment number, place of the frame in the stack, what gives its voxels (row, column)): one frame at a time is held.
Frame = tuple[int, int, Callable[[], NDArray[np.bool_]]]
# Pixel data of one object.
MOST_BYTES = 512 * 1024 * 1024


def write_segmentation(
    source: Source, segments: dict[int, SegmentDescription], frames: Iterable[Frame], made: Made, key: str
) -> bytes:
    """Return a Segmentation object of type BINARY as a file; segment by segment, slice by slice.

    Numbers are made consecutive from 1, as the standard has them. Raises InvalidError `empty_segmentation` where no
    voxel is set, and `no_place` where the series does not say where it lies; TooLargeError `segmentation_size`.
    """
    numbers = {number: place for place, number in enumerate(sorted(segments), start=1)}
    ordered = sorted(frames, key=lambda frame: (numbers[frame[0]], frame[1]))
    if not ordered:
        raise InvalidError("empty_segmentation", "The segmentation has no voxel yet: there is nothing to write.")
    first = source.frames[ordered[0][1]]
    if len(ordered) * first.pixel.rows * first.pixel.columns > MOST_BYTES * 8:
        limit = MOST_BYTES // 2**20
        raise TooLargeError("segmentation_size", f"As one object the segmentation would have more than {limit} MB.")
    if first.plane.position_mm is None or first.plane.orientation is None or first.plane.spacing_mm is None:
        raise InvalidError("no_place", "The series does not say where its images lie; a DICOM segmentation has to.")
    ds = begin(source.attributes, SegmentationStorage, "SEG", made, key)
    _describe_image(ds, first, made, source)
    ds.SegmentSequence = [_segment(numbers[number], segments[number]) for number in sorted(segments)]
    _dimensions(ds, key)
    ds.SharedFunctionalGroupsSequence = [_shared(source, first)]
    references = [source.reference(index) for _, index, _ in ordered]
    places = sorted({index for _, index, _ in ordered})
    ds.PerFrameFunctionalGroupsSequence = [
        _group(numbers[number], source.frames[index], reference, places.index(index) + 1)
        for (number, index, _), reference in zip(ordered, references, strict=True)
    ]
    ds.ReferencedSeriesSequence = referenced_series({source.series_instance_uid: references})
    ds.NumberOfFrames = len(ordered)
    packed = _packed(mask() for *_, mask in ordered)
    ds.add_new(tag_for_keyword("PixelData") or 0, "OB", packed + b"\0" * (len(packed) % 2))
    return to_file_bytes(ds)


def _packed(masks: Iterable[NDArray[np.bool_]]) -> bytes:
    """Return pixels bit by bit, the first in the lowest; a frame may begin within a byte (PS3.5 8.1.1)."""
    packed, rest = bytearray(), np.empty(0, bool)
    for mask in masks:
        bits = np.concatenate([rest, mask.ravel()])
        whole = len(bits) // 8 * 8
        packed += np.packbits(bits[:whole], bitorder="little").tobytes()
        rest = bits[whole:]
    return bytes(packed + np.packbits(rest, bitorder="little").tobytes())


def _describe_image(ds: Dataset, first: FrameSource, made: Made, source: Source) -> None:
    ds.FrameOfReferenceUID = source.frame_of_reference_uid or uid_of(f"frame of {source.series_instance_uid}")
    ds.PositionReferenceIndicator = ""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ContentLabel, ds.ContentDescription = "SEGMENTATION", made.description[:64]
    ds.ContentCreatorName = made.author
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.Rows, ds.Columns = first.pixel.rows, first.pixel.columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    ds.LossyImageCompression, ds.SegmentationType = "00", "BINARY"


def _segment(number: int, said: SegmentDescription) -> Dataset:
    ds = Dataset()
    ds.SegmentNumber, ds.SegmentLabel = number, said.label[:64] or f"segment {number}"
    ds.SegmentedPropertyCategoryCodeSequence = [(said.category or TISSUE).item()]
    ds.SegmentedPropertyTypeCodeSequence = [(said.type or TISSUE).item()]
    if said.region:
        ds.AnatomicRegionSequence = [said.region.item()]
    ds.SegmentAlgorithmType = said.algorithm
    if said.algorithm != "MANUAL":
        ds.SegmentAlgorithmName = said.algorithm_name[:64] or "medportal"
    ds.RecommendedDisplayCIELabValue = lab_of(said.color)
    return ds


def _dimensions(ds: Dataset, key: str) -> None:
    """Say that frames are told apart by their segment and where they lie (PS3.3 C.7.6.17)."""
    organization, uid = Dataset(), uid_of(f"dimensions {key}")
    organization.DimensionOrganizationUID = uid
    ds.DimensionOrganizationSequence = [organization]
    pointers = (
        ("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
        ("ImagePositionPatient", "PlanePositionSequence"),
    )
    ds.DimensionIndexSequence = []
    for pointer, group in pointers:
        item = Dataset()
        item.DimensionOrganizationUID = uid
        item.DimensionIndexPointer = Tag(tag_for_keyword(pointer) or 0)
        item.FunctionalGroupPointer = Tag(tag_for_keyword(group) or 0)
        item.DimensionDescriptionLabel = pointer
        ds.DimensionIndexSequence.append(item)


def _shared(source: Source, first: FrameSource) -> Dataset:
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [_number(one) for one in first.plane.spacing_mm or ()]
    positions = [p for frame in source.frames if (p := frame.plane.slice_position_mm) is not None]
    between = abs(positions[-1] - positions[0]) / (len(positions) - 1) if len(positions) > 1 else None
    measures.SliceThickness = _number(first.plane.thickness_mm or between or 1.0)
    if between:
        measures.SpacingBetweenSlices = _number(between)
    orientation.ImageOrientationPatient = [_number(one) for one in first.plane.orientation or ()]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    return shared


def _group(number: int, frame: FrameSource, reference: Reference, place: int) -> Dataset:
    content, position, segment, group = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [number, place]
    position.ImagePositionPatient = [_number(one) for one in frame.plane.position_mm or ()]
    segment.ReferencedSegmentNumber = number
    image, derivation = reference.item(), Dataset()
    image.PurposeOfReferenceCodeSequence = [_SOURCE_IMAGE.item()]
    image.SpatialLocationsPreserved = "YES"
    derivation.SourceImageSequence, derivation.DerivationCodeSequence = [image], [_SEGMENTATION.item()]
    group.FrameContentSequence, group.PlanePositionSequence = [content], [position]
    group.SegmentIdentificationSequence, group.DerivationImageSequence = [segment], [derivation]
    return group


def _number(value: float) -> str:
    """Return a number as DS, of at most 16 characters."""
    text = repr(float(value))
    return text if len(text) <= 16 else f"{value:.9g}"
