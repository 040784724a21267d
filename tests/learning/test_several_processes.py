"""Two processes train as one: torchrun or the training itself starts them, gloo carries their gradients."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from medportal.inference.package import open_package
from medportal.learning import checkpoints
from tests.learning.test_child import spec_in
from tests.processes import torchrun, wait_until


def test_two_processes_make_one_package(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, epochs=2, batch_size=8, minutes=10)
    done = torchrun(spec)
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


def test_a_training_starts_the_second_itself_and_none_outlives_it(tmp_path: Path) -> None:
    from medportal.training.child import TrainingChild

    spec = json.loads(spec_in(tmp_path, epochs=50, batch_size=8, minutes=10, devices=2).read_text())
    with TrainingChild(spec, tmp_path / "attempt", threads=1) as child:
        told = iter(child.messages(poll_s=240))
        while (message := next(told)) is None or message["type"] != "epoch":
            assert message is not None, child.last_words()
        group = child.group
        assert len(_members(group)) == 2
    wait_until(lambda: not _members(group), 5, "the end of both")


def _members(group: int) -> list[str]:
    """Return the command lines of the processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # Behind the name, which may hold anything: state, parent, group.
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(of) == group and state != "Z":
                found.append((stat.parent / "cmdline").read_text())
    return found
