"""Segmentation objects lie on the slices that they are of, by place or by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medportal.errors import MedportalError
from medportal.imaging.decoder import Decoder
from medportal.imaging.headers import read_header
from medportal.imaging.seg import add_to_mask, read_segmentation
from medportal.imaging.stacks import load_files
from medportal.imaging.volumes import Volume
from tests.dicom import items, new_uid
from tests.segmentations import ROWS, series_with_segmentation, written


@pytest.fixture
def loaded(as_file: Callable[[bytes], Path], decoder: Decoder) -> Callable[..., tuple[np.ndarray, np.ndarray, Volume]]:
    """Return a function that gives (the mask as read, as meant, the series) of a segmentation."""

    def load(**options: Any) -> tuple[np.ndarray, np.ndarray, Volume]:
        slices, segmentation, wanted = series_with_segmentation(**options)
        volume = load_files([as_file(content) for content in slices], decoder)
        path = as_file(segmentation)
        mask = np.zeros(volume.array.shape, np.uint16)
        add_to_mask(mask, read_segmentation(path, read_header(path)), volume, decoder)
        return mask, wanted, volume

    return load


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"has_places": False},
        {"kind": "FRACTIONAL"},
        {"kind": "LABELMAP"},
        {"offset": (2, 3), "side": 6},
        {"offset": (-2, ROWS - 3), "side": 6},
    ],
    ids=["by place", "by name", "fractional", "label map", "of a part", "beyond the edge"],
)
def test_frames_lie_on_their_slices(loaded: Any, options: dict[str, Any]) -> None:
    mask, wanted, _ = loaded(**options)
    assert wanted.max() == 2
    assert np.array_equal(mask, wanted)


def test_a_frame_that_lies_nowhere_is_refused(loaded: Any) -> None:
    with pytest.raises(MedportalError) as refused:
        loaded(shift_mm=0.7, sop_instance_uid=new_uid())
    assert refused.value.code == "segmentation_grid"


def test_a_segmentation_of_nothing(as_file: Callable[[bytes], Path]) -> None:
    def without(change: Callable[[Dataset], None]) -> str:
        _, _, _, ds = series_with_segmentation(as_dataset=True)
        change(ds)
        path = as_file(written(ds))
        with pytest.raises(MedportalError) as refused:
            read_segmentation(path, read_header(path))
        return refused.value.code

    assert without(lambda ds: ds.__delattr__("ReferencedSeriesSequence")) == "segmentation"
    assert without(lambda ds: ds.__delattr__("SegmentSequence")) == "segmentation"

    def other(ds: Dataset) -> None:
        for group in ds.PerFrameFunctionalGroupsSequence:
            group.SegmentIdentificationSequence = [items(ReferencedSegmentNumber=9)]

    assert without(other) == "segmentation"
