"""Two processes train as one: torchrun starts them, gloo carries their gradients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from medportal.inference.package import open_package
from medportal.learning import checkpoints
from tests.learning.test_child import spec_in


def test_two_processes_make_one_package(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, epochs=2, batch_size=8, minutes=10)
    words = ["--standalone", "--nproc-per-node", "2", "-m", "medportal.learning.child", str(spec)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    # Only the first process speaks of epochs and writes.
    assert [m["epoch"] for m in said if m["type"] == "epoch"] == [1, 2]
    assert [m["type"] for m in said].count("finished") == 1
    assert open_package(tmp_path / "package").manifest.model.opset == 20
    found = checkpoints.load(tmp_path / "checkpoint")
    assert found is not None
    # Each process takes half of the samples, so there are half as many steps.
    steps = {int(v) for k, v in found[0].items() if k.endswith("/step")}
    samples = 12 * 6 * 2
    assert steps == {2 * -(-samples // 2 // 8)}
