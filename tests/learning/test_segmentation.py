"""Segments are learnt from patches, put together from tiles, and exported for every size that the strides divide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.inference.package import open_package
from medportal.inference.predict import answer
from medportal.inference.session import Session
from medportal.learning.export import check_parity, export_onnx
from medportal.learning.loop import train
from medportal.learning.networks.segmenter import build_segmenter
from medportal.learning.package_writer import write_network
from medportal.learning.patches import covering, place_about
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.known import make_task
from medportal.learning.tasks.segmentation import SegmentationTask, dice_and_entropy, dice_of

CLASSES = ("square", "disc")
SPACING = (2.0, 1.0, 1.0)


def series(number: int, split: str, *, slices: int = 1, side: int = 40, segments: int = 2) -> SeriesToPrepare:
    """Return noise with a bright square and a brighter disc, and the mask of both."""
    rng = np.random.default_rng(number)
    array = rng.normal(0, 10, (slices, side, side))
    mask = np.zeros(array.shape, np.uint16)
    row, column = (int(v) for v in rng.integers(2, side // 2 - 10, 2))
    mask[:, row : row + 9, column : column + 9] = 1
    y, x = np.mgrid[:side, :side]
    middle = rng.integers(side // 2 + 6, side - 6, 2)
    if segments > 1:
        mask[:, np.hypot(y - middle[0], x - middle[1]) < 5] = 2
    array += np.choose(mask, [0, 60, 120])
    uids = tuple(f"2.25.{number * 100 + k}" for k in range(slices))
    return SeriesToPrepare(
        volume=Volume(array.astype(np.int16), SPACING, sop_instance_uids=uids, frames=(1,) * slices, modality="CT"),
        series_uid=f"2.25.{number}0000",
        group=str(number),
        split=split,
        mask=mask,
    )


def task_of(folder: Path, *, slices: int = 1, side: int = 40, **settings: Any) -> SegmentationTask:
    """Return a task that learns in seconds."""
    small = {"tile": 32, "tile_slices": 8, "depth": 2, "width": 8, "patches": 32, "batch_size": 4, "epochs": 10}
    quiet = {"low": -50, "high": 150, "scaling": "window", "fit": "pixels", "size": 0, "flip": False, "average": 0.9}
    config = complete_config("segmentation", small | quiet | {"minutes": 0, "learning_rate": 0.01} | settings)
    splits = ["train"] * 24 + ["validation"] * 2 + ["test"]
    spec = input_spec(config, ["CT"])
    write_prepared(folder, spec, (series(k, s, slices=slices, side=side) for k, s in enumerate(splits)))
    torch.manual_seed(1)
    task = make_task("segmentation", Prepared(folder, CLASSES), config, spec)
    assert isinstance(task, SegmentationTask)
    return task


@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_learns_segments_and_the_package_finds_them(tmp_path: Path, dimensions: int) -> None:
    slices = 1 if dimensions == 2 else 10
    task = task_of(tmp_path / "data", slices=slices, dimensions=dimensions, minimum_slices=1)
    outcome = train(task, "segmentation", checkpoint_dir=tmp_path / "checkpoint")
    assert outcome.history[-1]["figures"]["dice"] > 0.8
    assert set(outcome.history[-1]["figures"]) == {"dice", "dice_square", "dice_disc"}

    spec = {"recipe": "segmentation", "model": {"name": "m", "title": "M"}, "data": {}}
    manifest = write_network(tmp_path / "package", task, spec, task.calibrate())
    parity = manifest.trained["parity"]
    assert parity["largest_logits_difference"] < 1e-3
    # Two series of 40 × 40 in tiles of 32 × 32, of ten slices in tiles of eight.
    assert parity["samples"] == parity["of"] == (8 if dimensions == 2 else 16)
    whole = task.prepared.whole(task.prepared.of_split("test")[0])
    found = answer(Session(open_package(tmp_path / "package"), use_gpu=False), whole.volume)
    assert found.mask is not None
    assert whole.mask is not None
    assert found.mask.shape == whole.mask.shape
    assert np.nanmean(dice_of(found.mask, whole.mask.astype(np.uint8), 3)) > 0.75
    millilitres = {name: float((whole.mask == k).sum()) * 2 / 1000 for k, name in enumerate(CLASSES, start=1)}
    assert found.verdict.measures == pytest.approx(millilitres, rel=0.5)


def test_islands_far_smaller_than_what_is_marked_are_taken_away(tmp_path: Path) -> None:
    task = task_of(tmp_path / "data")
    marked = [
        int((task.truth(number) == segment).sum()) for number in task.prepared.of_split("train") for segment in (1, 2)
    ]
    smallest = min(size for size in marked if size)
    assert 1 < task.calibrate().minimum_voxels < smallest
    task.config["minimum_voxels"] = 0
    assert task.calibrate().minimum_voxels == 0


def test_the_network_takes_every_size_that_its_strides_divide(tmp_path: Path) -> None:
    task = task_of(tmp_path / "data")
    spec = {"recipe": "segmentation", "model": {"name": "m", "title": "M"}, "data": {}}
    write_network(tmp_path / "package", task, spec, task.calibrate())
    session = Session(open_package(tmp_path / "package"), use_gpu=False)
    for shape in ((1, 1, 32, 32), (3, 1, 64, 16)):
        x = np.random.default_rng(0).random(shape, np.float32)
        with torch.no_grad():
            wanted = task.averaged(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(session.run(x)["logits"], wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("network", "dimensions"),
    [
        ("unet", 3),
        ("segresnet", 2),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in (("unet", 2), ("segresnet", 3))),
    ],
)
def test_onnx_takes_tiles_of_other_sizes_and_agrees(tmp_path: Path, network: str, dimensions: int) -> None:
    # A tile of a single stride, of which the coarsest stage sees one place.
    task = task_of(tmp_path / "data", slices=8, network=network, dimensions=dimensions, depth=3, tile=32, tile_slices=8)
    export_onnx(task.averaged, task.export(), tmp_path / "model.onnx")
    sizes = ((8, 32, 32), (24, 16, 40))
    tiles = [(np.random.default_rng(0).random((1, 1, *size[3 - dimensions :]), np.float32),) for size in sizes]

    assert check_parity(task, tmp_path / "model.onnx", tiles)["largest_logits_difference"] < 1e-4


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("network", ["unet", "segresnet"])
def test_each_network_answers_in_both_dimensions(network: str, dimensions: int) -> None:
    config = complete_config("segmentation", {"network": network, "dimensions": dimensions, "width": 8, "depth": 2})
    one = build_segmenter(config, channels=2, classes=3).eval()
    side = (16,) * dimensions
    assert one(torch.rand(1, 2, *side)).shape == (1, 3, *side)


def test_coarser_stages_answer_while_training_alone() -> None:
    config = complete_config("segmentation", {"deep_supervision": True, "width": 4, "depth": 3})
    network = build_segmenter(config, channels=1, classes=2)
    answers = network.train()(torch.rand(1, 1, 32, 32))
    assert [tuple(one.shape[2:]) for one in answers] == [(32, 32), (16, 16), (8, 8)]
    assert network.eval()(torch.rand(1, 1, 32, 32)).shape == (1, 2, 32, 32)


def test_patches_show_the_marked_regions_and_truth_moves_with_the_image(tmp_path: Path) -> None:
    task = task_of(tmp_path / "data", foreground=1.0, rotate_degrees=90.0, scale_fraction=0.2, deform_probability=1.0)
    images, truths = task.batch(task.epoch(0), torch.Generator().manual_seed(1))
    assert images.shape == (32, 1, 32, 32)
    assert all(bool((truth > 0).any()) for truth in truths)
    # Bright where it is marked, dark where not: they were moved alike.
    inside, outside = (float(images[:, 0][chosen].mean()) for chosen in (truths > 0, truths == 0))
    assert inside > outside + 0.2
    assert task.epoch(3) == task.epoch(3)
    assert task.epoch(3) != task.epoch(4)


@pytest.mark.parametrize("shape", [(10, 40, 70), (8, 32, 32), (3, 20, 64)])
def test_tiles_of_parity_cover_all(shape: tuple[int, int, int]) -> None:
    sides, seen = (8, 32, 32), np.zeros((1, *shape), int)
    middles = covering(shape, sides)
    for middle in middles:
        place = place_about(middle, sides, shape)
        seen[(slice(None), *(slice(max(part.start, 0), part.stop) for part in place))] += 1
    assert seen.min() > 0
    assert len(middles) == np.prod([-(-length // side) for length, side in zip(shape, sides, strict=True)])


def test_series_smaller_than_a_patch_are_padded(tmp_path: Path) -> None:
    task = task_of(tmp_path / "data", side=24 + 8, tile=64)
    images, truths = task.batch(task.epoch(0)[:4], torch.Generator().manual_seed(1))
    assert images.shape[2:] == truths.shape[1:] == (64, 64)


def test_dice_and_entropy_are_least_for_the_truth() -> None:
    truths = torch.zeros(2, 8, 8, dtype=torch.long)
    truths[0, 2:5, 2:5] = 1
    right = torch.nn.functional.one_hot(truths, 2).movedim(-1, 1).float() * 20
    assert float(dice_and_entropy(right, truths)) < 0.01
    assert float(dice_and_entropy(-right, truths)) > 5


def test_what_is_wrong_is_named_before_anything_is_learnt(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="multiples of 4"):
        task_of(tmp_path / "a", tile=30)
    config = complete_config("segmentation", {"fit": "pixels", "size": 0, "minutes": 0})
    spec = input_spec(config, ["CT"])
    maskless = SeriesToPrepare(series(1, "train").volume, "2.25.7", "1", "train")
    write_prepared(tmp_path / "b", spec, [maskless, series(2, "validation")])
    with pytest.raises(InvalidError, match=r"2\.25\.7 has no mask"):
        make_task("segmentation", Prepared(tmp_path / "b", CLASSES), config, spec)
    wrong = SeriesToPrepare(series(1, "train").volume, "2.25.8", "1", "train", mask=np.ones((1, 8, 8), np.uint16))
    with pytest.raises(InvalidError, match=r"2\.25\.8"):
        write_prepared(tmp_path / "c", spec, [wrong])


def test_objects_of_instances_are_all_of_one_segment(tmp_path: Path) -> None:
    task = task_of(tmp_path / "data")
    one = series(1, "train")
    assert one.mask is not None
    numbered = SeriesToPrepare(one.volume, one.series_uid, "1", "train", mask=one.mask * 1000, is_instances=True)
    validation = series(2, "validation", segments=1)
    write_prepared(tmp_path / "objects", task.spec, [numbered, validation])
    found = make_task("segmentation", Prepared(tmp_path / "objects", ("cell",)), task.config, task.spec)
    assert isinstance(found, SegmentationTask)
    assert set(np.unique(found.truth(0))) == {0, 1}
    assert found.calibrate().instances  # type: ignore[union-attr]
