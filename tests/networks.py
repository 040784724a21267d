"""Networks written down node by node, so small that what they answer is known beforehand. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, CONTEXT, STRIDE = 32, 1, 4
# A place of this brightness (0…1) is even odds; each tenth above it adds two to the logit.
EVEN, STEEPNESS = 0.5, 20.0
# A box reaches so many voxels to each side of its middle.
REACH = 6.0
LATENT = 4


def bright_model(*, turns: int = 0, steepness: float = STEEPNESS, has_embedding: bool = False) -> onnx.ModelProto:
    """A classifier that scores each place by the middle slice's mean brightness there.

    `turns` makes it slow: so many times it multiplies a matrix, and adds nothing of it to the answer. The embedding is
    the middle slice at four by four places.
    """
    weights = np.zeros((2, 2 * CONTEXT + 1, 1, 1), np.float32)
    weights[1, CONTEXT] = steepness
    bias = np.array([0, -steepness * EVEN], np.float32)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["means"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Conv", ["means", "weights", "bias"], ["scores" if not turns else "quick"]),
    ]
    constants = {"weights": weights, "bias": bias}
    if turns:
        more_nodes, more_constants = _idle(turns)
        nodes += more_nodes
        constants |= more_constants
    nodes += [
        helper.make_node("Sigmoid", ["scores"], ["activation"]),
        helper.make_node("GlobalMaxPool", ["scores"], ["highest"]),
        helper.make_node("Flatten", ["highest"], ["logits"]),
    ]
    places = SIZE // STRIDE
    outputs: dict[str, list[Any]] = {"logits": ["batch", 2], "activation": ["batch", 2, places, places]}
    if has_embedding:
        nodes += _embedding("image", channel=CONTEXT)
        constants |= _bounds_of(CONTEXT)
        outputs["embedding"] = ["batch", 16]
    return model_of(nodes, {"image": ["batch", 2 * CONTEXT + 1, SIZE, SIZE]}, outputs, constants)


def model_of(
    nodes: list[Any], inputs: dict[str, list[Any]], outputs: dict[str, list[Any]], constants: dict[str, Any]
) -> onnx.ModelProto:
    """A checked model of opset 20; inputs and outputs are float32 of the shapes given."""
    values = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in one.items()]
        for one in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "by-hand", values[0], values[1], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def vast_model() -> onnx.ModelProto:
    """A classifier that wants tens of terabytes on the way to its answer."""
    nodes = [
        helper.make_node("GlobalMaxPool", ["image"], ["highest"]),
        helper.make_node("Flatten", ["highest"], ["few"]),
        helper.make_node("ReduceMax", ["few"], ["one"]),
        helper.make_node("Expand", ["one", "vast"], ["many"]),
        helper.make_node("ReduceMax", ["many"], ["again"]),
        helper.make_node("Expand", ["again", "classes"], ["logits"]),
        helper.make_node("Expand", ["again", "places"], ["activation"]),
    ]
    shapes = {"vast": [2**22, 2**22], "classes": [1, 2], "places": [1, 2, 8, 8]}
    constants = {name: np.array(shape) for name, shape in shapes.items()}
    outputs: dict[str, list[Any]] = {"logits": ["batch", 2], "activation": ["batch", 2, 8, 8]}
    return model_of(nodes, {"image": ["batch", 2 * CONTEXT + 1, SIZE, SIZE]}, outputs, constants)


def _bounds_of(channel: int) -> dict[str, Any]:
    return {"from": np.array([channel], np.int64), "to": np.array([channel + 1], np.int64), "axis": np.array([1])}


def _embedding(name: str, *, channel: int = 0) -> list[Any]:
    """Nodes that make `embedding` of a channel of a sample of 32 × 32: its means at four by four places."""
    side = SIZE // 4
    return [
        helper.make_node("Slice", [name, "from", "to", "axis"], ["one_channel"]),
        helper.make_node("AveragePool", ["one_channel"], ["quarters"], kernel_shape=[side] * 2, strides=[side] * 2),
        helper.make_node("Flatten", ["quarters"], ["embedding"]),
    ]


def _space(dimensions: int) -> list[Any]:
    return ["batch", 1, *(f"side{axis}" for axis in range(dimensions))]


def threshold_model(dimensions: int = 2, *, segments: int = 2) -> onnx.ModelProto:
    """A segmentation by brightness: background to 0.5, segment 1 to 0.8 and segment 2 (where there are two) above.

    The edges lie a little higher, where no number in half precision does: nothing is on the edge.
    """
    slopes, bias = [0.0, 20.0, 40.0][: segments + 1], [0.0, -10.005, -26.01][: segments + 1]
    weights = np.array(slopes, np.float32).reshape(-1, 1, *(1,) * dimensions)
    nodes = [helper.make_node("Conv", ["image", "weights", "bias"], ["logits"])]
    shape = _space(dimensions)
    constants = {"weights": weights, "bias": np.array(bias, np.float32)}
    return model_of(nodes, {"image": shape}, {"logits": [shape[0], segments + 1, *shape[2:]]}, constants)


def blob_model(dimensions: int = 2) -> onnx.ModelProto:
    """A detector: its heat is the brightness of cells of four voxels' side; each box reaches REACH to all sides."""
    cells = [STRIDE] * dimensions
    one = (1, 1, *(1,) * dimensions)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["means"], kernel_shape=cells, strides=cells),
        helper.make_node("Conv", ["means", "weights", "bias"], ["heat"]),
        helper.make_node("Conv", ["means", "nothing", "reach"], ["extent"]),
    ]
    constants = {
        "weights": np.full(one, STEEPNESS, np.float32),
        "bias": np.array([-STEEPNESS * EVEN], np.float32),
        "nothing": np.zeros((2 * dimensions, *one[1:]), np.float32),
        "reach": np.full(2 * dimensions, REACH, np.float32),
    }
    places = ["batch", *(f"place{axis}" for axis in range(dimensions))]
    outputs = {"heat": [places[0], 1, *places[1:]], "extent": [places[0], 2 * dimensions, *places[1:]]}
    return model_of(nodes, {"image": _space(dimensions)}, outputs, constants)


