"""No model refers to another file, however deep the reference is hidden; none is out of proportion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from medportal.errors import InvalidError, MedportalError
from medportal.inference.gate import check_model
from tests.packages import bright_model


def external(name: str = "leak") -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.UINT8, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=".env")
    return tensor


def sparse() -> onnx.SparseTensorProto:
    indices = numpy_helper.from_array(np.array([0], np.int64), "indices")
    return onnx.SparseTensorProto(values=external(), indices=indices, dims=[8])


def graph_with(tensor: onnx.TensorProto) -> onnx.GraphProto:
    node = helper.make_node("Identity", [tensor.name], ["out"])
    return helper.make_graph(
        [node], "inner", [], [helper.make_tensor_value_info("out", TensorProto.UINT8, [4])], [tensor]
    )


def branch(inner: onnx.GraphProto) -> onnx.NodeProto:
    return helper.make_node("If", ["condition"], ["out"], then_branch=inner, else_branch=graph_with_nothing())


def graph_with_nothing() -> onnx.GraphProto:
    return helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "nothing", [], [])


def nested(depth: int, inner: onnx.GraphProto) -> onnx.GraphProto:
    for _ in range(depth):
        inner = helper.make_graph([branch(inner)], "outer", [], [])
    return inner


def function(*nodes: onnx.NodeProto) -> onnx.FunctionProto:
    return helper.make_function("custom", "F", [], ["out"], list(nodes), [helper.make_opsetid("", 20)])


def constant(**value: object) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["out"], **value)


def in_function_default(model: onnx.ModelProto) -> None:
    model.functions.append(function(constant(value_int=1)))
    model.functions[0].attribute_proto.append(helper.make_attribute("value", external()))


HIDING_PLACES: dict[str, Callable[[onnx.ModelProto], object]] = {
    "initializer": lambda m: m.graph.initializer.append(external()),
    "sparse initializer": lambda m: m.graph.sparse_initializer.append(sparse()),
    "attribute": lambda m: m.graph.node.append(constant(value=external())),
    "list of tensors": lambda m: m.graph.node.append(helper.make_node("X", [], ["o"], many=[external()])),
    "sparse attribute": lambda m: m.graph.node.append(constant(sparse_value=sparse())),
    "subgraph": lambda m: m.graph.node.append(branch(graph_with(external()))),
    "subgraph's attribute": lambda m: m.graph.node.append(
        branch(helper.make_graph([constant(value=external())], "inner", [], []))
    ),
    "list of graphs": lambda m: m.graph.node.append(helper.make_node("X", [], ["o"], many=[graph_with(external())])),
    "ten graphs deep": lambda m: m.graph.node.append(branch(nested(10, graph_with(external())))),
    "function": lambda m: m.functions.append(function(constant(value=external()))),
    "function's subgraph": lambda m: m.functions.append(function(branch(graph_with(external())))),
    "function's default attribute": in_function_default,
    "training's initialization": lambda m: m.training_info.add().initialization.CopyFrom(graph_with(external())),
    "training's algorithm": lambda m: m.training_info.add().algorithm.CopyFrom(graph_with(external())),
}


def refusal(model: onnx.ModelProto | bytes, folder: Path) -> str:
    path = folder / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(MedportalError) as refused:
        check_model(path)
    return refused.value.code


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_external_data_is_found_wherever_it_is(place: str, tmp_path: Path) -> None:
    model = bright_model()
    HIDING_PLACES[place](model)
    assert refusal(model, tmp_path) == "external_data_not_allowed"


def test_a_location_without_the_flag_is_refused_too(tmp_path: Path) -> None:
    model = bright_model()
    model.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    assert refusal(model, tmp_path) == "external_data_not_allowed"


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04K\x01.", b"\x08" * 300])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    assert refusal(content, tmp_path) == "not_onnx"


def test_nesting_beyond_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(nested_by_hand(20))
    check_model(path)
    assert refusal(nested_by_hand(5000), tmp_path) == "not_onnx"


def nested_by_hand(depth: int) -> bytes:
    """Bytes of a model with graphs in graphs, deeper than the library would write."""

    def field(number: int, content: bytes) -> bytes:
        length, size = len(content), b""
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    graph = graph_with_nothing().SerializeToString()
    for _ in range(depth):
        # AttributeProto.g in NodeProto.attribute in GraphProto.node
        graph = field(1, field(5, field(6, graph)))
    return field(7, graph)


def test_a_model_out_of_proportion_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medportal.inference import gate

    monkeypatch.setattr(gate, "MAX_NODES", 4)
    assert refusal(bright_model(), tmp_path) == "model_size"
    monkeypatch.setattr(gate, "MAX_BYTES", 100)
    assert refusal(bright_model(), tmp_path) == "model_size"


def test_a_whole_model_passes(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(bright_model(turns=3).SerializeToString())
    check_model(path)


def test_runtime_never_sees_a_refused_model(tmp_path: Path) -> None:
    """The session is made after the gate: the secret beside the model stays unread."""
    from medportal.inference.package import open_package
    from medportal.inference.session import Session
    from tests.packages import make_package

    model = bright_model()
    model.graph.initializer.append(external())
    folder = make_package(tmp_path / "package", network=model.SerializeToString())
    with pytest.raises(InvalidError) as refused:
        Session(open_package(folder), use_gpu=False)
    assert refused.value.code == "external_data_not_allowed"
