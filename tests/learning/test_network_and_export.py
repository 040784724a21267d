"""The network's logit is read off its map; ONNX says the same as torch, for any number of samples; variants cost little."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from medportal.errors import InvalidError
from medportal.inference.package import open_package
from medportal.inference.predict import answer
from medportal.inference.session import Session, check_golden
from medportal.learning.card import card
from medportal.learning.export import OPSET, check_parity, export_onnx
from medportal.learning.networks.classifier import build_classifier
from medportal.learning.package_writer import with_figures, write_network
from medportal.learning.recipes import complete_config
from medportal.learning.tasks.base import Task
from medportal.learning.variants import write_variants
from tests.learning import chests

SIZE = 48


def network_of(**settings: Any) -> torch.nn.Module:
    torch.manual_seed(1)
    config = complete_config("classification", {"width": 8, **settings})
    return build_classifier(config, channels=1, classes=3, multi_label=False).eval()


def test_a_class_logit_is_the_greatest_lead_on_its_map() -> None:
    logits, activation, embedding = network_of()(torch.rand(2, 1, SIZE, SIZE))

    assert logits.shape == (2, 3)
    assert embedding.shape == (2, 16)
    assert activation.shape == (2, 3, SIZE // 8, SIZE // 8)
    assert torch.equal(logits[:, 0], torch.zeros(2))
    torch.testing.assert_close(torch.sigmoid(logits), activation.flatten(2).amax(2))


def test_a_mean_logit_is_the_mean_of_its_map() -> None:
    network = network_of(pooling="mean", depth=2)
    images = torch.rand(2, 1, SIZE, SIZE)
    logits, activation, _ = network(images)
    lead = torch.logit(activation).flatten(2).mean(2)

    torch.testing.assert_close(lead, logits - logits[:, :1], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("network", ["resnet_small", "densenet121"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_each_network_answers_in_both_dimensions(network: str, dimensions: int) -> None:
    one = network_of(network=network, dimensions=dimensions, pooling="mean")
    images = torch.rand(2, 1, *(32,) * dimensions)
    logits, activation, _ = one(images)

    assert logits.shape == (2, 3)
    assert activation.ndim == dimensions + 2


def test_what_speaks_for_a_class_shows_where_it_is() -> None:
    torch.manual_seed(3)
    network = network_of()
    image = torch.zeros(1, 1, 64, 64)
    spot = image.clone()
    spot[0, 0, 40:48, 16:24] = 3

    with torch.no_grad():
        change = (network(spot)[1] - network(image)[1]).abs()[0, 1]
    row, column = divmod(int(change.argmax()), 8)

    assert abs(row - 5) <= 1
    assert abs(column - 2) <= 1


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = chests.prepare(tmp_path_factory.mktemp("export") / "data", chests.config())
    return chests.task_of(folder, chests.config())


@pytest.fixture(scope="module")
def model(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export_onnx(task.averaged, task.export(), path)
    return path


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_onnx_takes_any_number_of_samples_and_agrees(task: Task, model: Path, samples: int) -> None:
    x = np.random.default_rng(0).random((samples, 1, chests.SIZE, chests.SIZE), np.float32)

    parity = check_parity(task, model, [(x[i : i + 3],) for i in range(0, samples, 3)])

    assert parity["samples"] == samples
    assert parity["largest_logits_difference"] < 1e-4


@pytest.mark.parametrize(
    ("network", "dimensions", "pooling"),
    [
        ("resnet_small", 2, "maximum"),
        ("resnet_small", 3, "mean"),
        pytest.param("resnet_small", 2, "mean", marks=pytest.mark.slow),
        pytest.param("resnet_small", 3, "maximum", marks=pytest.mark.slow),
        # Its 120 layers take the exporter a minute.
        pytest.param("densenet121", 2, "maximum", marks=pytest.mark.slow),
        pytest.param("densenet121", 2, "mean", marks=pytest.mark.slow),
        pytest.param("densenet121", 3, "maximum", marks=pytest.mark.slow),
        pytest.param("densenet121", 3, "mean", marks=pytest.mark.slow),
    ],
)
def test_onnx_takes_samples_of_any_size_and_agrees(tmp_path: Path, network: str, dimensions: int, pooling: str) -> None:
    """Of sizes too that the strides do not divide: only the prepared one is known to the network's makers."""
    # Deep enough that of a prepared sample a single place is left.
    config = chests.config(network=network, dimensions=dimensions, pooling=pooling, depth=4, slices=32)
    task = chests.task_of(chests.prepare(tmp_path / "data", config, patients=8), config)
    export_onnx(task.averaged, task.export(), tmp_path / "model.onnx")
    random = np.random.default_rng(0)
    sizes = ((32, 32, 32), (64, 48, 40), (37, 50, 33))
    samples = [(random.random((1, 1, *size[:dimensions]), np.float32),) for size in sizes]

    parity = check_parity(task, tmp_path / "model.onnx", samples)

    assert parity["largest_logits_difference"] < 1e-4
    assert parity["largest_activation_difference"] < 1e-4
    assert parity["largest_embedding_difference"] < 1e-4


