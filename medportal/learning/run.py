"""A whole training run: prepared folder in, package out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch

from medportal.inference.package import open_package
from medportal.inference.session import Session
from medportal.learning.assess import assess
from medportal.learning.callbacks import CancelledError, Reports
from medportal.learning.loop import train
from medportal.learning.package_writer import with_figures, write_manifest, write_network
from medportal.learning.recipes import input_spec
from medportal.learning.store import Prepared, blank_middles, shuffle_labels
from medportal.learning.tasks.base import Preview, Task
from medportal.learning.tasks.known import make_task
from medportal.learning.variants import write_variants

__all__ = ["CancelledError", "run", "told_preview"]


def run(spec: dict[str, Any], *, say: Callable[..., None], is_cancelled: Callable[[], bool]) -> None:
    """Train, assess, export and write the package that a spec asks for.

    `spec`: recipe, config (complete), data_dir (see `prepared`), checkpoint_dir, output_dir, kind (of cohort), classes,
    modalities, model {name, title}, data {description, limits, …}. Says `stage`, `progress`, `usage`, `epoch` (each once, in
    order), `previews`, and at the end `finished` with the figures of the test split. Raises CancelledError and errors of
    `medportal.errors`.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    config = spec["config"]
    lightning.seed_everything(config["seed"], workers=True, verbose=False)
    prepared = Prepared(Path(spec["data_dir"]), spec["classes"])
    if config["control"] == "shuffled-labels":
        shuffle_labels(prepared, config["seed"])
    elif config["control"] == "image-border":
        blank_middles(prepared)
    task = make_task(spec["recipe"], prepared, config, input_spec(config, spec["modalities"]))
    say("stage", stage="training", detail="cuda" if torch.cuda.is_available() else "cpu")
    say("log", message=_about(task))
    reports = Reports(
        epoch=lambda figures: say("epoch", **figures),
        progress=lambda fraction: say("progress", progress=fraction),
        usage=lambda used: say("usage", **used),
        previews=lambda shown: say("previews", previews=[told_preview(one) for one in shown]),
        is_cancelled=is_cancelled,
    )
    outcome = train(task, spec["recipe"], checkpoint_dir=Path(spec["checkpoint_dir"]), reports=reports)
    if not outcome.is_first:
        # One of several processes: the first writes.
        return
    say("stage", stage="exporting", detail="")
    folder = Path(spec["output_dir"])
    manifest = write_network(folder, task, spec, task.calibrate())
    reports.check()
    say("stage", stage="evaluating", detail=prepared.measured_split)
    measured = assess(Session(open_package(folder), use_gpu=False), prepared, spec["kind"], reports.check)
    document = measured.pop("document")
    figures = {"epochs": len(outcome.history), "stopped": outcome.stopped, "kept": outcome.kept, **measured}
    manifest = with_figures(manifest, figures)
    if config["control"] == "none":
        say("stage", stage="shrinking", detail="")
        manifest = write_variants(folder, manifest, task, spec["kind"], reports.check)
    write_manifest(folder, manifest)
    say(
        "finished",
        metrics=measured["figures"],
        document=document,
        epochs=len(outcome.history),
        stopped=outcome.stopped,
        sha256=manifest.model.sha256,
        package=spec["output_dir"],
    )


def _about(task: Task) -> str:
    """Return in a line what learns from how much."""
    parameters = sum(parameter.numel() for parameter in task.network.parameters())
    counts = ", ".join(f"{len(task.prepared.of_split(split))} {split}" for split in ("train", "validation", "test"))
    return f"{parameters:,} parameters; series: {counts}; {len(task.epoch(0))} samples in an epoch"


def told_preview(preview: Preview, largest: int = 192) -> dict[str, Any]:
    """Return a picture as it is said: as PNG of at most so many pixels a side."""
    from base64 import b64encode
    from io import BytesIO

    from PIL import Image

    image = Image.fromarray(preview.image)
    if max(image.size) > largest:
        image.thumbnail((largest, largest))
    out = BytesIO()
    image.save(out, "PNG")
    return {"kind": preview.kind, "caption": preview.caption, "png": b64encode(out.getvalue()).decode()}