def blur_model() -> onnx.ModelProto:
    """An autoencoder that gives back the mean of three by three voxels, at the edges of those that are there."""
    nodes = [
        helper.make_node("AveragePool", ["image"], ["reconstruction"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        *_embedding("image"),
    ]
    shape = ["batch", 1, SIZE, SIZE]
    return model_of(nodes, {"image": shape}, {"reconstruction": shape, "embedding": ["batch", 16]}, _bounds_of(0))


def flat_model(*, channels: int = 1, classes: int = 2) -> onnx.ModelProto:
    """A generator of grey squares: 0.2 for the first class and half more for each further, and a tenth of chance."""
    grey = (0.2 + 0.5 * np.arange(classes, dtype=np.float32)).reshape(-1, 1)
    first = np.eye(LATENT, 1, dtype=np.float32) * 0.1
    nodes = [
        helper.make_node("Tanh", ["latent"], ["chance"]),
        helper.make_node("MatMul", ["chance", "first"], ["noise"]),
        helper.make_node("MatMul", ["class", "grey"], ["level"]),
        helper.make_node("Add", ["noise", "level"], ["value"]),
        helper.make_node("Reshape", ["value", "shape"], ["point"]),
        helper.make_node("Mul", ["point", "square"], ["image"]),
    ]
    constants = {
        "first": first,
        "grey": grey,
        "shape": np.array([-1, 1, 1, 1], np.int64),
        "square": np.ones((1, channels, 16, 16), np.float32),
    }
    inputs: dict[str, list[Any]] = {"latent": ["batch", LATENT], "class": ["batch", classes]}
    return model_of(nodes, inputs, {"image": ["batch", channels, 16, 16]}, constants)


def _idle(turns: int) -> tuple[list[Any], dict[str, Any]]:
    """Nodes that keep a processor busy and add nought to `quick`, making `scores`."""
    side = 192
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
    constants = {
        "matrix": np.full((side, side), 1 / side, np.float32),
        "turns": np.array(turns, np.int64),
        "always": np.array(True),
        "nought": np.array(0, np.float32),
    }
    return nodes, constants
