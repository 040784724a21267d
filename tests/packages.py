"""Small model packages, made by code: a network that finds what is bright, so that its answers are known beforehand.

No torch: the graph is written down node by node.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, CONTEXT, STRIDE = 32, 1, 4
CLASSES = ("normal", "lung cancer")
# A place of this brightness (0…1) is even odds; each tenth above it adds two to the logit.
EVEN, STEEPNESS = 0.5, 20.0


def bright_model(*, turns: int = 0) -> onnx.ModelProto:
    """Return a network that scores each place by the middle slice's mean brightness there.

    `turns` makes it slow: so many times it multiplies a matrix, and adds nothing of it to the answer.
    """
    weights = np.zeros((2, 2 * CONTEXT + 1, 1, 1), np.float32)
    weights[1, CONTEXT] = STEEPNESS
    bias = np.array([0, -STEEPNESS * EVEN], np.float32)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["means"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Conv", ["means", "weights", "bias"], ["scores" if not turns else "quick"]),
    ]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    if turns:
        more_nodes, more_constants = _idle(turns)
        nodes += more_nodes
        constants += more_constants
    nodes += [
        helper.make_node("Sigmoid", ["scores"], ["activation"]),
        helper.make_node("GlobalMaxPool", ["scores"], ["highest"]),
        helper.make_node("Flatten", ["highest"], ["logits"]),
    ]
    places = SIZE // STRIDE
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 2 * CONTEXT + 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2]),
            helper.make_tensor_value_info("activation", TensorProto.FLOAT, ["batch", 2, places, places]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def _idle(turns: int) -> tuple[list[Any], list[Any]]:
    """Return nodes that keep a processor busy and add nought to `quick`, making `scores`."""
    side = 192
    matrix = numpy_helper.from_array(np.full((side, side), 1 / side, np.float32), "matrix")
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "matrix"], ["next"]),
            helper.make_node("Identity", ["go"], ["go_on"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [side, side]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [side, side]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["matrix", "mean"], ["first"]),
        helper.make_node("Loop", ["turns", "always", "first"], ["last"], body=body),
        helper.make_node("ReduceMean", ["last"], ["worked"], keepdims=0),
        helper.make_node("Mul", ["worked", "nought"], ["nothing"]),
        helper.make_node("Add", ["quick", "nothing"], ["scores"]),
    ]
    constants = [
        matrix,
        numpy_helper.from_array(np.array(turns, np.int64), "turns"),
        numpy_helper.from_array(np.array(True), "always"),
        numpy_helper.from_array(np.array(0, np.float32), "nought"),
    ]
    return nodes, constants


def manifest_of(network: bytes, **changes: Any) -> dict[str, Any]:
    """Return a valid manifest for a network; `changes` replace members of it, one level deep where both are objects."""
    document: dict[str, Any] = {
        "format": 1,
        "name": "bright",
        "title": "What is bright",
        "task": "classification",
        "classes": list(CLASSES),
        "intended_use": "Tests.",
        "input": {
            "modalities": ["CT"],
            "minimum_slices": 3,
            "window": [-1000.0, 1000.0],
            "pixel_mm": 4.0,
            "size": [SIZE, SIZE],
            "context": CONTEXT,
        },
        "output": {"temperature": 1.0, "aggregate": "mean_of_top_k", "top_k": 2, "threshold": 0.5},
        "model": {
            "file": "model.onnx",
            "sha256": hashlib.sha256(network).hexdigest(),
            "opset": 20,
            "input_name": "image",
            "logits_name": "logits",
            "activation_name": "activation",
        },
        "trained": {"recipe": "classification", "config": {}, "metrics": {"test": {"auc": {"value": 1.0}}}},
    }
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(document.get(name), dict)
        document[name] = document[name] | value if both else value
    return document


def make_package(folder: Path, *, turns: int = 0, network: bytes = b"", **changes: Any) -> Path:
    """Write a package and return its folder; `changes` are those of `manifest_of`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = network or bright_model(turns=turns).SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest_of(content, **changes)))
    (folder / "README.md").write_text("# What is bright\n\n**Not for diagnosis.**\n")
    images = np.zeros((2, 2 * CONTEXT + 1, SIZE, SIZE), np.float32)
    images[1, CONTEXT, 8:12, 8:12] = 1.0
    np.save(folder / "golden_input.npy", images)
    low, high = -STEEPNESS * EVEN, STEEPNESS * (1 - EVEN)
    np.save(folder / "golden_output.npy", np.array([[0, low], [0, high]], np.float32))
    return folder


def register(team: Any, folder: Path, *, name: str = "bright", stage: str = "production", **changes: Any) -> Any:
    """Make a package below `folder` and enter it as the team's next version of a model."""
    from medportal.zoo.models import Origin
    from medportal.zoo.services import promote, register_package

    source = make_package(folder / name, **changes)
    metrics = {"auc": {"value": 1.0, "low": None, "high": None}}
    version = register_package(team, name, source, origin=Origin.TRAINED, metrics=metrics, created_by=None)
    return promote(version, actor=None) if stage == "production" else version
