"""The web process and the command line load neither torch nor onnxruntime."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "lightning", "monai", "torchmetrics", "onnxruntime", "onnx", "imagecodecs")


@pytest.mark.parametrize(
    "entrance",
    [
        "import medportal.config.asgi; from django.urls import get_resolver; len(get_resolver().url_patterns)",
        "import django; django.setup(); from django.core.management import get_commands; get_commands()",
    ],
    ids=["asgi and every route", "manage.py"],
)
def test_entrance_loads_no_heavy_package(entrance: str, tmp_path: Path) -> None:
    program = f"{entrance}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "medportal.config.settings", "MEDPORTAL_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
