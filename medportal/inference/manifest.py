"""What a package says of itself: read from JSON, checked against the schema, typed. Loads no runtime."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from medportal.errors import InvalidError

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "model_zoo" / "manifest.schema.json"
FORMAT = 1


@dataclass(frozen=True)
class InputSpec:
    """How a series becomes samples; see model_zoo/README.md."""

    modalities: tuple[str, ...]
    minimum_slices: int
    window: tuple[float, float]
    pixel_mm: float
    size: tuple[int, int]
    context: int

    @property
    def channels(self) -> int:
        """Channels of a sample."""
        return 2 * self.context + 1


@dataclass(frozen=True)
class OutputSpec:
    """How logits become a verdict."""

    temperature: float
    top_k: int
    threshold: float
    aggregate: str = "mean_of_top_k"


@dataclass(frozen=True)
class ModelFile:
    """The network's file."""

    sha256: str
    opset: int
    input_name: str = "image"
    logits_name: str = "logits"
    activation_name: str = "activation"
    file: str = "model.onnx"
    parameters: int = 1


@dataclass(frozen=True)
class Manifest:
    """The whole of manifest.json."""

    name: str
    title: str
    task: str
    classes: tuple[str, ...]
    intended_use: str
    input: InputSpec
    output: OutputSpec
    model: ModelFile
    trained: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    is_for_diagnosis: bool = False
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Return what manifest.json holds."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text()))


def parse_manifest(document: Any) -> Manifest:
    """Return the manifest that a JSON document describes; raises InvalidError `manifest` naming the place."""
    errors = sorted(_validator().iter_errors(document), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        place = "/".join(map(str, errors[0].absolute_path)) or "the document"
        raise InvalidError("manifest", f"The manifest is not valid at {place}: {errors[0].message[:200]}")
    inputs = document["input"]
    if inputs["window"][0] >= inputs["window"][1]:
        raise InvalidError("manifest", "The manifest is not valid at input/window: the first value must be the lower.")
    return Manifest(
        **{
            **document,
            "classes": tuple(document["classes"]),
            "input": InputSpec(
                **{
                    **inputs,
                    "modalities": tuple(inputs["modalities"]),
                    "window": tuple(inputs["window"]),
                    "size": tuple(inputs["size"]),
                }
            ),
            "output": OutputSpec(**document["output"]),
            "model": ModelFile(**document["model"]),
        }
    )


def check_name(name: str) -> None:
    """Refuse a model's name that no manifest could bear; raises InvalidError `model_name`."""
    if not re.fullmatch(_validator().schema["properties"]["name"]["pattern"], name):  # type: ignore[index]
        raise InvalidError(
            "model_name",
            "A model's name is made of small letters, digits and hyphens, at most 80, and begins with no hyphen.",
        )


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.json; raises InvalidError `manifest`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidError("manifest", "The package has no readable manifest.json.") from error
    return parse_manifest(document)
