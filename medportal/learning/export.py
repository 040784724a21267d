"""From torch to ONNX, proof that both say the same, and the same network in less space."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medportal.errors import InvalidError
from medportal.learning.tasks.base import Export, Task

OPSET = 20
# Largest difference of an output, as a part of its largest value, that may come from another order of additions.
TOLERANCE = 1e-3
# The longest that torch and ONNX Runtime are compared, seconds: a training that is done is not kept waiting for more.
PARITY_LIMIT_S = 60.0
# Of a side of a sample, in voxels.
LONGEST = 8192
Inputs = tuple[NDArray[np.generic], ...]


def export_onnx(network: nn.Module, export: Export, path: Path) -> int:
    """Write the network as ONNX (opset 20, dynamic batch, no external data); return its number of parameters."""
    network = network.cpu().eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            tuple(one.contiguous() for one in export.examples),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(export.inputs),
            output_names=list(export.outputs),
            dynamic_shapes=_free_axes(export),
            verbose=False,
        )
    if program is None:
        raise InvalidError("export", "The network cannot be exported to ONNX.")
    model = program.model_proto
    _clean(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return sum(parameter.numel() for parameter in network.parameters())


def _free_axes(export: Export) -> tuple[dict[int, Any], ...]:
    """Return for each input its axes that may be of any length: the batch, and multiples of a stride."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    axes: list[dict[int, Any]] = []
    for number, _ in enumerate(export.examples):
        multiples = export.multiples[number] if number < len(export.multiples) else ()
        free: dict[int, Any] = {0: batch}
        for axis, multiple in enumerate(multiples):
            if multiple:
                free[axis + 2] = multiple * torch.export.Dim(f"cells_{axis}", min=1, max=LONGEST // multiple)
        axes.append(free)
    return tuple(axes)


def _clean(model: Any) -> None:
    """Take out what the exporter notes about its own source files: it is of no use elsewhere."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]


def open_session(path: Path) -> Any:
    """Return an ONNX Runtime session on the CPU with as many threads as torch has."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check_parity(
    task: Task, path: Path, batches: Iterable[Inputs] | None = None, *, limit_s: float = PARITY_LIMIT_S
) -> dict[str, Any]:
    """Return how far ONNX Runtime is from torch over the validation split, in the manner of the task.

    `batches` are compared in its place. What has not been compared within the limit is left out: `samples` says how many
    were, `of` how many there are. Raises InvalidError `parity` where they are too far apart.
    """
    until = time.monotonic() + limit_s
    differences, count = [], 0
    for inputs, ours, theirs in _both(task, task.export(), path, batches or task.parity_batches()):
        count += len(inputs[0])
        differences.append(task.differences(ours, theirs))
        if time.monotonic() > until:
            break
    furthest = task.together(differences)
    # NaN is no agreement either.
    if not all(value <= TOLERANCE for value in furthest.values()):
        raise InvalidError("parity", f"ONNX Runtime and torch differ by {max(furthest.values()):.2g}.")
    return {
        "samples": count,
        "of": count if batches else len(task.parity_refs()),
        "tolerance": TOLERANCE,
        **{f"largest_{name}_difference": value for name, value in furthest.items()},
    }


def _both(
    task: Task, export: Export, path: Path, batches: Iterable[Inputs]
) -> Iterator[tuple[Inputs, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]]:
    session = open_session(path)
    network = task.averaged.cpu().eval()
    for inputs in batches:
        ours = session.run(list(export.outputs), dict(zip(export.inputs, inputs, strict=True)))
        with torch.no_grad():
            answers = network(*(torch.from_numpy(one) for one in inputs))
        listed: tuple[Tensor, ...] = answers if isinstance(answers, tuple) else (answers,)
        theirs = [one.numpy() for one in listed]
        yield inputs, dict(zip(export.outputs, ours, strict=True)), dict(zip(export.outputs, theirs, strict=True))
