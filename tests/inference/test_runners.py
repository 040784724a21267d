"""Each task's runner on a network written by hand, so that every figure of the answer is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper
from scipy import ndimage

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.inference.embed import embed
from medportal.inference.generate import generate
from medportal.inference.package import open_package
from medportal.inference.pieces import SlicePiece
from medportal.inference.predict import answer, predict, summarise
from medportal.inference.session import Session, Stop
from medportal.inference.tiles import blended, places_of, starts_of
from tests.networks import REACH, bright_model, flat_model, model_of, threshold_model
from tests.packages import make_package

SessionOf = Callable[..., Session]
# Grey values 0…200 are 0…1.
LEVELS = {"kind": "window", "low": 0.0, "high": 200.0}


@pytest.fixture
def session_of(tmp_path: Path) -> SessionOf:
    """Return a function that makes a package of a task, in which 0…200 is 0…1, and opens it."""

    def session_of(task: str, **changes: Any) -> Session:
        changes["input"] = {"scaling": LEVELS} | changes.get("input", {})
        folder = make_package(tmp_path / str(len(list(tmp_path.iterdir()))), task=task, **changes)
        return Session(open_package(folder), use_gpu=False)

    return session_of


def volume_of(array: Any, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    count = len(array)
    uids = tuple(f"2.25.{index}" for index in range(count))
    return Volume(array, spacing, sop_instance_uids=uids, frames=(1,) * count, modality="CT")


def noise(*shape: int, high: int = 200) -> Any:
    return np.random.default_rng(sum(shape)).integers(0, high, shape).astype(np.int16)


def by_brightness(array: Any) -> Any:
    """The segment of each voxel: 1 above 0.5, 2 above 0.8; values in between do not lie on the edge in half precision."""
    return np.digitize(array / 200, [0.5, 0.8])


def away_from_edges(array: Any) -> Any:
    """Values that lie on neither side of an edge by rounding."""
    return np.where(np.isin(array, [100, 160]), array + 1, array)


# Segmentation


@pytest.mark.parametrize(
    "shape",
    [(3, 32, 32), (1, 32, 32), (2, 70, 45), (2, 20, 100), (1, 8, 9)],
    ids=lambda shape: "x".join(map(str, shape)),
)
def test_each_slices_mask_is_exact_however_the_tiles_lie(session_of: SessionOf, shape: tuple[int, int, int]) -> None:
    volume = volume_of(away_from_edges(noise(*shape)))
    result = answer(session_of("segmentation"), volume)
    assert result.mask is not None
    np.testing.assert_array_equal(result.mask, by_brightness(volume.array))
    measures = result.verdict.measures
    assert measures["lesion"] == pytest.approx((result.mask == 1).sum() / 1000)
    assert result.verdict.value == ("lesion" if (result.mask == 1).sum() >= (result.mask == 2).sum() else "bone")


@pytest.mark.parametrize(
    ("shape", "tile"),
    [
        ((24, 40, 33), [16, 32, 32]),
        ((5, 20, 20), [16, 32, 32]),
        ((40, 16, 16), [8, 16, 16]),
        ((1, 30, 30), [8, 16, 16]),
    ],
)
def test_a_volumes_mask_is_exact_however_the_tiles_lie(
    session_of: SessionOf, shape: tuple[int, int, int], tile: list[int]
) -> None:
    volume = volume_of(away_from_edges(noise(*shape)))
    result = answer(session_of("segmentation", dimensions=3, output={"tile": tile}), volume)
    np.testing.assert_array_equal(result.mask, by_brightness(volume.array))


def test_a_resampled_volumes_mask_lies_where_the_thing_is(session_of: SessionOf) -> None:
    z, y, x = np.mgrid[:30, :60, :50]
    ball = np.hypot(np.hypot((z - 15) * 2, y - 30), x - 25) < 16
    volume = volume_of((180 * ball).astype(np.int16), (2.0, 1.0, 1.0))
    spec = {"fit": "millimetres", "spacing_mm": [1.5, 1.5, 1.5], "multiple": 8}
    result = answer(session_of("segmentation", dimensions=3, input=spec), volume)
    found = result.mask > 0
    overlap = 2 * (found & ball).sum() / (found.sum() + ball.sum())
    assert overlap > 0.95
    assert result.verdict.measures["lesion"] + result.verdict.measures["bone"] == pytest.approx(
        found.sum() * 2 / 1000, rel=1e-6
    )


def test_a_volumes_slices_come_while_the_model_still_runs(session_of: SessionOf) -> None:
    """As soon as no later tile can change them: long before the last tile; and each once, in order."""
    volume = volume_of(away_from_edges(noise(64, 16, 16)))
    for spec in ({}, {"fit": "millimetres", "spacing_mm": [1.6, 1.0, 1.0]}):
        session = session_of("segmentation", dimensions=3, input=spec, output={"tile": [8, 16, 16]})
        runs: list[int] = []
        at = [(piece.index, len(runs)) for piece in predict(session, volume, check=lambda runs=runs: runs.append(1))]
        assert [index for index, _ in at] == list(range(64))
        assert at[0][1] <= 3
        assert at[32][1] < 0.7 * len(runs)


def test_a_volume_of_which_all_is_known_is_not_run_again(session_of: SessionOf) -> None:
    runs: list[int] = []
    volume = volume_of(noise(4, 16, 16))
    for task in ("segmentation", "detection"):
        session = session_of(task, dimensions=3)
        assert list(predict(session, volume, skip=range(4), check=lambda: runs.append(1))) == []
    assert runs == []


def test_what_the_sample_does_not_cover_is_background(session_of: SessionOf) -> None:
    volume = volume_of(np.full((2, 40, 30), 190, np.int16))
    result = answer(session_of("segmentation", input={"size": [16, 16]}), volume)
    expected = np.zeros((2, 40, 30), np.uint8)
    expected[:, 12:28, 7:23] = 2
    np.testing.assert_array_equal(result.mask, expected)


def test_islands_and_objects(session_of: SessionOf) -> None:
    array = np.zeros((3, 40, 40), np.int16)
    array[:2, 5:15, 5:15] = array[0, 25:35, 25:35] = 140
    array[0, 2, 2] = array[2, 30, 30] = 140
    network = threshold_model(segments=1).SerializeToString()
    changes = {"classes": ["nucleus"], "output": {"minimum_voxels": 4, "instances": True}}
    result = answer(session_of("segmentation", network=network, **changes), volume_of(array))
    assert result.mask.sum() == 300
    assert result.verdict.measures["objects"] == 3
    assert set(np.unique(result.objects)) == {0, 1, 2, 3}
    assert result.objects[1].max() == 3
    np.testing.assert_array_equal(result.objects > 0, result.mask > 0)


def test_islands_of_a_volume_are_looked_at_in_three_dimensions(session_of: SessionOf) -> None:
    array = np.zeros((8, 16, 16), np.int16)
    array[:, 4, 4], array[2:4, 10, 10] = 140, 140
    session = session_of("segmentation", dimensions=3, output={"minimum_voxels": 5})
    result = answer(session, volume_of(array))
    assert result.mask.sum() == 8


def test_nothing_found_is_an_answer(session_of: SessionOf) -> None:
    volume = volume_of(np.zeros((2, 16, 16), np.int16))
    for dimensions in (2, 3):
        segments = answer(session_of("segmentation", dimensions=dimensions), volume)
        assert (segments.verdict.value, segments.verdict.positive, segments.verdict.probability) == ("none", False, 0)
        boxes = answer(session_of("detection", dimensions=dimensions), volume)
        assert (boxes.verdict.value, boxes.verdict.positive, boxes.boxes) == ("none", False, ())
        assert boxes.verdict.measures == {"nodule": 0}


# Detection


def blocks(shape: tuple[int, ...], *places: tuple[int, int, int], depth: int = 4) -> Any:
    """Bright cells of four voxels, each a peak of the heat."""
    array = np.zeros(shape, np.int16)
    for z, y, x in places:
        array[z : z + depth, y : y + 4, x : x + 4] = 200
    return array


def test_boxes_of_slices_lie_where_the_network_sees_them(session_of: SessionOf) -> None:
    volume = volume_of(blocks((3, 40, 60), (1, 12, 20), (1, 0, 56), depth=1))
    result = answer(session_of("detection"), volume)
    first, second = sorted(result.boxes, key=lambda box: box.low[2])
    assert (first.low, first.high) == ((1, 14 - REACH, 22 - REACH), (2, 14 + REACH, 22 + REACH))
    assert (second.low, second.high) == ((1, 0, 58 - REACH), (2, 2 + REACH, 60))
    assert first.score == pytest.approx(1 / (1 + np.exp(-10)))
    assert (result.verdict.value, result.verdict.positive, result.verdict.measures) == ("nodule", True, {"nodule": 2})


def test_boxes_of_a_scaled_frame_are_in_the_frames_own_pixels(session_of: SessionOf) -> None:
    array = np.zeros((1, 80, 160), np.int16)
    array[0, 32:48, 96:112] = 200
    result = answer(session_of("detection", input={"fit": "frame", "size": [32, 64]}), volume_of(array))
    best = result.boxes[0]
    assert best.low[0] == 0
    assert best.centre[1:] == pytest.approx((40, 104), abs=8)
    assert best.high[1] - best.low[1] == pytest.approx(2 * REACH * 2.5)


def test_boxes_beside_the_image_are_none(session_of: SessionOf) -> None:
    """A bright rim just inside a frame that is padded: the network sees the padding too."""
    array = np.zeros((1, 9, 9), np.int16)
    array[0, 8, 8] = 200
    network = threshold_free_detector()
    result = answer(session_of("detection", network=network, output={"score_threshold": 0.0}), volume_of(array))
    for box in result.boxes:
        assert all(0 <= low < high <= side for low, high, side in zip(box.low, box.high, (1, 9, 9), strict=True))


def threshold_free_detector() -> bytes:
    """A detector that sees something in every cell, with boxes smaller than a cell."""
    from tests.networks import blob_model

    model = blob_model()
    for tensor in model.graph.initializer:
        if tensor.name == "reach":
            from onnx import numpy_helper

            tensor.CopyFrom(numpy_helper.from_array(np.full(4, 0.5, np.float32), "reach"))
    return bytes(model.SerializeToString())


PLACES = ((4, 12, 20), (20, 28, 12), (28, 0, 40), (12, 40, 28), (16, 16, 32))


def test_boxes_of_a_volume_are_found_once_however_the_windows_lie(session_of: SessionOf) -> None:
    volume = volume_of(blocks((32, 48, 48), *PLACES))
    whole = answer(session_of("detection", dimensions=3, output={"tile": None}), volume).boxes
    assert len(whole) == len(PLACES)
    for overlap, tile in ((0.5, [16, 16, 16]), (0.25, [16, 24, 24]), (0.25, [32, 48, 48]), (0.5, [64, 64, 64])):
        session = session_of("detection", dimensions=3, output={"tile": tile, "overlap": overlap})
        found = answer(session, volume).boxes
        assert {(box.low, box.high) for box in found} == {(box.low, box.high) for box in whole}
        assert len(found) == len(whole)
    centres = {box.centre for box in whole if min(box.low) > 0 and max(box.high) < 48}
    assert centres <= {(z + 2, y + 2, x + 2) for z, y, x in PLACES}


def test_each_box_of_a_volume_comes_with_the_slice_of_its_middle(session_of: SessionOf) -> None:
    volume = volume_of(blocks((16, 32, 32), (8, 12, 12)), (3.0, 1.0, 1.0))
    spec = {"fit": "millimetres", "spacing_mm": [1.5, 1.0, 1.0]}
    session = session_of("detection", dimensions=3, input=spec, output={"score_threshold": 0.9})
    with_boxes = [piece for piece in predict(session, volume) if piece.boxes]
    assert [piece.index for piece in with_boxes] in ([9], [10])
    ((box,),) = [piece.boxes for piece in with_boxes]
    assert with_boxes[0].probability == box.score
    assert box.high[0] - box.low[0] == pytest.approx(REACH)


# Autoencoder


def test_the_anomaly_map_is_the_difference_to_the_reconstruction(session_of: SessionOf) -> None:
    array = np.zeros((3, 32, 32), np.int16)
    array[1, 10, 20] = 180
    result = answer(session_of("autoencoder"), volume_of(array))
    pieces = list(predict(session_of("autoencoder"), volume_of(array)))
    assert [layer.kind for layer in pieces[1].layers] == ["anomaly", "reconstruction"]
    anomaly, again = pieces[1].layers
    sample = np.float16(0.9).astype(np.float32) * (array[1] > 0)
    expected = np.abs(sample - ndimage.uniform_filter(sample, 3, mode="constant"))
    np.testing.assert_allclose(anomaly.values, np.clip(expected / 0.5, 0, 1) * 255, atol=1)
    np.testing.assert_allclose(again.values, ndimage.uniform_filter(sample, 3, mode="constant") * 255, atol=1)
    assert (anomaly.scale, anomaly.region) == (0.5, (0, 0, 32, 32))
    # The ten pixels that differ most: the middle by 8/9 of it, eight neighbours by 1/9.
    assert result.scores is not None
    assert result.scores.tolist() == pytest.approx([0, 0.9 * 16 / 9 / 10, 0], abs=1e-3)
    assert result.errors.tolist() == pytest.approx([0, 0.81 * (64 + 8) / 81 / 1024, 0], rel=1e-2)
    assert (result.verdict.value, result.verdict.positive) == ("usual", False)
    assert result.verdict.measures["compression"] == 16


def test_the_most_anomalous_slice_decides(session_of: SessionOf) -> None:
    array = np.zeros((4, 32, 32), np.int16)
    array[2, ::2, ::2] = 200
    result = answer(session_of("autoencoder"), volume_of(array))
    assert (result.verdict.value, result.verdict.positive) == ("anomalous", True)
    assert int(np.argmax(result.scores)) == 2
    assert result.verdict.probability == result.scores.max()


# Classification of volumes


def volume_classifier() -> bytes:
    """Scores each place of a volume of 16 × 32 × 32 by its brightness; the second class is a bright one."""
    nodes = [
        helper.make_node("AveragePool", ["image"], ["means"], kernel_shape=[4, 8, 8], strides=[4, 8, 8]),
        helper.make_node("Conv", ["means", "weights", "bias"], ["scores"]),
        helper.make_node("Sigmoid", ["scores"], ["activation"]),
        helper.make_node("GlobalMaxPool", ["scores"], ["highest"]),
        helper.make_node("Flatten", ["highest"], ["logits"]),
        helper.make_node("Flatten", ["means"], ["embedding"]),
    ]
    constants = {
        "weights": np.array([0, 20], np.float32).reshape(2, 1, 1, 1, 1),
        "bias": np.array([0, -10], np.float32),
    }
    outputs = {"logits": ["batch", 2], "activation": ["batch", 2, 4, 4, 4], "embedding": ["batch", 64]}
    return bytes(model_of(nodes, {"image": ["batch", 1, 16, 32, 32]}, outputs, constants).SerializeToString())


def volume_session(session_of: SessionOf) -> Session:
    spec = {"dimensions": 3, "size": [16, 32, 32], "spacing_mm": [2.0, 1.0, 1.0], "context": 0, "minimum_slices": 1}
    outputs = ["logits", "activation", "embedding"]
    return session_of("classification", network=volume_classifier(), input=spec, model={"outputs": outputs})


def test_a_volume_has_one_answer_and_each_slice_its_part_of_the_map(session_of: SessionOf) -> None:
    array = np.zeros((32, 32, 32), np.int16)
    array[8:16, 8:16, 16:24] = 200
    session, volume = volume_session(session_of), volume_of(array)
    pieces = list(predict(session, volume))
    assert len({piece.probabilities for piece in pieces}) == 1
    hot = [piece.index for piece in pieces if piece.layers[0].values.max() > 200]
    assert hot == list(range(8, 16))
    row, column = np.unravel_index(pieces[9].layers[0].values.argmax(), (4, 4))
    assert (row, column) == (1, 2)
    result = answer(session, volume)
    assert (result.verdict.value, result.verdict.positive) == ("lung cancer", True)
    assert result.verdict.probability == pytest.approx(pieces[0].probability)


# Streaming and stopping


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    scaled = {"fit": "millimetres", "spacing_mm": [1.3, 0.9, 1.1], "multiple": 8}
    return {
        "classification": ("classification", {}),
        "segmentation": ("segmentation", {"input": {"multiple": 8}}),
        "segmentation 3-D": ("segmentation", {"dimensions": 3, "output": {"tile": [8, 16, 16]}}),
        "segmentation 3-D resampled": (
            "segmentation",
            {"dimensions": 3, "input": scaled, "output": {"tile": [8, 16, 16]}},
        ),
        "detection": ("detection", {}),
        "detection 3-D": ("detection", {"dimensions": 3, "input": scaled}),
        "autoencoder": ("autoencoder", {}),
    }


def same(one: Any, other: Any) -> bool:
    """Whether two answers are bit for bit the same."""
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        if isinstance(getattr(one, name), np.ndarray)
        else getattr(one, name) == getattr(other, name)
        for name in ("verdict", "probabilities", "slice_probabilities", "mask", "objects", "boxes", "scores", "errors")
    )


@pytest.mark.parametrize("case", cases())
def test_what_is_streamed_sums_up_to_the_answer_bit_for_bit(session_of: SessionOf, case: str) -> None:
    """In whatever order it is put together again."""
    task, changes = cases()[case]
    session = session_of(task, **changes)
    volume = volume_of(noise(13, 40, 44, high=260), (2.0, 0.8, 0.8))
    pieces: list[SlicePiece] = list(predict(session, volume))
    assert [piece.index for piece in pieces] == list(range(13))
    assert all(piece.count == 13 for piece in pieces)
    assert same(summarise(session, volume, pieces[::-1]), answer(session, volume))


@pytest.mark.parametrize("case", [case for case in cases() if case != "classification"])
def test_a_run_that_was_cut_off_goes_on_to_the_same_answer(session_of: SessionOf, case: str) -> None:
    task, changes = cases()[case]
    session = session_of(task, **changes)
    volume = volume_of(noise(13, 40, 44, high=260), (2.0, 0.8, 0.8))
    told = {piece.index: piece for piece, _ in zip(predict(session, volume), range(5), strict=False)}
    told |= {piece.index: piece for piece in predict(session, volume, skip=told)}
    assert same(summarise(session, volume, told.values()), answer(session, volume))


class StopError(Exception):
    pass


@pytest.mark.parametrize("case", cases())
def test_a_run_can_be_ended_between_two_runs_of_the_network(session_of: SessionOf, case: str) -> None:
    task, changes = cases()[case]
    runs: list[int] = []

    def check() -> None:
        runs.append(1)
        if len(runs) == 2:
            raise StopError

    volume = volume_of(noise(40, 80, 80), (2.0, 0.8, 0.8))
    if case == "detection 3-D":
        changes = changes | {"output": {"tile": [16, 32, 32]}}
    with pytest.raises(StopError):
        list(predict(session_of(task, **changes), volume, check=check))
    assert len(runs) == 2


def test_a_network_that_takes_long_is_ended_in_its_midst(session_of: SessionOf) -> None:
    session, stop = session_of("classification", turns=1_000_000), Stop()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(InvalidError) as refused:
        next(predict(session, volume_of(noise(4, 32, 32)), stop=stop))
    assert refused.value.code == "model_failed"
    assert time.monotonic() - started < 20


def wrong_networks() -> dict[str, tuple[str, bytes, dict[str, Any]]]:
    shrinking = model_of(
        [helper.make_node("AveragePool", ["image"], ["reconstruction"], kernel_shape=[2, 2], strides=[2, 2])],
        {"image": ["batch", 1, "h", "w"]},
        {"reconstruction": ["batch", 1, "h2", "w2"]},
        {},
    )
    return {
        "one segment too few": ("segmentation", threshold_model(segments=1).SerializeToString(), {}),
        "one class too few": (
            "classification",
            bright_model().SerializeToString(),
            {"classes": ["a", "b", "c"], "output": {"thresholds": []}},
        ),
        "a smaller reconstruction": (
            "autoencoder",
            shrinking.SerializeToString(),
            {"model": {"outputs": ["reconstruction"]}},
        ),
        "two classes of boxes": ("detection", b"", {"classes": ["a", "b"]}),
    }


@pytest.mark.parametrize("fault", wrong_networks())
def test_an_answer_of_another_size_is_a_clear_failure(session_of: SessionOf, fault: str) -> None:
    task, network, changes = wrong_networks()[fault]
    session = session_of(task, **({"network": network} if network else {}), **changes)
    with pytest.raises(InvalidError) as refused:
        next(predict(session, volume_of(noise(4, 32, 32))))
    assert refused.value.code == "model_failed"


def test_a_generator_is_not_run_on_a_series(session_of: SessionOf) -> None:
    with pytest.raises(InvalidError) as refused:
        next(predict(session_of("generation"), volume_of(noise(4, 32, 32))))
    assert refused.value.code == "package_does_not_fit"


# Generation


def test_the_same_seed_gives_the_same_images_however_many(session_of: SessionOf) -> None:
    session = session_of("generation")
    many = list(generate(session, count=40, seed=7))
    assert len(many) == 40
    assert {image.shape for image in many} == {(1, 16, 16)}
    for one, other in zip(generate(session, count=19, seed=7), many, strict=False):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(next(generate(session, count=1, seed=8)), many[0])


def test_images_are_of_the_class_that_is_asked_for_or_of_all_in_turn(session_of: SessionOf) -> None:
    session = session_of("generation")
    assert all(image.mean() < 0.31 for image in generate(session, count=5, seed=1, label="normal"))
    assert all(image.mean() > 0.59 for image in generate(session, count=5, seed=1, label="lung cancer"))
    mixed = [float(image.mean()) > 0.5 for image in generate(session, count=6, seed=1)]
    assert mixed == [False, True] * 3


def test_images_in_colour_and_of_no_class(session_of: SessionOf) -> None:
    network = flat_model(channels=3, classes=1).SerializeToString()
    session = session_of("generation", network=network, classes=[])
    assert {image.shape for image in generate(session, count=17, seed=0)} == {(3, 16, 16)}


@pytest.mark.parametrize(("task", "label"), [("generation", "cat"), ("autoencoder", None)])
def test_what_the_model_does_not_make_is_refused(session_of: SessionOf, task: str, label: str | None) -> None:
    with pytest.raises(InvalidError) as refused:
        next(generate(session_of(task), count=1, seed=0, label=label))
    assert refused.value.code == "package_does_not_fit"


# Embeddings


def test_a_series_embedding_is_the_mean_over_its_slices_of_length_one(session_of: SessionOf) -> None:
    array = noise(21, 32, 32)
    vector = embed(session_of("autoencoder"), volume_of(array))
    mean = (array.astype(np.float64) / 200).mean(axis=0).reshape(4, 8, 4, 8).mean(axis=(1, 3)).ravel()
    assert (vector.shape, vector.dtype) == ((16,), np.float32)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-4)


def test_classifiers_of_slices_and_of_volumes_have_embeddings(session_of: SessionOf) -> None:
    array = noise(32, 32, 32)
    session = session_of("classification", has_embedding=True, input={"spacing_mm": [1.0, 1.0]})
    assert embed(session, volume_of(array)).shape == (16,)
    assert embed(volume_session(session_of), volume_of(array)).shape == (64,)


def test_a_model_without_embedding_and_a_series_of_nothing_have_none(session_of: SessionOf) -> None:
    with pytest.raises(InvalidError) as refused:
        embed(session_of("classification"), volume_of(noise(4, 32, 32)))
    assert refused.value.code == "no_embedding"
    with pytest.raises(InvalidError) as refused:
        embed(session_of("autoencoder"), volume_of(np.zeros((4, 32, 32), np.int16)))
    assert refused.value.code == "model_failed"
    with pytest.raises(InvalidError, match="reads MR") as refused:
        embed(session_of("autoencoder", input={"modalities": ["MR"]}), volume_of(noise(4, 32, 32)))


# Tiles


@pytest.mark.parametrize(("length", "tile", "overlap"), [(10, 10, 0.5), (11, 10, 0.5), (100, 32, 0.0), (7, 9, 0.25)])
def test_tiles_cover_all_and_overlap_as_much_as_is_asked_for(length: int, tile: int, overlap: float) -> None:
    starts = starts_of(length, tile, overlap)
    assert starts[0] == 0
    assert starts[-1] + tile >= length
    assert all(b - a <= max(1, round(tile * (1 - overlap))) for a, b in pairwise(starts))


def test_a_blend_of_the_same_is_the_same_and_comes_in_order() -> None:
    sample = np.random.default_rng(0).random((1, 50, 40)).astype(np.float32)
    parts = list(blended(sample, lambda tiles: np.concatenate([tiles, 1 - tiles], axis=1), tile=(16, 16), overlap=0.5))
    assert len(parts) > 3
    assert [begin for begin, _ in parts] == list(np.cumsum([0, *(part.shape[1] for _, part in parts[:-1])]))
    whole = np.concatenate([part for _, part in parts], axis=1)
    np.testing.assert_allclose(whole, np.concatenate([sample, 1 - sample]), atol=1e-6)
    assert len(places_of((50, 40), (16, 16), 0.5)) == len(starts_of(50, 16, 0.5)) * len(starts_of(40, 16, 0.5))
