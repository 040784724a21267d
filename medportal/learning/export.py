"""From torch to ONNX, and proof that both say the same."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from medportal.errors import InvalidError

OPSET = 20
NAMES = ("logits", "activation")
# Largest difference of a probability's logit that may come from another order of additions.
TOLERANCE = 1e-3


def export_onnx(network: nn.Module, path: Path, *, channels: int, size: tuple[int, int]) -> int:
    """Write the network as ONNX (opset 20, dynamic batch, no external data); return its number of parameters."""
    network = network.cpu().eval()
    example = torch.zeros(2, channels, *size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=list(NAMES),
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            verbose=False,
        )
    if program is None:
        raise InvalidError("export", "The network cannot be exported to ONNX.")
    model = program.model_proto
    # What the exporter notes about its own source files is of no use elsewhere.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return sum(parameter.numel() for parameter in network.parameters())


def check_parity(network: nn.Module, path: Path, batches: Iterable[NDArray[np.float32]]) -> dict[str, Any]:
    """Return how far ONNX Runtime is from torch on batches of samples; raises InvalidError `parity` where it is too far."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    furthest, count = dict.fromkeys(NAMES, 0.0), 0
    network = network.cpu().eval()
    for batch in batches:
        count += len(batch)
        with torch.no_grad():
            expected = network(torch.from_numpy(batch))
        for name, ours, theirs in zip(NAMES, session.run(list(NAMES), {"image": batch}), expected, strict=True):
            furthest[name] = max(furthest[name], float(np.abs(ours - theirs.numpy()).max()))
    if max(furthest.values()) > TOLERANCE:
        raise InvalidError("parity", f"ONNX Runtime and torch differ by {max(furthest.values()):.2g}.")
    return {
        "samples": count,
        "tolerance": TOLERANCE,
        **{f"largest_{k}_difference": v for k, v in furthest.items()},
    }
