"""Writes a package: network, manifest, card, golden inputs and outputs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from medportal.inference.manifest import Manifest, ModelFile, Output, parse_manifest
from medportal.inference.package import GOLDEN, MANIFEST, open_package
from medportal.inference.session import Session
from medportal.learning.card import card
from medportal.learning.export import OPSET, check_parity, export_onnx
from medportal.learning.tasks.base import Task

INTENDED_USE = "Research and education. Not a medical device; not for diagnosis."
_SOFTWARE = ("torch", "lightning", "monai", "onnx", "onnxruntime", "numpy", "scipy")
GOLDEN_SAMPLES = 2


def write_network(folder: Path, task: Task, spec: dict[str, Any], output: Output) -> Manifest:
    """Write network, golden samples and a manifest without figures into `folder`; return the manifest.

    Parity is checked over the validation split, see `check_parity`. Raises InvalidError `parity` or `manifest`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model_path = folder / ModelFile.NAME
    export = task.export()
    parameters = export_onnx(task.averaged, export, model_path)
    parity = check_parity(task, model_path)
    manifest = Manifest(
        name=spec["model"]["name"],
        title=spec["model"]["title"],
        task=spec["recipe"],
        classes=task.classes,
        intended_use=INTENDED_USE,
        input=task.spec,
        output=output,
        model=ModelFile(
            sha256=hashlib.sha256(model_path.read_bytes()).hexdigest(),
            opset=OPSET,
            inputs=export.inputs,
            outputs=export.outputs,
            parameters=parameters,
        ),
        trained={
            "recipe": spec["recipe"],
            "config": task.config,
            "seed": task.config["seed"],
            "data": spec["data"],
            "metrics": {},
            "parity": parity,
            "software": {package: _version(package) for package in _SOFTWARE},
        },
    )
    write_manifest(folder, manifest)
    _write_golden(folder, task)
    return manifest


def _write_golden(folder: Path, task: Task) -> None:
    """Keep the first validation samples and what ONNX Runtime says of them."""
    inputs = [one[:GOLDEN_SAMPLES] for one in next(task.parity_batches())]
    session = Session(open_package(folder), use_gpu=False)
    names = task.export().inputs
    np.savez_compressed(folder / GOLDEN, **dict(zip(names, inputs, strict=True)), **session.run(*inputs))  # type: ignore[arg-type]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest and card, anew or for the first time; raises InvalidError `manifest`."""
    document = manifest.to_json()
    parse_manifest(document)
    (folder / MANIFEST).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    if manifest.trained.get("metrics"):
        (folder / "README.md").write_text(card(manifest))


def with_figures(manifest: Manifest, figures: dict[str, Any]) -> Manifest:
    """Return the manifest with what was measured."""
    return replace(manifest, trained={**manifest.trained, "metrics": figures})


def _version(package: str) -> str:
    names = (package, "onnxruntime-gpu") if package == "onnxruntime" else (package,)
    for name in names:
        try:
            return version(name)
        except ModuleNotFoundError:
            continue
    return ""
