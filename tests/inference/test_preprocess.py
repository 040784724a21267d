"""A series becomes samples: values, places and borders, against what can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume
from medportal.inference import preprocess
from medportal.inference.manifest import InputSpec, Scaling
from medportal.inference.preprocess import (
    Grid,
    check_fit,
    grid_of,
    levels_of,
    prepare_block,
    prepare_mask,
    prepare_slice,
    prepare_volume,
    restore,
    with_context,
)

WINDOW = Scaling("window", -1000, 1000)
SPEC = InputSpec(
    modalities=("CT",),
    minimum_slices=3,
    dimensions=2,
    colour=False,
    scaling=WINDOW,
    fit="millimetres",
    size=(16, 16),
    spacing_mm=(1.0, 1.0),
    context=1,
)
PIXELS = replace(SPEC, fit="pixels", size=None, spacing_mm=None, context=0, scaling=Scaling("window", 0, 255))
SPACE = replace(PIXELS, dimensions=3, fit="millimetres", spacing_mm=(2.0, 1.0, 1.0), multiple=4)
# Samples are rounded to half precision.
HALF = 5e-4


def prepared(spec: InputSpec, frame: Any, spacing: tuple[float, float] = (1.0, 1.0)) -> Any:
    """One slice on its grid."""
    grid = grid_of(spec, (1, *frame.shape), (1.0, *spacing))
    return prepare_slice(spec, grid, frame, levels_of(spec.scaling, frame))[0]


def volume_of(array: Any, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    count = len(array)
    return Volume(array, spacing, sop_instance_uids=tuple(map(str, range(count))), frames=(1,) * count, modality="CT")


def test_the_window_becomes_nought_to_one_and_is_clipped() -> None:
    frame = np.repeat(np.array([[-3000, -1000, -500, 0, 500, 1000, 2500, 0]], np.int16), 16, axis=0)
    sample = prepared(replace(SPEC, size=(16, 8)), frame)
    assert sample.dtype == np.float32
    np.testing.assert_allclose(sample[5], [0, 0, 0.25, 0.5, 0.75, 1, 1, 0.5], atol=HALF)


def test_percentiles_of_the_series_become_nought_and_one() -> None:
    spec, array = replace(PIXELS, scaling=Scaling("percentiles", 10, 90)), np.arange(1001).reshape(1, 7, 143)
    assert levels_of(spec.scaling, array) == (100, 900)
    sample, _ = prepare_volume(spec, volume_of(array.astype(np.int16)))
    np.testing.assert_allclose(sample[0, 0].ravel(), np.clip((np.arange(1001) - 100) / 800, 0, 1), atol=HALF)


@pytest.mark.parametrize("value", [0, 1000, -30_000, 255])
def test_a_series_of_one_value_is_nought_and_no_fault(value: int) -> None:
    spec = replace(PIXELS, scaling=Scaling("percentiles", 1, 99))
    for dtype in (np.int16, np.float32):
        sample, _ = prepare_volume(spec, volume_of(np.full((2, 8, 8), value, dtype)))
        assert not sample.any()


def test_what_is_no_number_is_nought() -> None:
    array = np.linspace(0, 100, 256, dtype=np.float32).reshape(1, 16, 16)
    array[0, 0, 0], array[0, 5, 5], array[0, 6, 6] = np.nan, np.inf, -np.inf
    for scaling in (Scaling("percentiles", 0, 100), Scaling("window", 0, 100)):
        sample, _ = prepare_volume(replace(PIXELS, scaling=scaling), volume_of(array))
        assert np.isfinite(sample).all()
        assert (sample[0, 0, 0, 0], sample[0, 0, 5, 5], sample[0, 0, 6, 6]) == (0, 1, 0)
        assert sample[0, 0, 8, 0] == pytest.approx(array[0, 8, 0] / 100, abs=0.01)
    assert levels_of(Scaling("percentiles", 1, 99), np.full((1, 4, 4), np.nan, np.float32)) == (0, 1)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.uint16])
def test_percentiles_of_integers_are_those_of_numpy(dtype: type[np.integer[Any]]) -> None:
    rng, ends = np.random.default_rng(0), np.iinfo(dtype)
    for size in (1, 2, 7, 1000):
        array = rng.integers(ends.min, ends.max, (1, 1, size), dtype, endpoint=True)
        wanted = (1.5, 99.0)
        low, high = levels_of(Scaling("percentiles", *wanted), array)
        expected = np.percentile(array.astype(np.float64), wanted)
        assert low == pytest.approx(expected[0], rel=1e-12)
        assert high == pytest.approx(max(expected[1], low + 1e-6 * max(1.0, abs(low))), rel=1e-12)


def test_percentiles_are_taken_of_all_columns_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few values are looked at: a step that divides the columns would see some of them only."""
    monkeypatch.setattr(preprocess, "_PERCENTILE_VALUES", 100)
    array = np.tile(np.arange(64), (1, 100, 1))
    low, high = levels_of(Scaling("percentiles", 0, 100), array)
    assert low < 4
    assert high > 59


