"""The training child: what it says, and that it ends when told to, or when its parent does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medportal.inference.package import open_package
from medportal.inference.session import Session
from medportal.learning.child import EXIT_CANCELLED, EXIT_FAILED, EXIT_ORPHANED
from tests.learning import chests

STAGES = ["loading", "training", "exporting", "evaluating", "shrinking"]


def spec_in(folder: Path, **settings: Any) -> Path:
    config = chests.config(**settings)
    chests.prepare(folder / "data", config)
    spec = {
        "recipe": "classification",
        "config": config,
        "data_dir": str(folder / "data"),
        "checkpoint_dir": str(folder / "checkpoint"),
        "output_dir": str(folder / "package"),
        "kind": "classes",
        "classes": chests.CLASSES,
        "modalities": ["CT"],
        "model": {"name": "spots", "title": "Spots"},
        "data": {"description": "spots in noise", "limits": "Spots alone."},
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(spec))
    return path


def start(spec: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "medportal.learning.child", str(spec)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def messages_until(child: subprocess.Popen[str], type_: str) -> list[dict[str, Any]]:
    assert child.stdout is not None
    found = []
    for line in child.stdout:
        found.append(json.loads(line))
        if found[-1]["type"] == type_:
            return found
    raise AssertionError(f"the child ended without {type_}: {found[-3:]}")


def test_a_run_ends_with_a_package_that_runs(tmp_path: Path) -> None:
    child = start(spec_in(tmp_path, epochs=2))
    said = messages_until(child, "finished")
    assert child.wait(30) == 0

    assert [m["epoch"] for m in said if m["type"] == "epoch"] == [1, 2]
    assert [m["stage"] for m in said if m["type"] == "stage"] == STAGES
    package = open_package(tmp_path / "package")
    assert said[-1]["sha256"] == package.manifest.model.sha256
    assert package.manifest.trained["data"]["description"] == "spots in noise"
    # On the whole validation split: a quarter of 24 series, of six slices each.
    assert package.manifest.trained["parity"]["samples"] == 36
    card = (tmp_path / "package" / "README.md").read_text()
    assert "Not for diagnosis" in card
    assert "all 36 samples of the validation split" in card
    assert Session(package, use_gpu=False).provider == "CPU"


def test_told_to_stop_it_says_so(tmp_path: Path) -> None:
    child = start(spec_in(tmp_path, epochs=1000))
    messages_until(child, "epoch")
    assert child.stdin is not None
    child.stdin.write('{"cancel": true}\n')
    child.stdin.flush()

    messages_until(child, "cancelled")
    assert child.wait(5) == EXIT_CANCELLED


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    child = start(spec_in(tmp_path, epochs=1000))
    messages_until(child, "epoch")
    assert child.stdin is not None
    child.stdin.close()

    assert child.wait(5) == EXIT_ORPHANED


@pytest.mark.parametrize("broken", ["index.json", "images.raw"])
def test_data_that_cannot_be_read_is_a_failure_that_is_told(tmp_path: Path, broken: str) -> None:
    spec = spec_in(tmp_path)
    (tmp_path / "data" / broken).write_bytes(b"")
    child = start(spec)
    said = messages_until(child, "failed")

    assert said[-1]["code"]
    assert child.wait(30) == EXIT_FAILED
