"""Every task that is sent by name exists in the worker of the queue to which it is sent."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _registered(queue: str, data_dir: Path) -> set[str]:
    """Ask a fresh process, as the worker of `queue` would see it."""
    program = (
        "import json; from medportal.config.celery import app; app.loader.import_default_modules();"
        "print(json.dumps([name for name in app.tasks if name.startswith('medportal.')]))"
    )
    env = os.environ | {"MEDPORTAL_QUEUE": queue, "MEDPORTAL_DATA_DIR": str(data_dir)}
    env["DJANGO_SETTINGS_MODULE"] = "medportal.config.settings"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.strip().splitlines()[-1]))


def _named_in_source() -> set[str]:
    """Every string constant of the source that looks like the name of a task."""
    names: set[str] = set()
    for path in (ROOT / "medportal").rglob("*.py"):
        if path.name == "tasks.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value.split(".")
                if len(words) == 4 and words[0] == "medportal" and words[2] == "tasks":
                    names.add(node.value)
    return names


def test_every_name_sent_is_registered(tmp_path: Path) -> None:
    registered = set.union(*(_registered(queue, tmp_path) for queue in ("default", "training", "inference")))
    named = _named_in_source()
    assert named, "no task is named anywhere: the search is broken"
    assert named <= registered


@pytest.mark.parametrize("other", ["default", "training"])
def test_worker_imports_only_its_own_tasks(other: str, tmp_path: Path) -> None:
    shared = _registered("inference", tmp_path) & _registered(other, tmp_path)
    assert not {name for name in shared if ".analysis." in name or ".training." in name}


def test_a_training_is_known_where_trainings_are_sent(tmp_path: Path) -> None:
    from medportal.training import services

    assert services.TASK in _registered(services.QUEUE, tmp_path)
    assert services.PREVIEW_TASK in _registered(services.PREVIEW_QUEUE, tmp_path)
