"""Reads DICOM Segmentation objects (PS3.3 A.51, C.8.20) on the stack of the series that they are of.

As label maps, where later segments go over earlier ones; or segment by segment, which keeps those that overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.attributes import Attributes
from medportal.imaging.decoder import Decoder
from medportal.imaging.derived_object import code_of, color_of
from medportal.imaging.geometry import normal_of
from medportal.imaging.headers import Header
from medportal.imaging.seg_write import SegmentDescription
from medportal.imaging.stacks import FrameSource, decode_source, sources_of
from medportal.imaging.volumes import Volume

MOST_SEGMENTS = 1000
# Voxels by which a frame may miss the stack's grid.
_TOLERANCE = 0.1


@dataclass(frozen=True)
class Segmentation:
    """A segmentation object: the series that it is of, its segments and its frames."""

    series_instance_uid: str
    # Segment number → label.
    labels: dict[int, str]
    frames: list[_Frame] = field(repr=False)
    is_label_map: bool = False
    # From here on a sample counts.
    threshold: float = 1
    descriptions: dict[int, SegmentDescription] = field(default_factory=dict)


@dataclass(frozen=True)
class _Frame:
    source: FrameSource
    # None in a label map, where the samples are the numbers.
    segment: int | None
    # Of the image that it is of; "" where nothing is said.
    sop_instance_uid: str


def read_segmentation(path: Path, header: Header) -> Segmentation:
    """Return a Segmentation object's description; InvalidError `segmentation` where it makes no sense."""
    attributes = header.attributes
    reference = next(attributes.items("ReferencedSeriesSequence"), None)
    uid = reference.text("SeriesInstanceUID") if reference is not None else ""
    labels = {
        number: item.text("SegmentLabel") or f"segment {number}"
        for item in attributes.items("SegmentSequence")
        if (number := item.integer("SegmentNumber"))
    }
    if not uid or not labels or len(labels) > MOST_SEGMENTS:
        raise InvalidError("segmentation", "The segmentation names no series, or no segments.")
    kind = attributes.text("SegmentationType", 16)
    groups = list(attributes.items("PerFrameFunctionalGroupsSequence"))
    shared = next(attributes.items("SharedFunctionalGroupsSequence"), Attributes({}))
    frames = [
        _Frame(source, None if kind == "LABELMAP" else _segment(group, shared, labels), _source_uid(group))
        for source, group in zip(
            sources_of(path, header), groups or [Attributes({})] * len(header.frame_ranges), strict=False
        )
    ]
    top = attributes.number("MaximumFractionalValue") or 255
    threshold = max(top / 2, 1) if kind == "FRACTIONAL" else 1
    return Segmentation(uid, labels, frames, kind == "LABELMAP", threshold, _descriptions(attributes, labels))


def _descriptions(attributes: Attributes, labels: dict[int, str]) -> dict[int, SegmentDescription]:
    found = {}
    for item in attributes.items("SegmentSequence"):
        number = item.integer("SegmentNumber")
        if number not in labels:
            continue
        lab = item.numbers("RecommendedDisplayCIELabValue", 3)
        algorithm = item.text("SegmentAlgorithmType", 16)
        found[number] = SegmentDescription(
            label=labels[number],
            color=color_of(lab) if lab else "",
            algorithm=algorithm if algorithm in ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC") else "MANUAL",
            algorithm_name=item.text("SegmentAlgorithmName"),
            category=code_of(next(item.items("SegmentedPropertyCategoryCodeSequence"), None)),
            type=code_of(next(item.items("SegmentedPropertyTypeCodeSequence"), None)),
            region=code_of(next(item.items("AnatomicRegionSequence"), None)),
        )
    return found