def test_a_frame_of_the_same_spacing_and_size_is_not_resampled() -> None:
    frame = np.random.default_rng(0).integers(-1000, 1000, (16, 16)).astype(np.int16)
    np.testing.assert_allclose(prepared(SPEC, frame), (frame + 1000.0) / 2000, atol=HALF)


def test_a_larger_frame_is_cropped_about_its_middle_and_a_smaller_one_padded_with_nought() -> None:
    frame = np.random.default_rng(1).integers(0, 1000, (20, 24)).astype(np.int16)
    scaled = (frame + 1000.0) / 2000
    np.testing.assert_allclose(prepared(SPEC, frame), scaled[2:18, 4:20], atol=HALF)
    padded = prepared(replace(SPEC, size=(24, 26)), frame)
    np.testing.assert_allclose(padded[2:22, 1:25], scaled, atol=HALF)
    padded[2:22, 1:25] = 0
    assert not padded.any()


def test_an_odd_difference_moves_by_whole_pixels() -> None:
    frame = np.random.default_rng(2).integers(0, 255, (9, 13)).astype(np.uint8)
    spec = replace(PIXELS, size=(8, 16))
    sample = prepared(spec, frame)
    np.testing.assert_allclose(sample[:, 2:15], frame[:8] / 255, atol=HALF)
    assert not sample[:, [0, 1, 15]].any()


def test_a_frame_that_is_one_pixel_larger_loses_its_last_row_and_column() -> None:
    frame = np.random.default_rng(2).integers(0, 255, (9, 13)).astype(np.uint8)
    grid = grid_of(replace(PIXELS, size=(8, 12)), (1, 9, 13), (1.0, 1.0, 1.0))
    sample = prepare_slice(PIXELS, grid, frame, (0, 255))
    np.testing.assert_allclose(sample[0], frame[:8, :12] / 255, atol=HALF)
    again = restore(grid, sample[:, np.newaxis], (1, 9, 13))
    np.testing.assert_array_equal(again[0, 0, :8, :12], sample[0])
    assert not again[0, 0, 8].any()
    assert not again[0, 0, :, 12].any()


def test_a_frame_without_a_size_is_padded_to_multiples_behind() -> None:
    frame = np.full((9, 17), 255, np.uint8)
    sample = prepared(replace(PIXELS, multiple=8), frame)
    assert sample.shape == (16, 24)
    assert sample[:9, :17].min() == 1
    assert sample.sum() == 9 * 17


def test_rows_and_columns_are_resampled_each_by_its_own_spacing() -> None:
    """A ramp along the rows in mm stays that ramp, whatever the spacings are."""
    rows_mm = (np.arange(32) + 0.5) * 0.5 - 8
    frame = np.repeat((rows_mm * 100)[:, None], 8, axis=1)
    sample = prepared(SPEC, frame, (0.5, 2.0))
    expected = ((np.arange(16) + 0.5 - 8) * 100 + 1000) / 2000
    np.testing.assert_allclose(sample[1:-1, 8], expected[1:-1], atol=2e-3)


