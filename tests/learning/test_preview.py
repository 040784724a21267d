"""The form's pictures: a dozen samples as they are learnt from, and each augmentation alone beside the untouched sample."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medportal.learning.prepared import write_prepared
from medportal.learning.preview import COUNT, DRAWS, preview
from medportal.learning.recipes import complete_config, input_spec
from tests.learning import chests, squares

MOVED = ("flip", "rotate_degrees", "scale_fraction", "crop_fraction", "intensity")


def shown(recipe: str, config: dict[str, Any], folder: Path, classes: tuple[str, ...]) -> dict[str, Any]:
    """Return what is shown of a prepared folder, each row's pictures as arrays by the augmentation's setting."""
    spec = {"recipe": recipe, "config": config, "data_dir": str(folder), "classes": classes, "modalities": ["CT"]}
    found = preview(spec)
    assert len(found["previews"]) == COUNT
    for row in found["rows"]:
        kinds = [one["kind"] for one in row["previews"]]
        assert kinds == ["untouched", *["varied"] * (len(kinds) - 1)]
        assert 2 <= len(kinds) <= 1 + DRAWS
    return {row["setting"]: [_array(one["png"]) for one in row["previews"]] for row in found["rows"]}


def _array(png: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))


def test_each_augmentation_is_shown_alone_beside_the_untouched_sample(tmp_path: Path) -> None:
    # How seldom a sample is bent or a mosaic does not keep either from being seen.
    config = chests.config(deform_probability=0.01, mosaic_probability=0.01, mixing=0.3, flip_rows=True)
    rows = shown("classification", config, chests.prepare(tmp_path, config), chests.CLASSES)
    assert set(rows) == {*MOVED, "flip_rows", "deform_probability", "mosaic_probability", "mixing"}
    for pictures in rows.values():
        assert all((one != pictures[0]).any() for one in pictures[1:])
    (plain, mirrored), (_, upset) = rows["flip"], rows["flip_rows"]
    assert (mirrored == plain[:, ::-1]).all()
    assert (upset == plain[::-1]).all()
    # A quarter is another's.
    plain, mosaic, *_ = rows["mosaic_probability"]
    assert (plain == mosaic).mean() >= 0.7


def test_what_is_off_or_changes_nothing_has_no_row(tmp_path: Path) -> None:
    off = dict.fromkeys(("rotate_degrees", "scale_fraction", "crop_fraction", "intensity"), 0.0)
    config = chests.config(**off, dimensions=3, slices=6, slice_mm=1.0, mosaic_probability=1.0)
    rows = shown("classification", config, chests.prepare(tmp_path, config), chests.CLASSES)
    assert set(rows) == {"flip"}


@pytest.mark.parametrize("slices", [1, squares.SLICES])
def test_a_detectors_boxes_go_along(tmp_path: Path, slices: int) -> None:
    make = squares.config if slices == 1 else squares.volume_config
    config = make(flip_slices=True, mosaic_probability=0.3, rotate_degrees=5.0)
    folder = squares.prepare(tmp_path, config, slices=slices)
    rows = shown("detection", config, folder, squares.CLASSES)
    assert set(rows) == {*MOVED, "mosaic_probability" if slices == 1 else "flip_slices"}
    plain, mirrored = rows["flip"]
    is_red = [(one == [255, 0, 0]).all(-1) for one in (plain, mirrored)]
    assert is_red[0].any()
    # An outline is of the low corner's pixel and of the last one inside.
    assert abs(int(is_red[0].sum()) - int(is_red[1].sum())) <= 4


def test_segments_are_cut_out_anyhow_and_shown_varied_otherwise(tmp_path: Path) -> None:
    small = {"fit": "pixels", "size": 0, "tile": 32, "depth": 2, "width": 4, "dimensions": 2, "patches": 20}
    config = complete_config("segmentation", {**small, "scaling": "window", "low": -1.0, "high": 3.0, "flip": True})
    each = [chests.series(number, "train" if number else "validation") for number in range(5)]
    marked = [replace(one, mask=(one.volume.array > 1).astype(np.uint16)) for one in each]
    write_prepared(tmp_path, input_spec(config, ["CT"]), marked)
    rows = shown("segmentation", config, tmp_path, ("spot",))
    assert set(rows) == {"flip", "rotate_degrees", "scale_fraction", "intensity", "deform_probability"}


def test_what_an_autoencoder_and_a_critic_see_is_shown(tmp_path: Path) -> None:
    small = {"size": chests.SIZE, "pixel_mm": 1.0, "width": 4, "low": -1.0, "high": 3.0}
    for recipe, expected in (("autoencoder", {*MOVED, "deform_probability", "foreign"}), ("generation", {"adaptive"})):
        config = complete_config(recipe, small)
        rows = shown(recipe, config, chests.prepare(tmp_path / recipe, config), chests.CLASSES)
        assert set(rows) == expected
