"""How quickly recipes train beside a bare loop of the same network, and packages run beside a bare session.

    python -m tests.benchmarks.learning_speed [--recipes classification,segmentation] [--steps 12] [--json OUT]

Each recipe's task is trained by the real loop (Lightning, batches assembled and augmented as it goes, running average,
reports) and by a bare one: the same network, loss and optimiser on batches that lie in memory already. Both take turns
in one run (A B A B …), and the medians are compared; validation, checkpoints and pictures stand outside both. All runs
with the environment of a training; with --plain without it, as a script of one's own would by default. For inference, the
network run by `inference/`, and `predict` over a whole series, are compared with `session.run` on the same batches,
prepared before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume
from medportal.inference.package import open_package
from medportal.inference.predict import predict
from medportal.inference.session import Session
from medportal.learning.callbacks import Reports
from medportal.learning.loop import LONGEST_GRADIENT, train
from medportal.learning.package_writer import write_network
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.base import Task
from medportal.learning.tasks.known import make_task
from medportal.training.child import QUICK

ROUNDS = 5
SIDES = {"classification": 192, "segmentation": 256, "detection": 256, "autoencoder": 64, "generation": 28}
KINDS = {"classification": "classes", "segmentation": "masks", "detection": "boxes", "autoencoder": "classes"}


def make_series(number: int, side: int, split: str) -> SeriesToPrepare:
    """Return an image of noise with a bright square, with its class, mask and box."""
    rng = np.random.default_rng(number)
    array = rng.integers(0, 120, (1, side, side)).astype(np.int16)
    row, column = (int(v) for v in rng.integers(0, side // 2, 2))
    half = max(2, side // 4)
    array[:, row : row + half, column : column + half] += 100
    mask = np.zeros(array.shape, np.uint16)
    mask[:, row : row + half, column : column + half] = 1
    box = Box("square", (0, row, column), (1, row + half, column + half))
    return SeriesToPrepare(
        volume=Volume(array, (1.0, 1.0, 1.0), sop_instance_uids=(f"2.25.{number}",), frames=(1,), modality="OT"),
        series_uid=f"2.25.9{number}",
        group=str(number),
        split=split,
        label=("no", "square")[number % 2],
        mask=mask,
        boxes=(box,),
    )


def make(folder: Path, recipe: str) -> Task:
    """Return the recipe's task, with the defaults of such a cohort, on a prepared folder."""
    side = SIDES[recipe]
    known = {"slices": 1, "rows": side, "columns": side, "bits": 8, "modalities": ["OT"], "channels": 1}
    config = complete_config(recipe, {"epochs": 1, "minutes": 0}, {**known, "spacing_mm_zyx": None})
    splits = ["train"] * 64 + ["validation"] * 4 + ["test"] * 4
    spec = input_spec(config, ["OT"])
    write_prepared(folder, spec, (make_series(k, side, split) for k, split in enumerate(splits)), whole=("test",))
    classes = ("no", "square") if KINDS.get(recipe, "classes") == "classes" else ("square",)
    return make_task(recipe, Prepared(folder, classes), config, spec)


