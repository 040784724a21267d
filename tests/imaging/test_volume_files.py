"""NIfTI and NRRD: whatever way their axes run, each voxel lies where it lay, and a label map right on its image."""

from __future__ import annotations

import gzip
import io
from itertools import permutations, product
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest

from medportal.errors import MedportalError
from medportal.imaging import volume_files
from medportal.imaging.volume_files import read_volume_file
from medportal.imaging.voxel_grids import VoxelGrid, mask_on, to_volume

SHAPE = (5, 6, 7)
SPACING = (0.8, 1.5, 3.0)


def turned(array: np.ndarray, affine: np.ndarray, axes: tuple[int, ...], signs: tuple[int, ...]) -> tuple[Any, Any]:
    """The same volume stored with other axes, some of them running the other way."""
    other = np.zeros((4, 4))
    other[3, 3] = 1
    corner = np.zeros(3)
    for new, old in enumerate(axes):
        other[:3, new] = affine[:3, old] * signs[new]
        corner[old] = 0 if signs[new] > 0 else array.shape[old] - 1
    other[:3, 3] = (affine @ [*corner, 1])[:3]
    stored = array.transpose(axes)
    for new, sign in enumerate(signs):
        stored = np.flip(stored, new) if sign < 0 else stored
    return np.ascontiguousarray(stored), other


