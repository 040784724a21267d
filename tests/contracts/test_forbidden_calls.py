"""Calls that have no place here: pickles, eval, shells, unpacking without a guard, models read from bytes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_CALLS = {"eval", "exec", "mark_safe", "extractall"}
FORBIDDEN_ATTRIBUTES = {"pickle.load", "pickle.loads", "torch.load", "yaml.load", "os.system", "marshal.loads"}
FORBIDDEN_IMPORTS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def _sins(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {node.module or ""} if isinstance(node, ast.ImportFrom) else {a.name for a in node.names}
            found += [f"{where} imports {n}" for n in names if n.split(".")[0] in FORBIDDEN_IMPORTS]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.split(".")[-1] in FORBIDDEN_CALLS and not called.endswith((".eval", "cursor.exec")):
                found.append(f"{where} calls {called}")
            if called in FORBIDDEN_ATTRIBUTES:
                found.append(f"{where} calls {called}")
            if any(k.arg == "shell" and ast.unparse(k.value) == "True" for k in node.keywords):
                found.append(f"{where} starts a shell")
            if called.endswith("InferenceSession") and node.args and "bytes" in ast.unparse(node.args[0]):
                found.append(f"{where} reads a model from bytes")
    return found


def test_no_forbidden_call() -> None:
    assert [sin for path in (ROOT / "medportal").rglob("*.py") for sin in _sins(path)] == []


@pytest.mark.parametrize("folder", ["frontend/src"])
def test_no_raw_html_in_the_page(folder: str) -> None:
    sources = [p for p in (ROOT / folder).rglob("*.ts*") if "gen" not in p.name]
    assert sources
    assert [str(p) for p in sources if "dangerouslySetInnerHTML" in p.read_text()] == []
