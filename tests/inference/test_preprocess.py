"""A series becomes samples: values, places and borders, against what can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medportal.errors import InvalidError
from medportal.inference.manifest import InputSpec
from medportal.inference.preprocess import check_fit, covered_region, prepare_slice, with_context

SPEC = InputSpec(modalities=("CT",), minimum_slices=3, window=(-1000, 1000), pixel_mm=1.0, size=(16, 16), context=1)


def test_the_window_becomes_nought_to_one_and_is_clipped() -> None:
    frame = np.repeat(np.array([[-3000, -1000, -500, 0, 500, 1000, 2500, 0]], np.int16), 16, axis=0)
    prepared = prepare_slice(replace(SPEC, size=(16, 8)), frame, (1.0, 1.0))
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[5], [0, 0, 0.25, 0.5, 0.75, 1, 1, 0.5], atol=1e-6)


def test_a_frame_of_the_same_spacing_and_size_is_not_resampled() -> None:
    frame = np.random.default_rng(0).integers(-1000, 1000, (16, 16)).astype(np.int16)
    np.testing.assert_allclose(prepare_slice(SPEC, frame, (1.0, 1.0)), (frame + 1000.0) / 2000, atol=1e-6)


def test_a_larger_frame_is_cropped_about_its_middle_and_a_smaller_one_padded_with_nought() -> None:
    frame = np.random.default_rng(1).integers(0, 1000, (20, 24)).astype(np.int16)
    scaled = (frame + 1000.0) / 2000
    np.testing.assert_allclose(prepare_slice(SPEC, frame, (1.0, 1.0)), scaled[2:18, 4:20], atol=1e-6)
    padded = prepare_slice(replace(SPEC, size=(24, 26)), frame, (1.0, 1.0))
    np.testing.assert_allclose(padded[2:22, 1:25], scaled, atol=1e-6)
    padded[2:22, 1:25] = 0
    assert not padded.any()


def test_rows_and_columns_are_resampled_each_by_its_own_spacing() -> None:
    """A ramp along the rows in mm stays that ramp, whatever the spacings are."""
    rows_mm = (np.arange(32) + 0.5) * 0.5 - 8
    frame = np.repeat((rows_mm * 100)[:, None], 8, axis=1)
    prepared = prepare_slice(SPEC, frame, (0.5, 2.0))
    expected = ((np.arange(16) + 0.5 - 8) * 100 + 1000) / 2000
    np.testing.assert_allclose(prepared[1:-1, 8], expected[1:-1], atol=2e-3)


def test_what_is_small_is_not_lost_in_shrinking() -> None:
    frame = np.full((64, 64), -1000.0)
    frame[33, 34] = 1000
    prepared = prepare_slice(replace(SPEC, pixel_mm=4.0), frame, (1.0, 1.0))
    assert prepared.max() > 0.02
    assert np.unravel_index(prepared.argmax(), prepared.shape) == (8, 8)


def test_the_region_is_where_the_sample_lies_in_the_frame() -> None:
    assert covered_region(SPEC, (16, 16), (1.0, 1.0)) == (0, 0, 16, 16)
    assert covered_region(SPEC, (64, 32), (0.5, 1.0)) == (16, 8, 48, 24)
    assert covered_region(SPEC, (8, 8), (1.0, 1.0)) == (-4, -4, 12, 12)


def test_a_bright_pixel_is_found_again_through_the_region() -> None:
    """The map that is laid over the picture lies where the model looked."""
    spacing, frame = (0.7, 1.3), np.full((60, 40), -1000.0)
    frame[20:23, 29:32] = 1000
    spec = replace(SPEC, pixel_mm=2.0)
    prepared = prepare_slice(spec, frame, spacing)
    row, column = np.unravel_index(prepared.argmax(), prepared.shape)
    top, left, bottom, right = covered_region(spec, frame.shape, spacing)
    assert abs(top + (row + 0.5) * (bottom - top) / 16 - 21.5) < 1.5
    assert abs(left + (column + 0.5) * (right - left) / 16 - 30.5) < 1.5


def test_neighbours_become_channels_and_the_outermost_repeat() -> None:
    slices = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert with_context(slices, 2, 1)[:, 0, 0].tolist() == [1, 2, 3]
    assert with_context(slices, 0, 2)[:, 0, 0].tolist() == [0, 0, 0, 1, 2]
    assert with_context(slices, 4, 1)[:, 0, 0].tolist() == [3, 4, 4]
    assert with_context(slices, 3, 0).shape == (1, 2, 2)


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    check_fit(SPEC, modality="CT", slices=3)
    with pytest.raises(InvalidError, match="reads CT; this series is MR") as refused:
        check_fit(SPEC, modality="MR", slices=3)
    assert refused.value.code == "package_does_not_fit"
    with pytest.raises(InvalidError, match="at least 3 slices; this series has 2"):
        check_fit(SPEC, modality="CT", slices=2)
