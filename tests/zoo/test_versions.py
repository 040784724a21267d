"""Packages become numbered versions: checked first, durable, never overwritten; and what is no package stays out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from medportal.errors import MedportalError
from medportal.zoo import packages, services
from medportal.zoo.models import Model, ModelVersion, Origin
from tests.inference.test_gate import external
from tests.packages import bright_model, make_package, register


def enter(team: Any, source: Path, **more: Any) -> ModelVersion:
    return services.register_package(team, "bright", source, origin=Origin.TRAINED, metrics={}, created_by=None, **more)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_versions_are_numbered_and_each_keeps_its_files(team: Any, tmp_path: Path) -> None:
    sources = [make_package(tmp_path / str(n), turns=n) for n in range(3)]
    versions = [enter(team, source) for source in sources]
    assert [version.number for version in versions] == [1, 2, 3]
    for version, source in zip(versions, sources, strict=True):
        assert content(packages.package_dir(version)) == content(source)
        assert version.stage == "candidate"
    assert sorted(path.name for path in packages.model_dir(team.slug, "bright").iterdir()) == ["1", "2", "3"]


def test_a_job_gives_one_version_however_often_it_is_entered(team: Any, tmp_path: Path) -> None:
    source, job = make_package(tmp_path / "p"), uuid4()
    assert enter(team, source, job_id=job) == enter(team, source, job_id=job)
    assert ModelVersion.objects.filter(model__team=team).count() == 1


def test_a_folder_that_is_there_is_never_written_to(team: Any, tmp_path: Path) -> None:
    """As when somebody has laid one there by hand, or a database was set back."""
    folder = packages.model_dir(team.slug, "bright") / "1"
    make_package(folder, turns=9)
    before = content(folder)
    version = enter(team, make_package(tmp_path / "p"))
    assert version.number == 2
    assert content(folder) == before


def test_a_folder_with_the_same_files_becomes_the_version(team: Any, tmp_path: Path) -> None:
    """As a package in the checkout, or one whose transaction was cut off."""
    make_package(packages.model_dir(team.slug, "bright") / "1")
    assert enter(team, make_package(tmp_path / "p")).number == 1
    assert [path.name for path in packages.model_dir(team.slug, "bright").iterdir()] == ["1"]


def test_a_version_that_was_not_committed_is_entered_at_the_next_try(team: Any, tmp_path: Path) -> None:
    source = make_package(tmp_path / "p")
    staged = packages.stage_package(team.slug, "bright", source)
    with pytest.raises(RuntimeError), transaction.atomic():
        services.enter_package(staged, team, "bright", origin=Origin.TRAINED, metrics={}, created_by=None)
        raise RuntimeError
    assert not Model.objects.filter(team=team).exists()
    assert enter(team, source).number == 1


def leak(folder: Path) -> None:
    model = bright_model()
    model.graph.initializer.append(external())
    make_package(folder, network=model.SerializeToString())


def unknown_member(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"entry_point": "run.py"}))


def path_in_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    document["model"]["file"] = "../../other/1/model.onnx"
    path.write_text(json.dumps(document))


def link(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to("/etc/passwd")


def another_variant(folder: Path) -> None:
    make_package(folder, variants=("fp16",))
    (folder / "model.fp16.onnx").write_bytes(bright_model().SerializeToString())


def leak_in_variant(folder: Path) -> None:
    make_package(folder, variants=("fp16",))
    model = bright_model()
    model.graph.initializer.append(external())
    content = model.SerializeToString()
    (folder / "model.fp16.onnx").write_bytes(content)
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    document["variants"][0]["sha256"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(document))


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "external data": (leak, "external_data_not_allowed"),
    "another network": (lambda f: (f / "model.onnx").write_bytes(b"other"), "digest_mismatch"),
    "an unknown member": (unknown_member, "manifest"),
    "a path in the manifest": (path_in_manifest, "manifest"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "manifest"),
    "a manifest nested without end": (lambda f: (f / "manifest.json").write_text("[" * 100_000), "manifest"),
    "no network": (lambda f: (f / "model.onnx").unlink(), "not_a_package"),
    "another variant": (another_variant, "digest_mismatch"),
    "external data in a variant": (leak_in_variant, "external_data_not_allowed"),
    "a link": (link, "not_a_package"),
    "a folder": (lambda f: (f / "sub").mkdir(), "not_a_package"),
    "a hidden file": (lambda f: (f / ".env").write_text("x"), "not_a_package"),
    "many files": (lambda f: [(f / f"{n}.txt").touch() for n in range(40)], "not_a_package"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_valid_package_is_refused_and_leaves_nothing(team: Any, tmp_path: Path, fault: str) -> None:
    spoil, code = FAULTS[fault]
    source = make_package(tmp_path / "p")
    spoil(source)
    with pytest.raises(MedportalError) as refused:
        enter(team, source)
    assert refused.value.code == code
    assert not Model.objects.filter(team=team).exists()
    folder = packages.model_dir(team.slug, "bright")
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["../other", "..", "a/b", "A", ""])
def test_a_name_that_is_a_path_is_refused(team: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(MedportalError) as refused:
        services.register_package(
            team, name, make_package(tmp_path / "p"), origin=Origin.TRAINED, metrics={}, created_by=None
        )
    assert refused.value.code == "model_name"


@pytest.mark.parametrize("change", [{"turns": 1}, {"output": {"thresholds": [0.01]}}])
def test_a_package_changed_on_disk_is_noticed_before_it_runs(team: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    version = register(team, tmp_path)
    assert packages.open_version(version).sha256 == version.sha256
    make_package(packages.package_dir(version), **change)
    with pytest.raises(MedportalError) as refused:
        packages.open_version(version)
    assert refused.value.code == "digest_mismatch"
