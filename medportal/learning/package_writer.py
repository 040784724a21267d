"""Writes a package: network, manifest, card, golden input and output."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medportal.inference.manifest import InputSpec, Manifest, ModelFile, OutputSpec, parse_manifest
from medportal.inference.package import GOLDEN_INPUT, GOLDEN_OUTPUT, MANIFEST, open_package
from medportal.inference.session import Session
from medportal.learning.assess import Assessment
from medportal.learning.export import OPSET, check_parity, export_onnx

INTENDED_USE = "Research and education. Not a medical device; not for diagnosis."
_SOFTWARE = ("torch", "lightning", "monai", "onnx", "onnxruntime", "numpy", "scipy")


def write_package(
    folder: Path,
    *,
    network: nn.Module,
    name: str,
    title: str,
    classes: tuple[str, ...],
    spec: InputSpec,
    config: dict[str, Any],
    recipe: str,
    assessment: Assessment,
    history: list[dict[str, Any]],
    batches: Iterable[NDArray[np.float32]],
    data: dict[str, Any],
) -> Manifest:
    """Write a package into `folder` and return its manifest.

    `batches` hold the validation samples, each (N, channels, rows, columns): parity is checked on all of them, the
    first two become the golden input. Raises InvalidError `parity` or `manifest`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model_path = folder / "model.onnx"
    parameters = export_onnx(network, model_path, channels=spec.channels, size=spec.size)
    later = iter(batches)
    first = next(later)
    parity = check_parity(network, model_path, chain([first], later))
    manifest = Manifest(
        name=name,
        title=title,
        task=recipe,
        classes=classes,
        intended_use=INTENDED_USE,
        input=spec,
        output=OutputSpec(
            temperature=assessment.temperature, top_k=int(config["top_k"]), threshold=assessment.threshold
        ),
        model=ModelFile(sha256=hashlib.sha256(model_path.read_bytes()).hexdigest(), opset=OPSET, parameters=parameters),
        trained={
            "recipe": recipe,
            "config": config,
            "seed": config["seed"],
            "data": data,
            "metrics": {
                "test": assessment.metrics,
                "test_slices": assessment.slice_metrics,
                "counts": assessment.counts,
                "epochs": len(history),
            },
            "parity": parity,
            "software": {package: _version(package) for package in _SOFTWARE},
        },
    )
    document = manifest.to_json()
    parse_manifest(document)
    (folder / MANIFEST).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(card(manifest))
    golden = first[:2]
    np.save(folder / GOLDEN_INPUT, golden)
    np.save(folder / GOLDEN_OUTPUT, Session(open_package(folder), use_gpu=False).run(golden)[0])
    return manifest


def _version(package: str) -> str:
    names = (package, "onnxruntime-gpu") if package == "onnxruntime" else (package,)
    for name in names:
        try:
            return version(name)
        except ModuleNotFoundError:
            continue
    return ""


def card(manifest: Manifest) -> str:
    """Return the model card (after Mitchell et al. 2019) in Markdown."""
    trained = manifest.trained
    counts, data = trained["metrics"]["counts"], trained["data"]
    rows = "\n".join(
        f"| {name} | {_figure(trained['metrics']['test'][name])} | {_figure(trained['metrics']['test_slices'][name])} |"
        for name in trained["metrics"]["test"]
    )
    control = (
        "\n> **Control.** Trained on labels dealt out anew among patients: not a model, but the measure of chance.\n"
        if trained["config"].get("shuffled_labels")
        else ""
    )
    return f"""# {manifest.title}
{control}
**Not for diagnosis.** {manifest.intended_use}

| | |
|---|---|
| Task | {manifest.task}: {" / ".join(manifest.classes)} |
| Input | {", ".join(manifest.input.modalities)} series; slices resampled to {manifest.input.pixel_mm} mm, {manifest.input.size[0]} × {manifest.input.size[1]}, window {manifest.input.window[0]:g} to {manifest.input.window[1]:g}, {manifest.input.context} neighbour(s) on either side |
| Network | {trained["config"]["network"]}, {manifest.model.parameters:,} parameters, ONNX opset {manifest.model.opset} |
| Verdict | mean of the {manifest.output.top_k} highest slice probabilities ≥ {manifest.output.threshold:.3f}; temperature {manifest.output.temperature:.2f}; both chosen on validation |
| Data | {data.get("description", "")} |
| Training | {trained["metrics"]["epochs"]} epochs, seed {trained["seed"]} |

## Measured on the test split

{counts["series"]} series of {counts["groups"]} patients ({counts["slices"]} labelled slices), none of which took part in training or in choosing the threshold. 95 % intervals by bootstrap over patients.

| | series | slices (at 0.5) |
|---|---|---|
{rows}

## Limits

{data.get("limits", "It knows what it was trained on, and nothing else: other scanners, protocols, ages and diseases are untested.")}

ONNX Runtime and torch agree within {max(v for k, v in trained["parity"].items() if k.startswith("largest")):.1g} on {trained["parity"]["samples"]} validation samples.
"""


def _figure(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f}–{figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"