def of_loop(task: Task, recipe: str, steps: int, folder: Path) -> float:
    """Return seconds for a step of the real loop."""
    told: list[float] = []
    size = task.config["batch_size"]
    refs = task.epoch(0)
    wanted = (refs * (steps * size // len(refs) + 1))[: steps * size]
    task.epoch = lambda _: wanted  # type: ignore[method-assign]
    task.figures = lambda _: {}  # type: ignore[method-assign]
    task.previews = list  # type: ignore[method-assign]
    train(task, recipe, checkpoint_dir=folder, reports=Reports(progress=lambda _: told.append(time.monotonic())))
    return (told[-1] - told[0]) / (len(told) - 1)


def of_bare_loop(task: Task, steps: int) -> float:
    """Return seconds for a step of a loop that does nothing else."""
    size = task.config["batch_size"]
    refs = task.epoch(0)
    wanted = (refs * (steps * size // len(refs) + 1))[: steps * size]
    generator = torch.Generator().manual_seed(1)
    batches = [task.batch(wanted[k * size : (k + 1) * size], generator) for k in range(steps)]
    parts = task.steps()
    optimisers = [torch.optim.AdamW(part.parameters, betas=part.betas) for part in parts]
    task.network.train()
    began = 0.0
    for number, batch in enumerate(batches):
        if number == 1:
            began = time.monotonic()
        for part, optimiser in zip(parts, optimisers, strict=True):
            if (number + 1) % part.every:
                continue
            loss = part.loss(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(part.parameters, LONGEST_GRADIENT)
            optimiser.step()
            optimiser.zero_grad()
    return (time.monotonic() - began) / (steps - 1)


def taking_turns(ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the medians of both, and how quick ours is beside theirs."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    mine, bare = (statistics.median(values) for values in zip(*pairs, strict=True))
    return {"ours_ms": mine * 1000, "bare_ms": bare * 1000, "ratio": statistics.median(b / a for a, b in pairs)}


def training(recipe: str, steps: int) -> dict[str, float]:
    """Compare the recipe's steps."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = iter(range(1000))
        make(folder / "data", recipe)

        def task() -> Task:
            torch.manual_seed(1)
            return make(folder / f"data-{next(count)}", recipe)

        return taking_turns(
            lambda: of_loop(task(), recipe, steps, folder / f"checkpoint-{next(count)}"),
            lambda: of_bare_loop(task(), steps),
        )


def inference(recipe: str) -> dict[str, dict[str, float]]:
    """Compare with the bare session: the network alone, and a series of 32 slices from its preparation to the last piece."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = make(folder / "data", recipe)
        spec = {"recipe": recipe, "model": {"name": "m", "title": "M"}, "data": {}}
        write_network(folder / "package", task, spec, task.calibrate())
        session = Session(open_package(folder / "package"), use_gpu=False)
        one = make_series(1, SIDES[recipe], "test").volume
        uids = tuple(f"2.25.{k}" for k in range(32))
        volume = Volume(
            np.repeat(one.array, 32, axis=0), (1.0, 1.0, 1.0), sop_instance_uids=uids, frames=(1,) * 32, modality="OT"
        )
        recorded: list[tuple[Any, ...]] = []
        run = session.run

        def record(*inputs: Any, **options: Any) -> Any:
            recorded.append(inputs)
            return run(*inputs, **options)

        session.run = record  # type: ignore[method-assign]
        list(predict(session, volume))
        session.run = run  # type: ignore[method-assign]

        def ours() -> float:
            began = time.monotonic()
            list(predict(session, volume))
            return time.monotonic() - began

        def network() -> float:
            began = time.monotonic()
            for inputs in recorded:
                session.run(*inputs)
            return time.monotonic() - began

        def theirs() -> float:
            model = session.package.manifest.model
            began = time.monotonic()
            for inputs in recorded:
                session._session.run(list(model.outputs), dict(zip(model.inputs, inputs, strict=True)))
            return time.monotonic() - began

        return {
            "network": taking_turns(network, theirs, rounds=4 * ROUNDS),
            "series": taking_turns(ours, theirs, rounds=4 * ROUNDS),
        }


def main() -> None:
    """Measure what is asked for and print a table; with --json, write the figures as well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--recipes", default=",".join(SIDES))
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plain", action="store_true", help="leave threads and memory as the system has them")
    options = parser.parse_args()
    if not options.plain and QUICK.items() - os.environ.items():
        # libgomp and the allocator look at it when they start.
        arguments = [sys.executable, "-m", "tests.benchmarks.learning_speed", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, **QUICK})
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for recipe in options.recipes.split(","):
        found[recipe] = {"training": training(recipe, options.steps)}
        if recipe != "generation":
            found[recipe] |= inference(recipe)
        for what, row in found[recipe].items():
            figures = f"{row['ours_ms']:9.1f} ms {row['bare_ms']:9.1f} ms  {row['ratio']:.2f}"
            sys.stdout.write(f"{recipe:15} {what:10} {figures}\n")
            sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
