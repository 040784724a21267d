"""The network's logit is the peak of its map; ONNX says the same as torch, for any number of samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from medportal.errors import InvalidError
from medportal.learning.export import OPSET, check_parity, export_onnx
from medportal.learning.networks import build_network

SIZE = 48


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(1)
    return build_network("resnet_small", channels=3, classes=3, width=4).eval()


@pytest.fixture(scope="module")
def model(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export_onnx(network, path, channels=3, size=(SIZE, SIZE))
    return path


def test_a_class_logit_is_the_greatest_lead_on_its_map(network: torch.nn.Module) -> None:
    logits, activation = network(torch.rand(2, 3, SIZE, SIZE))

    assert logits.shape == (2, 3)
    assert activation.shape == (2, 3, SIZE // 8, SIZE // 8)
    assert torch.equal(logits[:, 0], torch.zeros(2))
    torch.testing.assert_close(torch.sigmoid(logits), activation.flatten(2).amax(2))


def test_what_speaks_for_a_class_shows_where_it_is() -> None:
    torch.manual_seed(3)
    network = build_network("resnet_small", channels=1, classes=2, width=8).eval()
    image = torch.zeros(1, 1, 64, 64)
    spot = image.clone()
    spot[0, 0, 40:48, 16:24] = 3

    with torch.no_grad():
        change = (network(spot)[1] - network(image)[1]).abs()[0, 1]
    row, column = divmod(int(change.argmax()), 8)

    assert abs(row - 5) <= 1
    assert abs(column - 2) <= 1


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_onnx_takes_any_number_of_samples_and_agrees(network: torch.nn.Module, model: Path, samples: int) -> None:
    x = np.random.default_rng(0).random((samples, 3, SIZE, SIZE), np.float32)

    parity = check_parity(network, model, [x[i : i + 3] for i in range(0, samples, 3)])

    assert parity["samples"] == samples
    assert parity["largest_logits_difference"] < 1e-4


def test_the_file_is_self_contained_of_the_declared_opset_and_without_paths(model: Path) -> None:
    loaded = onnx.load(model, load_external_data=False)

    assert {entry.domain: entry.version for entry in loaded.opset_import}[""] == OPSET
    assert all(not tensor.external_data for tensor in loaded.graph.initializer)
    assert b".py" not in model.read_bytes()
    assert onnxruntime.InferenceSession(str(model)).get_inputs()[0].shape[0] == "batch"


def test_a_model_that_differs_from_its_network_is_refused(model: Path) -> None:
    torch.manual_seed(2)
    other = build_network("resnet_small", channels=3, classes=3, width=4).eval()
    with pytest.raises(InvalidError, match="differ by"):
        check_parity(other, model, [np.random.default_rng(0).random((2, 3, SIZE, SIZE), np.float32) * 9])