def test_the_file_is_self_contained_of_the_declared_opset_and_without_paths(model: Path) -> None:
    loaded = onnx.load(model, load_external_data=False)

    assert {entry.domain: entry.version for entry in loaded.opset_import}[""] == OPSET
    assert all(not tensor.external_data for tensor in loaded.graph.initializer)
    assert b".py" not in model.read_bytes()
    assert onnxruntime.InferenceSession(str(model)).get_inputs()[0].shape[0] == "batch"


def test_a_model_that_differs_from_its_network_is_refused(task: Task, model: Path) -> None:
    other = chests.task_of(task.prepared.folder, chests.config(seed=2))
    x = np.random.default_rng(0).random((2, 1, chests.SIZE, chests.SIZE), np.float32) * 9
    with pytest.raises(InvalidError, match="differ by"):
        check_parity(other, model, [(x,)])


def test_a_difference_that_is_no_number_is_no_agreement(task: Task, model: Path) -> None:
    x = np.zeros((2, 1, chests.SIZE, chests.SIZE), np.float32)
    for batches in ([(x,), (x + np.nan,)], [(x + np.nan,), (x,)]):
        with pytest.raises(InvalidError, match="differ by nan"):
            check_parity(task, model, batches)


def test_parity_says_how_much_of_the_validation_split_was_compared(task: Task, model: Path) -> None:
    of = len(task.parity_refs())
    whole, cut_off = check_parity(task, model), check_parity(task, model, limit_s=0.0)

    assert (whole["samples"], whole["of"]) == (of, of)
    assert (cut_off["samples"], cut_off["of"]) == (32, of)
    # Of a split that is cut off, every series has been seen.
    seen = np.concatenate([batch for (batch,) in islice(task.parity_batches(), 1)])
    series = [task.prepared.image(number)[0] for number in task.prepared.of_split("validation")]
    assert all(any((one == image).all() for one in seen[:, 0] for image in images) for images in series)


def test_a_package_is_whole_and_its_variants_say_what_they_cost(task: Task, tmp_path: Path) -> None:
    # One of its own: what calibration shifts is in the network afterwards.
    task = chests.task_of(task.prepared.folder, chests.config())
    spec = {"recipe": "classification", "model": {"name": "spots", "title": "Spots"}, "data": {}}
    manifest = write_network(tmp_path, task, spec, task.calibrate())
    manifest = write_variants(tmp_path, manifest, task, "classes", lambda: None)
    package = open_package(tmp_path)

    assert check_golden(package) < 1e-5
    figures = {"epochs": 1, "split": "test", "n": 1, "groups": 1, "figures": {}}
    parity = manifest.trained["parity"]
    assert f"all {parity['of']} samples of the validation split" in card(with_figures(manifest, figures))
    less = replace(manifest, trained={**manifest.trained, "parity": {**parity, "samples": 3}})
    assert f"3 of {parity['of']} samples of the validation split" in card(with_figures(less, figures))
    assert manifest.trained["parity"]["samples"] == len(task.refs("validation"))  # type: ignore[attr-defined]
    assert {one.precision for one in manifest.variants} == {"fp16", "int8"}
    assert all(one.metric == "auc" and one.value is not None for one in manifest.variants)
    volume = task.prepared.whole(task.prepared.of_split("test")[0]).volume
    full = answer(Session(package, use_gpu=False), volume).slice_probabilities
    half = answer(Session(package, use_gpu=False, precision="fp16"), volume).slice_probabilities
    assert full is not None
    assert half is not None
    assert float(np.abs(full - half).max()) < 0.02


def test_training_sees_what_the_worker_sees_bit_for_bit(task: Task) -> None:
    """The one implementation of preparing: the folder's values are those that a runner makes of the same series."""
    from medportal.inference.preprocess import grid_of, levels_of, prepare_slice

    number = task.prepared.of_split("test")[0]
    volume = task.prepared.whole(number).volume
    grid = grid_of(task.spec, volume.array.shape, volume.spacing_mm_zyx)
    levels = levels_of(task.spec.scaling, volume.array)
    for index in range(volume.number_of_slices):
        made = prepare_slice(task.spec, grid, volume.array[index], levels)
        np.testing.assert_array_equal(made, task.prepared.image(number)[:, index].astype(np.float32))
