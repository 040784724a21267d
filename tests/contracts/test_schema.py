"""The API's description is whole, and the page's types are made from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
GENERATED = FRONTEND / "src" / "api" / "schema.gen.ts"


@pytest.fixture(scope="module")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the schema as `npm run types` does; a warning is a failure."""
    folder = tmp_path_factory.mktemp("schema")
    path = folder / "schema.json"
    command = ["manage.py", "spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", "--file", path]
    env = os.environ | {"MEDPORTAL_DATA_DIR": str(folder)}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def schema(schema_file: Path) -> dict[str, Any]:
    return dict(json.loads(schema_file.read_text()))


def test_every_operation_has_a_name_and_says_what_it_answers(schema: dict[str, Any]) -> None:
    names = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["responses"], f"{method} {path}"
    assert len(names) == len(set(names)) > 30


def test_every_route_of_the_api_is_described(schema: dict[str, Any]) -> None:
    from tests.contracts.permissions import TABLE

    described = sum(len(methods) for methods in schema["paths"].values())
    undescribed = ("dicomweb", "healthz", "readyz", "page", "GET schema", "GET docs")
    assert described == sum(1 for key in TABLE if not any(word in key for word in undescribed))


def test_payloads_of_events_are_components(schema: dict[str, Any]) -> None:
    from importlib import import_module

    components = schema["components"]["schemas"]
    declared: set[str] = set()
    for path in (ROOT / "medportal").glob("*/serializers.py"):
        declared |= set(getattr(import_module(f"medportal.{path.parent.name}.serializers"), "EVENTS", {}))
    assert declared >= {"job.changed", "slice.predicted", "series.verdict", "epoch.finished", "model.changed"}
    assert set(components["Events"]["properties"]) == declared
    for reference in components["Events"]["properties"].values():
        assert reference["$ref"].rsplit("/", 1)[-1] in components


def test_every_event_that_is_told_is_declared(schema: dict[str, Any]) -> None:
    """Every type that the source publishes or emits has a component."""
    import ast

    told = set()
    for path in (ROOT / "medportal").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"publish", "emit"}:
                told |= {a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    assert "job.changed" in told
    assert told <= set(schema["components"]["schemas"]["Events"]["properties"])


def test_the_pages_types_are_up_to_date(schema_file: Path, tmp_path: Path) -> None:
    program = FRONTEND / "node_modules" / ".bin" / "openapi-typescript"
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    if not program.exists() or shutil.which("node", path=path) is None:
        pytest.skip("Node or the page's packages are not installed: make frontend")
    fresh = tmp_path / "schema.gen.ts"
    done = subprocess.run(
        [program, schema_file, "-o", fresh],
        cwd=FRONTEND,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert fresh.read_text() == GENERATED.read_text(), "out of date: make types"
