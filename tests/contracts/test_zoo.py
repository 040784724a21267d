"""The package that ships with the source is whole, small, and gives the answers that it was shipped with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from medportal.inference.gate import check_model
from medportal.inference.package import open_package
from medportal.inference.session import Session, check_golden
from medportal.zoo.services import SHIPPED_MODEL

ZOO = Path(__file__).resolve().parents[2] / "model_zoo"
FOLDER = ZOO / "demo" / SHIPPED_MODEL / "1"
LIMIT_BYTES = 1024 * 1024


@pytest.fixture
def manifest() -> dict[str, Any]:
    return dict(json.loads((FOLDER / "manifest.json").read_text()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((ZOO / "manifest.schema.json").read_text()))


def test_it_holds_what_a_package_holds_and_is_small() -> None:
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    variants = {"model.fp16.onnx", "model.int8.onnx"}
    assert set(files) == {"model.onnx", "manifest.json", "README.md", "golden.npz"} | variants
    assert sum(files.values()) <= LIMIT_BYTES


def test_its_manifest_is_valid_and_names_its_network(manifest: dict[str, Any]) -> None:
    schema = json.loads((ZOO / "manifest.schema.json").read_text())
    jsonschema.validate(manifest, schema, cls=jsonschema.Draft202012Validator)
    assert manifest["name"] == SHIPPED_MODEL
    assert manifest["model"]["sha256"] == hashlib.sha256((FOLDER / "model.onnx").read_bytes()).hexdigest()
    assert manifest["is_for_diagnosis"] is False
    assert manifest["input"]["modalities"] == ["CT"]


def test_its_network_passes_the_gate() -> None:
    check_model(FOLDER / "model.onnx")


def test_its_golden_input_gives_its_golden_output() -> None:
    package = open_package(FOLDER)
    assert check_golden(package) < 1e-3
    (samples,), _ = package.golden()
    answers = Session(package, use_gpu=False).run(samples[:1])
    logits, activation = answers["logits"], answers["activation"]
    assert logits.shape == (1, len(package.manifest.classes))
    assert 0 <= activation.min() <= activation.max() <= 1
    assert np.isfinite(activation).all()


def test_its_figures_are_those_of_patients_it_has_not_seen(manifest: dict[str, Any]) -> None:
    trained = manifest["trained"]
    assert trained["metrics"]["split"] == "test"
    assert trained["metrics"]["figures"]["accuracy"]["value"] >= 0.95
    assert trained["metrics"]["groups"] >= 10
    assert trained["parity"]["largest_logits_difference"] <= trained["parity"]["tolerance"]


def test_its_card_says_what_it_is_not(manifest: dict[str, Any]) -> None:
    card = (FOLDER / "README.md").read_text()
    assert "Not for diagnosis" in card
    assert "phantom" in card
    assert f"{manifest['trained']['metrics']['figures']['accuracy']['value']:.3f}" in card
