"""A volume is the stack of a series' slices in the order of the body, in the units of its modality."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from medportal.errors import InvalidError
from medportal.imaging.geometry import planes_of, slice_position_mm, slice_spacing_mm
from medportal.imaging.stacks import load_files
from medportal.imaging.volumes import to_modality_units
from tests import dicom


def volume_of(as_file, decoder, objects):
    return load_files([as_file(data) for data in objects], decoder)


def test_slices_lie_in_the_order_of_the_body(as_file, decoder):
    volume = volume_of(as_file, decoder, dicom.ct_series(7, spacing_mm=2.5))
    expected = np.stack([dicom.noise(seed=n).astype(int) - 1024 for n in range(7)])
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, expected)
    assert volume.spacing_mm_zyx == (2.5, 0.5, 0.75)
    assert volume.origin_mm == (-10.0, -20.0, 0.0)
    assert (volume.modality, volume.number_of_slices, volume.frames) == ("CT", 7, (1,) * 7)


def test_order_does_not_come_from_the_numbers(as_file, decoder):
    """Oblique, stacked against the instance numbers, along a normal that points to negative z."""
    orientation = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
    series = dicom.new_uid()
    objects = [
        dicom.ct_slice(
            dicom.noise(seed=n), SeriesInstanceUID=series, ImageOrientationPatient=orientation,
            ImagePositionPatient=[n * 3.0, 0, 0], InstanceNumber=n + 1,
        )
        for n in range(4)
    ]  # fmt: skip
    volume = volume_of(as_file, decoder, objects)
    # The normal is (-1, 0, 0).
    np.testing.assert_array_equal(volume.array[0], dicom.noise(seed=3).astype(int) - 1024)
    assert volume.spacing_mm_zyx[0] == 3.0
    assert volume.orientation == tuple(orientation)


def test_a_scout_is_left_out(as_file, decoder):
    objects = dicom.ct_series(4)
    series = dicom.ct_dataset()
    scout = dicom.ct_slice(
        dicom.noise(40, 40), ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        SeriesInstanceUID=_uid(objects[0], as_file),
    )  # fmt: skip
    volume = volume_of(as_file, decoder, [scout, *objects])
    assert volume.array.shape == (4, 16, 16)
    assert series.SOPInstanceUID not in volume.sop_instance_uids


def _uid(data, as_file):
    from medportal.imaging.headers import read_header

    return read_header(as_file(data)).attributes.text("SeriesInstanceUID")


def test_multi_frame_with_functional_groups(as_file, decoder):
    frames = np.stack([dicom.noise(seed=n) for n in range(3)])
    ds = dicom.dataset(frames)
    measures = dicom.items(PixelSpacing=[0.5, 0.25], SliceThickness=4.0)
    values = dicom.items(RescaleSlope=2, RescaleIntercept=-1000)
    ds.SharedFunctionalGroupsSequence = [
        dicom.items(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[dicom.items(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelValueTransformationSequence=[values],
        )
    ]
    places = (4.0, 0.0, 2.0)
    ds.PerFrameFunctionalGroupsSequence = [
        dicom.items(PlanePositionSequence=[dicom.items(ImagePositionPatient=[0, 0, z])]) for z in places
    ]
    volume = volume_of(as_file, decoder, [dicom.to_bytes(ds)])
    assert volume.frames == (2, 3, 1)
    assert volume.spacing_mm_zyx == (2.0, 0.5, 0.25)
    np.testing.assert_array_equal(volume.array, frames[[1, 2, 0]].astype(np.float32) * 2 - 1000)


def test_a_line_for_each_slice(as_file, decoder):
    """PET has a slope of its own for each slice: the volume is in one unit all the same."""
    series = dicom.new_uid()
    objects = [
        dicom.ct_slice(np.full((4, 4), 100, np.uint16), slice_mm=n, SeriesInstanceUID=series, RescaleSlope=slope, RescaleIntercept=0)
        for n, slope in enumerate((1, 0.5, 2))
    ]  # fmt: skip
    volume = volume_of(as_file, decoder, objects)
    assert volume.array.dtype == np.float32
    assert volume.array[:, 0, 0].tolist() == [100.0, 50.0, 200.0]


def test_compressed_series(as_file, decoder):
    series = dicom.new_uid()
    slices = [dicom.noise(seed=n) for n in range(20)]
    objects = [
        dicom.encapsulated(
            dicom.ct_dataset(pixels, slice_mm=n, SeriesInstanceUID=series), [imagecodecs.jpegls_encode(pixels)], dicom.JPEG_LS
        )
        for n, pixels in enumerate(slices)
    ]  # fmt: skip
    volume = volume_of(as_file, decoder, objects[::-1])
    np.testing.assert_array_equal(volume.array, np.stack(slices).astype(int) - 1024)


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [b"no DICOM at all"],
        [dicom.to_bytes(dicom.dataset())],
    ],
    ids=["nothing", "no DICOM", "no pixels"],
)
def test_what_makes_no_volume(as_file, decoder, objects):
    with pytest.raises(InvalidError) as caught:
        volume_of(as_file, decoder, objects)
    assert caught.value.code == "not_a_volume"


def test_geometry_that_makes_no_sense_is_none(header_of):
    header = header_of(dicom.ct_slice(PixelSpacing=[0, 0], ImageOrientationPatient=[0, 0, 0, 0, 0, 0], RescaleSlope=0))
    (plane,) = planes_of(header.attributes, 1)
    assert (plane.spacing_mm, plane.slope, plane.slice_position_mm) == (None, 1.0, 0.0)
    assert slice_position_mm(None, [1, 0, 0, 0, 1, 0]) is None
    assert slice_position_mm([0, 0, float("nan")], [1, 0, 0, 0, 1, 0]) is None


def test_spacing_of_uneven_stacks():
    assert slice_spacing_mm([0, 2, 4, 7], 5.0) == 2.0
    assert slice_spacing_mm([1, 1, 1], 5.0) == 5.0
    assert slice_spacing_mm([3], None) == 1.0


@pytest.mark.parametrize(
    ("dtype", "values", "intercept", "kept"),
    [
        (np.uint16, [0, 4095], -1024, np.int16),
        (np.uint16, [0, 33791], -1024, np.int16),
        (np.uint16, [0, 65535], -32768, np.int16),
        (np.uint16, [0, 65535], -1024, np.float32),
        (np.int16, [-32768, 0], -1, np.float32),
        (np.uint8, [0, 255], 0, np.int16),
        (np.uint16, [1, 2], 0.5, np.float32),
    ],
)
def test_units_lose_nothing(dtype, values, intercept, kept):
    found = to_modality_units(np.array(values, dtype), 1.0, intercept)
    assert found.dtype == kept
    assert found.tolist() == [value + intercept for value in values]


def test_colour_images_make_a_volume_of_three_channels(as_file, decoder):
    pixels = dicom.noise(high=256, samples=3)
    volume = volume_of(as_file, decoder, [dicom.ct_slice(pixels)])
    assert volume.is_colour
    np.testing.assert_array_equal(volume.array, np.asarray(pixels).reshape(volume.array.shape))


def test_grey_frames_are_the_volume_where_there_are_both(as_file, decoder):
    series = dicom.new_uid()
    frames = (dicom.noise(high=256, samples=3), dicom.noise())
    colour, grey = (dicom.ct_slice(frame, SeriesInstanceUID=series) for frame in frames)
    assert not volume_of(as_file, decoder, [colour, grey]).is_colour


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_a_radiograph_looks_alike_whichever_way_it_is_stored(as_file, decoder, dtype):
    """MONOCHROME1 shows low values bright (PS3.3 C.7.6.3.1.2)."""
    pixels = dicom.noise(high=256).astype(dtype)
    bits = 12 if dtype == np.uint16 else pixels.dtype.itemsize * 8
    described = {"Modality": "DX", "BitsStored": bits, "HighBit": bits - 1}
    other = ~pixels if dtype == np.int16 else (2**bits - 1 - pixels).astype(dtype)
    usual = dicom.to_bytes(dicom.dataset(pixels, **described))
    turned = dicom.to_bytes(dicom.dataset(other, PhotometricInterpretation="MONOCHROME1", **described))
    volume = volume_of(as_file, decoder, [turned])
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, volume_of(as_file, decoder, [usual]).array)


def test_quantities_are_not_turned_over(as_file, decoder):
    """A PET or CT may ask to be shown the other way round; its units stay."""
    volume = volume_of(as_file, decoder, [dicom.ct_slice(PhotometricInterpretation="MONOCHROME1")])
    np.testing.assert_array_equal(volume.array[0], dicom.noise().astype(int) - 1024)