def base() -> tuple[np.ndarray, np.ndarray]:
    array = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    angle = 0.2
    turn = np.asarray([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn * np.asarray(SPACING)
    affine[:3, 3] = [-40.0, 25.0, 300.0]
    return array, affine


def nifti(array: np.ndarray, affine: np.ndarray, kind: Any = nibabel.Nifti1Image, **header: Any) -> bytes:
    image = kind(array, affine)
    for name, value in header.items():
        image.header[name] = value
    return bytes(image.to_bytes())


def as_nrrd(array: np.ndarray, affine: np.ndarray, **header: Any) -> bytes:
    lps = np.diag([-1.0, -1.0, 1.0])
    fields = {
        "space": "left-posterior-superior",
        "space directions": (lps @ affine[:3, :3]).T,
        "space origin": lps @ affine[:3, 3],
        **header,
    }
    out = io.BytesIO()
    nrrd.write(out, array, fields)
    return out.getvalue()


ALL_WAYS = [(axes, signs) for axes in permutations(range(3)) for signs in product((1, -1), repeat=3)]


@pytest.mark.parametrize("write", [nifti, as_nrrd])
def test_each_voxel_lies_where_it_lay(write: Any) -> None:
    """For each of the 48 ways in which a volume can be stored."""
    array, affine = base()
    for axes, signs in ALL_WAYS:
        volume = to_volume(read_volume_file(write(*turned(array, affine, axes, signs))))
        row, column = np.asarray(volume.orientation[:3]), np.asarray(volume.orientation[3:])
        steps = np.stack([np.cross(row, column), column, row]) * np.asarray(volume.spacing_mm_zyx)[:, None]
        for place in ((0, 0, 0), (4, 0, 3), (2, 5, 6), (4, 5, 6)):
            lps = np.diag([-1, -1, 1]) @ (affine @ [*place, 1])[:3]
            index = np.linalg.solve(steps.T, lps - np.asarray(volume.origin_mm))
            assert np.abs(index - np.round(index)).max() < 1e-3
            assert volume.array[tuple(np.round(index).astype(int))] == array[place], (axes, signs)


def test_a_label_map_lies_on_its_image_however_it_is_stored() -> None:
    array, affine = base()
    label = (array > 0).astype(np.uint8) * 3
    for image_way in ALL_WAYS[::5]:
        image = VoxelGrid(*turned(array, affine, *image_way))
        wanted = to_volume(image).array > 0
        for label_way in ALL_WAYS[::7]:
            mask = mask_on(image, VoxelGrid(*turned(label, affine, *label_way)))
            assert np.array_equal(mask == 3, wanted), (image_way, label_way)


def test_a_label_map_of_a_part() -> None:
    array, affine = base()
    part = affine.copy()
    part[:3, 3] = (affine @ [1, 2, 3, 1])[:3]
    mask = mask_on(VoxelGrid(array, affine), VoxelGrid(np.ones((2, 3, 4), np.uint8), part))
    assert (mask.sum(), mask.shape) == (24, SHAPE[::-1])
    wanted = np.zeros(SHAPE, int)
    wanted[1:3, 2:5, 3:7] = 1
    assert np.array_equal(mask_on(VoxelGrid(array, affine), VoxelGrid(wanted, affine)), mask)


def test_a_label_map_that_lies_elsewhere_is_refused() -> None:
    array, affine = base()
    label = np.ones(SHAPE, np.uint8)
    for change in (
        {"origin": [0.3, 0, 0]},
        {"origin": [-0.8, 0, 0]},
        {"scale": 1.1},
        {"turn": 0.1},
    ):
        other = affine.copy()
        other[:3, 3] += np.asarray(change.get("origin", [0, 0, 0]), float) @ (affine[:3, :3] / SPACING).T
        other[:3, :3] *= change.get("scale", 1.0)
        if "turn" in change:
            other[:3, :3] = (
                np.asarray([[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]) @ other[:3, :3]
            )
        with pytest.raises(MedportalError) as refused:
            mask_on(VoxelGrid(array, affine), VoxelGrid(label, other))
        assert refused.value.code == "other_grid", change
    for numbers in (label * 0.5, label * -1.0, label.astype(np.int32) * 70_000):
        with pytest.raises(MedportalError) as refused:
            mask_on(VoxelGrid(array, affine), VoxelGrid(numbers, affine))
        assert refused.value.code == "mask_values"


def test_forms_of_the_files() -> None:
    array, affine = base()
    wanted = to_volume(VoxelGrid(array, affine)).array
    big = nibabel.Nifti1Image(array.astype(">i2"), affine, nibabel.Nifti1Header(endianness=">"))
    forms = {
        "gzip": gzip.compress(nifti(array, affine)),
        "NIfTI-2": nifti(array, affine, nibabel.Nifti2Image),
        "big-endian": bytes(big.to_bytes()),
        "a fourth axis of one": nifti(array[..., None], affine),
        "NRRD raw": as_nrrd(array, affine, encoding="raw"),
        "NRRD bzip2": as_nrrd(array, affine, encoding="bzip2"),
    }
    for name, data in forms.items():
        assert np.array_equal(to_volume(read_volume_file(data)).array, wanted), name
    floats = to_volume(read_volume_file(nifti(array.astype(np.float32) / 7, affine)))
    assert floats.array.dtype == np.float32
    assert floats.modality == "MR"
    assert to_volume(read_volume_file(nifti(array, affine))).modality == "CT"


def test_what_is_broken_or_hostile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    array, affine = base()
    whole, packed, text = nifti(array, affine), as_nrrd(array, affine), as_nrrd(array, affine, encoding="raw")
    huge = bytearray(whole)
    huge[42:48] = np.asarray([30_000, 30_000, 30_000], "<i2").tobytes()
    faults = {
        "nothing": b"",
        "text": b"no volume at all, but long enough to have a header" * 20,
        "cut short": whole[:-50],
        "gzip cut short": gzip.compress(whole)[:-30],
        "a size that is not there": bytes(huge),
        "NRRD cut short": text[:-50],
        "NRRD of another file": packed.replace(b"encoding: gzip", b"encoding: raw\ndata file: /etc/passwd"),
        "NRRD without data": packed.split(b"\n\n")[0],
        "NRRD that skips": packed.replace(b"encoding: gzip", b"encoding: gzip\nbyte skip: 7"),
        "NRRD of blocks": packed.replace(b"type: int16", b"type: block"),
        "several volumes": nifti(np.stack([array, array], axis=-1), affine),
        "colour": nifti(np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")]), affine),
    }
    for name, data in faults.items():
        with pytest.raises(MedportalError) as refused:
            to_volume(read_volume_file(data))
        assert refused.value.code in {"volume_file", "volume", "volume_size"}, name
    monkeypatch.setattr(volume_files, "VOLUME_BYTES", 2**20)
    with pytest.raises(MedportalError) as refused:
        read_volume_file(gzip.compress(bytes(2**21)))
    assert refused.value.code == "volume_size"
    sheared = affine.copy()
    sheared[0, 1] += 1
    with pytest.raises(MedportalError) as refused:
        to_volume(VoxelGrid(array, sheared))
    assert refused.value.code == "sheared"


def test_scaled_values_take_no_more_room_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.arange(-60, 60, dtype=np.int8).reshape(4, 5, 6)
    image = nibabel.Nifti1Image(array, np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    data = bytes(image.to_bytes())
    wanted = nibabel.Nifti1Image.from_bytes(data).get_fdata()
    found = read_volume_file(data).array
    assert found.dtype == np.float32
    assert np.array_equal(found, wanted.astype(np.float32))
    monkeypatch.setattr(volume_files, "VOLUME_BYTES", 4 * array.size - 1)
    with pytest.raises(MedportalError) as refused:
        read_volume_file(data)
    assert refused.value.code == "volume_size"
    assert read_volume_file(nifti(array, np.eye(4))).array.nbytes == array.size
