"""What the zoo's README shows runs as it stands there, with what it names alone, and says what the site says."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medportal.imaging.decoder import Decoder
from medportal.imaging.stacks import load_files
from medportal.imaging.volumes import Volume
from medportal.inference.generate import generate
from medportal.inference.package import open_package
from medportal.inference.predict import answer
from medportal.inference.session import Session
from tests import dicom
from tests.packages import make_package
from tests.processes import ROOT

README = ROOT / "model_zoo" / "README.md"
NEEDED = {"numpy", "scipy", "onnxruntime", "pydicom", "PIL"}
Run = Callable[..., tuple[dict[str, Any], Any]]


def scripts() -> dict[str, str]:
    """The README's scripts by name."""
    blocks = re.findall(r"```python\n(# (\w+\.py).*?)```", README.read_text(), re.DOTALL)
    return {name: text for text, name in blocks}


def test_there_is_a_script_for_each_task_and_it_needs_what_it_says() -> None:
    assert list(scripts()) == [
        "prepare.py",
        "classify.py",
        "segment.py",
        "detect.py",
        "reconstruct.py",
        "generate.py",
    ]
    for name, text in scripts().items():
        imported = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
        assert imported - NEEDED - set(sys.stdlib_module_names) <= {"prepare"}, name


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that makes a package and runs a script in it; gives its names, and the site's session."""
    folder = tmp_path / "package"

    def run(script: str, *, series: list[bytes] = (), **changes: Any) -> tuple[dict[str, Any], Any]:  # type: ignore[assignment]
        make_package(folder, **changes)
        session = Session(open_package(folder), use_gpu=False)
        for name, text in scripts().items():
            (folder / name).write_text(text)
        (folder / "series").mkdir()
        for number, content in enumerate(series):
            (folder / "series" / f"{number}.dcm").write_bytes(content)
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(folder))
        sys.modules.pop("prepare", None)
        try:
            return runpy.run_path(str(folder / script)), session
        finally:
            sys.modules.pop("prepare", None)

    return run


def volume() -> Volume:
    """The series as the site reads it."""
    return load_files(sorted(Path("series").iterdir()), Decoder())


def ct(count: int = 12, rows: int = 48) -> list[bytes]:
    """Slices of noise and bright cubes, in disorder."""
    rng = np.random.default_rng(count)
    stack = rng.integers(0, 1500, (count, rows, rows))
    stack[2:8, 12:20, 16:28] = 2400
    common = {name: dicom.new_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
    slices = [
        dicom.ct_slice(one.astype(np.uint16), slice_mm=2.5 * number, InstanceNumber=number + 1, **common)
        for number, one in enumerate(stack)
    ]
    return slices[1::2] + slices[::2]


PERCENTILES = {"scaling": {"kind": "percentiles", "low": 1.0, "high": 99.0}}


@pytest.mark.parametrize("spec", [{}, PERCENTILES])
def test_classification(run: Run, spec: dict[str, Any]) -> None:
    names, session = run("classify.py", series=ct(), input=spec | {"spacing_mm": [1.0, 1.0]})
    expected = answer(session, volume())
    np.testing.assert_allclose(names["series"], expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(names["chances"], expected.slice_probabilities, atol=1e-5)


SCALED = {"fit": "millimetres", "spacing_mm": [0.7, 0.9], "multiple": 8}
SCALED_3D = {"fit": "millimetres", "spacing_mm": [2.0, 0.7, 0.9], "multiple": 8}


@pytest.mark.parametrize("islands", [0, 12])
@pytest.mark.parametrize(("dimensions", "spec"), [(2, {}), (2, SCALED), (3, {}), (3, SCALED_3D)])
def test_segmentation(run: Run, dimensions: int, spec: dict[str, Any], islands: int) -> None:
    tile = [24, 24] if dimensions == 2 else [8, 24, 24]
    changes = {"input": spec, "output": {"minimum_voxels": islands, "tile": tile}}
    names, session = run("segment.py", series=ct(), task="segmentation", dimensions=dimensions, **changes)
    expected = answer(session, volume()).mask
    assert expected is not None
    assert expected.any()
    assert (names["mask"] != expected).mean() < 1e-4


@pytest.mark.parametrize(("dimensions", "spec"), [(2, {}), (2, SCALED), (3, {}), (3, SCALED_3D)])
def test_detection(run: Run, dimensions: int, spec: dict[str, Any]) -> None:
    tile = None if dimensions == 2 else [8, 24, 24]
    changes = {"input": spec, "output": {"tile": tile, "score_threshold": 0.55, "iou_threshold": 0.2}}
    names, session = run("detect.py", series=ct(), task="detection", dimensions=dimensions, **changes)
    expected = sorted(answer(session, volume()).boxes, key=lambda box: (box.low, box.score))
    found = sorted(names["boxes"], key=lambda box: (tuple(box["low"]), box["score"]))
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert one["label"] == other.label
        np.testing.assert_allclose([*one["low"], *one["high"]], [*other.low, *other.high], atol=1e-3)
        assert one["score"] == pytest.approx(other.score, abs=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 1.5])
def test_autoencoder(run: Run, smoothing: float) -> None:
    changes = {"output": {"smoothing": smoothing}, "input": {"size": [32, 32]}}
    names, session = run("reconstruct.py", series=ct(), task="autoencoder", **changes)
    np.testing.assert_allclose(names["scores"], answer(session, volume()).scores, atol=1e-5)


def test_generation(run: Run) -> None:
    names, session = run("generate.py", task="generation")
    np.testing.assert_allclose(names["images"], list(generate(session, count=16, seed=0)), atol=1e-6)
    assert Image.open("synthetic-3.png").size == (16, 16)


def test_a_picture_is_read_as_the_site_reads_it(run: Run, tmp_path: Path) -> None:
    """In colours, for a model that sees none."""
    pixels = dicom.noise(40, 60, high=256, samples=3)
    names, session = run(
        "classify.py",
        series=ct(4),
        input={"fit": "frame", "spacing_mm": None, "scaling": {"kind": "window", "low": 0.0, "high": 255.0}},
    )
    Image.fromarray(pixels).save("picture.png")
    array, spacing = names["load"]("picture.png")
    np.testing.assert_array_equal(array[0], pixels)
    prepared, _ = names["prepare"](array, spacing)
    from medportal.inference.preprocess import prepare_volume

    seen = Volume(pixels[np.newaxis], (1.0, 1.0, 1.0), sop_instance_uids=("1",), frames=(1,))
    expected, _ = prepare_volume(session.package.manifest.input, seen)
    np.testing.assert_allclose(prepared, expected, atol=1e-3)
    shutil.rmtree(tmp_path / "package")
