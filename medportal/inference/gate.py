"""What a model file may not hold: looked for in its bytes before any runtime sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx

from medportal.errors import InvalidError, TooLargeError

MAX_BYTES = 1024 * 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 50


def check_model(path: Path) -> None:
    """Refuse a model that refers to any file but itself, or is out of proportion.

    ONNX Runtime resolves external data against folders that hold other things; `location` may be anything. So none is
    taken: in initializers, sparse ones, attributes, subgraphs and functions. Raises InvalidError
    `external_data_not_allowed` or `not_onnx`, TooLargeError `model_size`.
    """
    if path.stat().st_size > MAX_BYTES:
        raise TooLargeError("model_size", "The model is larger than one gigabyte.")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:
        raise InvalidError("not_onnx", "The file is not an ONNX model.") from error
    if not model.graph.node:
        raise InvalidError("not_onnx", "The file is not an ONNX model.")
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise InvalidError("external_data_not_allowed", f"Tensor {tensor.name[:80]!r} lies in another file.")


def _tensors(model: onnx.ModelProto) -> Iterator[Any]:
    """Yield every tensor of a model, wherever it stands."""
    graphs: list[tuple[Any, int]] = [(model.graph, 0)]
    nodes = 0
    loose = [node for function in model.functions for node in function.node]
    for training in model.training_info:
        graphs += [(training.initialization, 0), (training.algorithm, 0)]
    pending: list[tuple[Any, int]] = [(node, 0) for node in loose]
    for function in model.functions:
        pending += [(_AttributeHolder(function.attribute_proto), 0)]
    while graphs or pending:
        if graphs:
            graph, depth = graphs.pop()
            if depth > MAX_DEPTH:
                raise InvalidError("not_onnx", "The model's graphs are nested too deep.")
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            pending += [(node, depth) for node in graph.node]
            continue
        node, depth = pending.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise TooLargeError("model_size", f"The model has more than {MAX_NODES} nodes.")
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            graphs += [(graph, depth + 1) for graph in (attribute.g, *attribute.graphs) if graph.ByteSize()]


class _AttributeHolder:
    """Lets a function's default attributes be walked as a node's are."""

    def __init__(self, attributes: Any) -> None:
        self.attribute = attributes