def masks_of(
    segmentation: Segmentation, volume: Volume, decoder: Decoder
) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
    """Yield (segment number, slice, voxels (row, column)) of each frame that holds some, on the volume's stack.

    Raises InvalidError `segmentation_grid` where a frame lies on no slice, and what decoding raises.
    """
    shape = volume.array.shape[1:3]
    for number, frame in enumerate(segmentation.frames, start=1):
        samples = decode_source(frame.source, decoder)
        at = _place(frame, volume)
        if at is None:
            raise InvalidError(
                "segmentation_grid", f"Frame {number} of the segmentation lies on no slice of the series."
            )
        part, cut = _cut(samples, shape, at[1:])
        values = samples[cut]
        segments = [frame.segment] if frame.segment is not None else [int(v) for v in np.unique(values) if v]
        for segment in segments:
            hits = values >= segmentation.threshold if frame.segment is not None else values == segment
            if segment in segmentation.labels and hits.any():
                mask = np.zeros(shape, bool)
                mask[part] = hits
                yield segment, at[0], mask


def _segment(group: Attributes, shared: Attributes, labels: dict[int, str]) -> int:
    for place in (group, shared):
        for item in place.items("SegmentIdentificationSequence"):
            number = item.integer("ReferencedSegmentNumber")
            if number in labels:
                return int(number)
    if len(labels) == 1:
        return next(iter(labels))
    raise InvalidError("segmentation", "A frame of the segmentation is of none of its segments.")


def _source_uid(group: Attributes) -> str:
    for item in group.items("DerivationImageSequence"):
        for source in item.items("SourceImageSequence"):
            return source.text("ReferencedSOPInstanceUID")
    return ""


def add_to_mask(mask: NDArray[np.uint16], segmentation: Segmentation, volume: Volume, decoder: Decoder) -> None:
    """Write a segmentation's numbers into a mask (slice, row, column) of the volume's shape; later ones go over earlier.

    Frames are placed by their position in space, else by the image that they name. Raises InvalidError
    `segmentation_grid` where a frame lies on no slice, and what decoding raises.
    """
    for number, frame in enumerate(segmentation.frames, start=1):
        samples = decode_source(frame.source, decoder)
        at = _place(frame, volume)
        if at is None:
            raise InvalidError(
                "segmentation_grid", f"Frame {number} of the segmentation lies on no slice of the series."
            )
        part, cut = _cut(samples, mask.shape[1:], at[1:])
        target = mask[at[0]][part]
        if frame.segment is None:
            values = samples[cut]
            target[values > 0] = values[values > 0]
        else:
            target[samples[cut] >= segmentation.threshold] = frame.segment


def _cut(
    samples: NDArray[Any], shape: tuple[int, ...], at: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return (where in a slice, which part of the frame), of a frame that may reach beyond the slice."""
    ranges = []
    for start, size, side in zip(at, samples.shape, shape, strict=True):
        low, high = max(start, 0), min(start + size, side)
        ranges.append((slice(low, max(high, low)), slice(low - start, max(high, low) - start)))
    return (ranges[0][0], ranges[1][0]), (ranges[0][1], ranges[1][1])


def _place(frame: _Frame, volume: Volume) -> tuple[int, int, int] | None:
    """Return (slice, row, column) of a frame's first pixel; None where it lies on no slice."""
    plane = frame.source.plane
    if plane.position_mm is not None and plane.orientation is not None and plane.spacing_mm is not None:
        spacing = np.asarray(volume.spacing_mm_zyx)
        is_same_turn = np.allclose(plane.orientation, volume.orientation, atol=1e-3)
        is_same_size = np.allclose(plane.spacing_mm, spacing[1:], rtol=1e-2)
        if is_same_turn and is_same_size:
            axes = np.stack([normal_of(volume.orientation), volume.orientation[3:], volume.orientation[:3]])
            place = axes @ (np.asarray(plane.position_mm) - np.asarray(volume.origin_mm)) / spacing
            nearest = np.round(place)
            if np.abs(place - nearest).max() < _TOLERANCE and 0 <= nearest[0] < volume.number_of_slices:
                return int(nearest[0]), int(nearest[1]), int(nearest[2])
    if frame.sop_instance_uid in volume.sop_instance_uids:
        is_whole = (frame.source.pixel.rows, frame.source.pixel.columns) == volume.array.shape[1:3]
        return (volume.sop_instance_uids.index(frame.sop_instance_uid), 0, 0) if is_whole else None
    return None
