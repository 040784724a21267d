"""Small model packages of each task, made by code of `tests.networks`: what they answer is known beforehand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from tests.networks import (
    CONTEXT,
    EVEN,
    LATENT,
    SIZE,
    STEEPNESS,
    STRIDE,
    blob_model,
    blur_model,
    bright_model,
    flat_model,
    threshold_model,
)

__all__ = ["bright_model", "make_package", "manifest_of", "register"]
CLASSES = ("normal", "lung cancer")
WINDOW = {"kind": "window", "low": -1000.0, "high": 1000.0}
_INPUT: dict[str, Any] = {
    "modalities": ["CT"],
    "minimum_slices": 1,
    "dimensions": 2,
    "colour": False,
    "scaling": WINDOW,
    "fit": "pixels",
    "size": None,
    "spacing_mm": None,
    "multiple": 4,
    "context": 0,
}
# task → (classes, input, output, names of the network's inputs, and of its outputs)
TASKS: dict[str, tuple[Any, dict[str, Any], dict[str, Any], list[str], list[str]]] = {
    "classification": (
        CLASSES,
        {
            "minimum_slices": 3,
            "fit": "millimetres",
            "size": [SIZE, SIZE],
            "spacing_mm": [4.0, 4.0],
            "multiple": 1,
            "context": CONTEXT,
        },
        {
            "activation": "softmax",
            "temperature": 1.0,
            "aggregate": "mean_of_top_k",
            "top_k": 2,
            "thresholds": [0.5],
        },
        ["image"],
        ["logits", "activation"],
    ),
    "segmentation": (
        ("lesion", "bone"),
        {},
        {"tile": [32, 32], "overlap": 0.5, "minimum_voxels": 0, "instances": False},
        ["image"],
        ["logits"],
    ),
    "detection": (
        ("nodule",),
        {},
        {
            "stride": STRIDE,
            "score_threshold": 0.6,
            "iou_threshold": 0.3,
            "maximum": 20,
            "tile": None,
            "overlap": 0.5,
        },
        ["image"],
        ["heat", "extent"],
    ),
    "autoencoder": (
        (),
        {"fit": "frame", "size": [SIZE, SIZE]},
        {"full_scale": 0.5, "threshold": 0.2, "smoothing": 0.0, "share": 0.01, "compression": 16.0},
        ["image"],
        ["reconstruction", "embedding"],
    ),
    "generation": (
        CLASSES,
        {"fit": "frame", "size": [16, 16]},
        {"latent": LATENT, "modality": "CT", "spacing_mm": [2.0, 2.0]},
        ["latent", "class"],
        ["image"],
    ),
}


def network_of(task: str, *, dimensions: int = 2, segments: int = 2) -> onnx.ModelProto:
    """The network by hand for a task."""
    match task:
        case "segmentation":
            return threshold_model(dimensions, segments=segments)
        case "detection":
            return blob_model(dimensions)
        case "autoencoder":
            return blur_model()
        case "generation":
            return flat_model()
    return bright_model()


def manifest_of(network: bytes, *, task: str = "classification", **changes: Any) -> dict[str, Any]:
    """A valid manifest for a network; `changes` replace members of it, one level deep where both are objects."""
    classes, spec, output, inputs, outputs = TASKS[task]
    document: dict[str, Any] = {
        "format": 2,
        "name": "bright",
        "title": "What is bright",
        "task": task,
        "classes": list(classes),
        "intended_use": "Tests.",
        "input": _INPUT | spec,
        "output": dict(output),
        "model": {
            "file": "model.onnx",
            "sha256": hashlib.sha256(network).hexdigest(),
            "opset": 20,
            "inputs": list(inputs),
            "outputs": list(outputs),
        },
        "trained": {"recipe": task, "config": {}, "metrics": {"test": {"auc": {"value": 1.0}}}},
    }
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(document.get(name), dict)
        document[name] = document[name] | value if both else value
    return document


def make_package(
    folder: Path,
    *,
    turns: int = 0,
    network: bytes = b"",
    task: str = "classification",
    dimensions: int = 2,
    has_embedding: bool = False,
    variants: tuple[str, ...] = (),
    **changes: Any,
) -> Path:
    """Write a package and return its folder; `changes` are those of `manifest_of`.

    A variant is twice as steep, so that it can be told from the network itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = bright_model(turns=turns, has_embedding=has_embedding) if task == "classification" else None
    content = network or (own or network_of(task, dimensions=dimensions)).SerializeToString()
    if has_embedding:
        changes["model"] = {"outputs": ["logits", "activation", "embedding"]} | changes.get("model", {})
    if dimensions == 3:
        changes["input"] = {"dimensions": 3} | changes.get("input", {})
        changes["output"] = {"tile": [16, 32, 32]} | changes.get("output", {})
    changes["variants"] = [_write_variant(folder, precision) for precision in variants]
    document = manifest_of(content, task=task, **changes)
    (folder / "model.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(document))
    (folder / "README.md").write_text("# What is bright\n\n**Not for diagnosis.**\n")
    _write_golden(folder, document, is_by_hand=task == "classification")
    return folder


def _write_variant(folder: Path, precision: str) -> dict[str, Any]:
    content = bright_model(steepness=2 * STEEPNESS).SerializeToString()
    content += b"" if precision == "fp16" else b"\x32\x04" + precision.encode()[:4].ljust(4)
    (folder / f"model.{precision}.onnx").write_bytes(content)
    return {
        "precision": precision,
        "file": f"model.{precision}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "metric": "auc",
        "value": 0.99,
        "loss": 0.01,
    }


def _write_golden(folder: Path, document: dict[str, Any], *, is_by_hand: bool) -> None:
    """Write an input with one bright place, and what the network answers: worked out by hand for the classifier."""
    outputs = document["model"]["outputs"]
    if is_by_hand:
        images = np.zeros((2, 2 * CONTEXT + 1, SIZE, SIZE), np.float32)
        images[1, CONTEXT, 8:12, 8:12] = 1.0
        low, high = -STEEPNESS * EVEN, STEEPNESS * (1 - EVEN)
        activation = np.full((2, 2, SIZE // STRIDE, SIZE // STRIDE), 0.5, np.float32)
        activation[:, 1] = 1 / (1 + np.exp(-low))
        activation[1, 1, 2, 2] = 1 / (1 + np.exp(-high))
        answers: dict[str, Any] = {"logits": np.array([[0, low], [0, high]], np.float32), "activation": activation}
        if "embedding" in outputs:
            answers["embedding"] = images[:, CONTEXT].reshape(2, 4, 8, 4, 8).mean(axis=(2, 4)).reshape(2, 16)
        np.savez(folder / "golden.npz", image=images, **answers)
        return
    inputs = _golden_inputs(document)
    np.savez(folder / "golden.npz", **inputs, **run_network(folder / "model.onnx", inputs, outputs))


def _golden_inputs(document: dict[str, Any]) -> dict[str, np.ndarray]:
    if document["task"] == "generation":
        one_hot = np.eye(max(1, len(document["classes"])), dtype=np.float32)
        latent = np.random.default_rng(0).standard_normal((len(one_hot), LATENT)).astype(np.float32)
        return {"latent": latent, "class": one_hot}
    sides, channels = (SIZE,) * document["input"]["dimensions"], 3 if document["input"]["colour"] else 1
    return {"image": np.random.default_rng(0).random((1, channels, *sides)).astype(np.float32)}


def run_network(path: Path, inputs: dict[str, np.ndarray], outputs: list[str]) -> dict[str, np.ndarray]:
    """What ONNX Runtime alone says."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip(outputs, session.run(outputs, inputs), strict=True))


def register(team: Any, folder: Path, *, name: str = "bright", stage: str = "production", **changes: Any) -> Any:
    """Make a package below `folder` and enter it as the team's next version of a model."""
    from medportal.zoo.models import Origin
    from medportal.zoo.services import promote, register_package

    source = make_package(folder / name, **changes)
    metrics = {"auc": {"value": 1.0, "low": None, "high": None}}
    version = register_package(team, name, source, origin=Origin.TRAINED, metrics=metrics, created_by=None)
    return promote(version, actor=None) if stage == "production" else version