@pytest.mark.parametrize("side", [10, 16, 40])
def test_a_whole_frame_fits_with_its_proportions_and_its_edges(side: int) -> None:
    """The frame fills the longer side to its last pixel, also when it grows; the shorter one is padded."""
    spec = replace(PIXELS, fit="frame", size=(16, 16))
    sample = prepared(spec, np.full((side, side // 2), 255, np.uint8))
    np.testing.assert_array_equal(sample[:, 4:12], 1)
    assert not sample[:, :4].any()
    assert not sample[:, 12:].any()


def test_what_is_small_is_not_lost_in_shrinking() -> None:
    frame = np.full((64, 64), -1000.0)
    frame[33, 34] = 1000
    sample = prepared(replace(SPEC, spacing_mm=(4.0, 4.0)), frame)
    assert sample.max() > 0.02
    assert np.unravel_index(sample.argmax(), sample.shape) == (8, 8)


def test_colours_become_channels_and_grey_where_the_model_is_blind_to_them() -> None:
    frame = np.zeros((8, 8, 3), np.uint8)
    frame[..., 0], frame[:4, :, 1] = 255, 255
    grid = grid_of(PIXELS, (1, 8, 8), (1.0, 1.0, 1.0))
    grey = prepare_slice(PIXELS, grid, frame, (0, 255))
    np.testing.assert_allclose(grey[0, [0, 7], 0], [0.886, 0.299], atol=HALF)
    colours = prepare_slice(replace(PIXELS, colour=True), grid, frame, (0, 255))
    assert colours[:, 0, 0].tolist() == [1, 1, 0]
    assert colours[:, 7, 0].tolist() == [1, 0, 0]
    tripled = prepare_slice(replace(PIXELS, colour=True), grid, np.full((8, 8), 51, np.int16), (0, 255))
    assert tripled.shape == (3, 8, 8)
    np.testing.assert_allclose(tripled, 0.2, atol=HALF)


def test_the_region_is_where_the_sample_lies_in_the_frame() -> None:
    assert grid_of(SPEC, (1, 16, 16), (1.0, 1.0, 1.0)).region == (0, 0, 16, 16)
    assert grid_of(SPEC, (1, 64, 32), (1.0, 0.5, 1.0)).region == (16, 8, 48, 24)
    assert grid_of(SPEC, (1, 8, 8), (1.0, 1.0, 1.0)).region == (-4, -4, 12, 12)


def test_a_bright_pixel_is_found_again_through_the_region() -> None:
    """The map that is laid over the picture lies where the model looked."""
    spacing, frame = (0.7, 1.3), np.full((60, 40), -1000.0)
    frame[20:23, 29:32] = 1000
    spec = replace(SPEC, spacing_mm=(2.0, 2.0))
    sample = prepared(spec, frame, spacing)
    row, column = np.unravel_index(sample.argmax(), sample.shape)
    top, left, bottom, right = grid_of(spec, (1, *frame.shape), (1.0, *spacing)).region
    assert abs(top + (row + 0.5) * (bottom - top) / 16 - 21.5) < 1.5
    assert abs(left + (column + 0.5) * (right - left) / 16 - 30.5) < 1.5


SPECS = {
    "pixels": replace(PIXELS, multiple=8),
    "millimetres": replace(SPEC, size=None, multiple=4, spacing_mm=(0.8, 1.7)),
    "cropped": SPEC,
    "frame": replace(PIXELS, fit="frame", size=(24, 24)),
    "colour": replace(PIXELS, colour=True, fit="frame", size=(24, 24)),
    "percentiles": replace(PIXELS, scaling=Scaling("percentiles", 2, 98)),
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("is_colour", [False, True])
def test_a_slice_by_itself_is_the_slice_of_the_prepared_series_bit_for_bit(name: str, is_colour: bool) -> None:
    rng, spec = np.random.default_rng(3), SPECS[name]
    shape = (5, 37, 23, 3) if is_colour else (5, 37, 23)
    volume = volume_of(rng.integers(0, 255, shape).astype(np.uint8 if is_colour else np.int16), (3.0, 0.6, 1.1))
    whole, grid = prepare_volume(spec, volume)
    levels = levels_of(spec.scaling, volume.array)
    for index in range(5):
        np.testing.assert_array_equal(prepare_slice(spec, grid, volume.array[index], levels), whole[:, index])


def test_a_volume_is_resampled_along_all_axes() -> None:
    """A ramp along the slices in mm stays that ramp."""
    ramp = np.repeat(np.arange(20, dtype=np.int16)[:, None, None] * 10, 8, axis=1).repeat(8, axis=2)
    sample, grid = prepare_volume(SPACE, volume_of(ramp, (0.5, 1.0, 1.0)))
    assert sample.shape == (1, 8, 8, 8)
    assert grid.step == (4.0, 1.0, 1.0)
    expected = (np.arange(8) * 4 + 1.5) * 10 / 255
    np.testing.assert_allclose(sample[0, 1:4, 4, 4], expected[1:4], atol=2e-3)
    assert not sample[0, 5:].any()


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, float("nan"), 1.0), (1.0, -2.0, float("inf"))])
def test_a_spacing_that_is_none_counts_as_one_millimetre(spacing: tuple[float, float, float]) -> None:
    assert grid_of(SPACE, (4, 8, 8), spacing).step == (2.0, 1.0, 1.0)


def test_a_sample_beyond_all_memory_is_refused() -> None:
    with pytest.raises(TooLargeError, match="40000 × 8 × 8000"):
        grid_of(replace(SPACE, spacing_mm=(0.01, 1.0, 0.01)), (400, 8, 80), (1.0, 1.0, 1.0))
    with pytest.raises(TooLargeError):
        grid_of(PIXELS, (1, 40_000, 40_000), (1.0, 1.0, 1.0))
    # In two dimensions a series may be as long as it likes, as long as nobody wants it whole.
    grid = grid_of(PIXELS, (100_000, 512, 512), (1.0, 1.0, 1.0))
    assert grid.shape == (100_000, 512, 512)


@pytest.mark.parametrize(
    "spec", [replace(SPACE, spacing_mm=(2.0, 0.9, 1.1)), replace(SPACE, size=(16, 40, 40)), SPECS["millimetres"]]
)
def test_what_is_prepared_is_restored_to_its_place(spec: InputSpec) -> None:
    z, y, x = np.mgrid[:12, :30, :26]
    smooth = 100 + 80 * np.sin(z / 5) * np.cos(y / 9) * np.sin(x / 8 + 1)
    volume = volume_of(smooth.astype(np.float32), (1.5, 1.0, 1.0))
    sample, grid = prepare_volume(replace(spec, scaling=Scaling("window", 0, 255)), volume)
    again = restore(grid, sample, volume.array.shape)[0] * 255
    assert again.shape == volume.array.shape
    np.testing.assert_allclose(again[1:-1, 2:-2, 2:-2], smooth[1:-1, 2:-2, 2:-2], atol=4)


def test_what_is_not_covered_is_restored_as_nought() -> None:
    spec = replace(PIXELS, size=(8, 8))
    grid = grid_of(spec, (2, 20, 12), (1.0, 1.0, 1.0))
    again = restore(grid, np.ones((3, 2, 8, 8), np.float32), (2, 20, 12))
    assert again.shape == (3, 2, 20, 12)
    assert again.sum() == 3 * 2 * 64
    assert again[:, :, 6:14, 2:10].min() == 1


@pytest.mark.parametrize("spec", [SPACE, replace(SPACE, size=(8, 16, 16)), SPECS["millimetres"], SPEC])
def test_masks_follow_the_image(spec: InputSpec) -> None:
    """The prepared mask lies where the prepared image is bright."""
    array = np.zeros((10, 30, 30), np.int16)
    array[3:7, 10:20, 12:22] = 255
    volume = volume_of(array, (1.5, 0.8, 1.2))
    sample, grid = prepare_volume(replace(spec, scaling=Scaling("window", 0, 255)), volume)
    mask = prepare_mask(spec, grid, (array > 0) * np.uint16(7))
    assert mask.shape == sample.shape[1:]
    assert set(np.unique(mask)) == {0, 7}
    inside = mask == 7
    assert sample[0][inside].mean() > 0.8
    assert sample[0][~inside].mean() < 0.05


def test_boxes_go_to_the_grid_and_back() -> None:
    grid = Grid((2.5, 0.7, 1.3), (-3.0, 4.25, 0.0), (8, 64, 64))
    box = Box("nodule", (1.0, 2.5, 3.0), (4.0, 10.25, 30.5), 0.75)
    there = grid.box_from_stack(box)
    again = grid.box_to_stack(there)
    np.testing.assert_allclose([*again.low, *again.high], [*box.low, *box.high])
    assert (again.label, again.score) == ("nodule", 0.75)
    # An edge of the stack at the grid's origin is its edge 0.
    assert grid.from_stack((-3.0, 4.25, 0.0)) == (0, 0, 0)
    assert grid.to_stack((2.0, 10.0, 10.0)) == pytest.approx((2.0, 11.25, 13.0))


def test_a_box_drawn_on_the_image_lies_on_the_same_thing_in_the_sample() -> None:
    array = np.zeros((6, 40, 40), np.int16)
    array[2:4, 8:20, 20:28] = 255
    spec = replace(SPACE, spacing_mm=(0.75, 2.0, 0.5))
    sample, grid = prepare_volume(spec, volume_of(array, (1.5, 1.0, 1.0)))
    box = grid.box_from_stack(Box("x", (2.0, 8.0, 20.0), (4.0, 20.0, 28.0)))
    inside = tuple(slice(round(a), round(b)) for a, b in zip(box.low, box.high, strict=True))
    assert sample[0][inside].mean() > 0.8
    assert sample[0].sum() == pytest.approx(sample[0][inside].sum(), rel=0.2)


def test_one_slice_is_a_series() -> None:
    for spec in (PIXELS, replace(SPACE, multiple=1), SPEC):
        sample, grid = prepare_volume(spec, volume_of(np.full((1, 16, 16), 255, np.int16)))
        assert sample.shape[1] == grid.shape[0] == 1
        assert sample.max() > 0.5


def test_neighbours_become_channels_and_the_outermost_repeat() -> None:
    slices = np.arange(5, dtype=np.float32)[None, :, None, None] * np.ones((1, 1, 2, 2), np.float32)
    assert with_context(slices, 2, 1)[:, 0, 0].tolist() == [1, 2, 3]
    assert with_context(slices, 0, 2)[:, 0, 0].tolist() == [0, 0, 0, 1, 2]
    assert with_context(slices, 4, 1)[:, 0, 0].tolist() == [3, 4, 4]
    assert with_context(slices, 3, 0).shape == (1, 2, 2)
    colours = np.concatenate([slices, slices + 10, slices + 20])
    assert with_context(colours, 0, 1)[:, 0, 0].tolist() == [0, 10, 20, 0, 10, 20, 1, 11, 21]


def test_a_block_is_not_changed_by_preparing_it() -> None:
    array = np.random.default_rng(5).random((3, 12, 12)).astype(np.float32) * 255
    before = array.copy()
    for spec in (PIXELS, SPACE, SPEC):
        grid = grid_of(spec, array.shape, (1.0, 0.7, 0.7))
        prepare_block(spec, grid, array, (0, 255), in_plane=spec.dimensions == 2)
    np.testing.assert_array_equal(array, before)


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    check_fit(SPEC, modality="CT", slices=3)
    with pytest.raises(InvalidError, match="reads CT; this series is MR") as refused:
        check_fit(SPEC, modality="MR", slices=3)
    assert refused.value.code == "package_does_not_fit"
    with pytest.raises(InvalidError, match="at least 3 slices; this series has 2"):
        check_fit(SPEC, modality="CT", slices=2)
    with pytest.raises(InvalidError, match="grey values; this series holds colour"):
        check_fit(SPEC, modality="CT", slices=3, colour=True)
    check_fit(replace(SPEC, colour=True), modality="CT", slices=3, colour=True)
    check_fit(replace(SPEC, colour=True), modality="CT", slices=3)


@pytest.mark.parametrize("side", [27, 28, 29, 30, 41])
def test_frames_a_little_larger_or_smaller_than_the_sample_are_cropped_or_padded(side: int) -> None:
    """One pixel more leaves half a pixel on either side, which is no place to begin at."""
    spec = InputSpec(("OT",), 1, 2, colour=False, scaling=Scaling("window", 0, 1), fit="pixels", size=(28, 28))
    array = 0.1 + 0.8 * np.random.default_rng(1).random((1, side, side)).astype(np.float32)
    volume = Volume(array, (1.0, 1.0, 1.0), sop_instance_uids=("1",), frames=(1,), modality="OT")
    prepared, grid = prepare_volume(spec, volume)
    back = restore(grid, prepared, array.shape)[0]
    covered = back > 0

    assert prepared.shape == (1, 1, 28, 28)
    assert back.shape == array.shape
    assert covered.sum() == min(side, 28) ** 2
    np.testing.assert_allclose(back[covered], array[covered], atol=1e-3)
