"""A whole training run: prepared folder in, package out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medportal.learning.assess import assess
from medportal.learning.dataset import Prepared, shuffle_labels
from medportal.learning.loop import CancelledError, Reports, train
from medportal.learning.package_writer import write_package
from medportal.learning.prepared import input_spec

PARITY_BATCH = 32
__all__ = ["CancelledError", "run"]


def run(spec: dict[str, Any], *, say: Callable[..., None], is_cancelled: Callable[[], bool]) -> None:
    """Train, assess, export and write the package that a spec asks for.

    `spec`: recipe, config (complete), data_dir (see `prepared`), checkpoint_dir, output_dir, classes (the negative one
    first), modalities, model {name, title}, data {description, limits, …}. Says `stage`, `progress`, `epoch` (each
    once, in order) and at the end `finished` with the figures of the test split. Raises CancelledError and errors of
    `medportal.errors`.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    config, classes = spec["config"], tuple(spec["classes"])
    prepared = Prepared(Path(spec["data_dir"]), classes)
    if config["shuffled_labels"]:
        shuffle_labels(prepared, config["seed"])
    say("stage", stage="training", detail="cuda" if torch.cuda.is_available() else "cpu")
    reports = Reports(
        epoch=lambda figures: say("epoch", **figures),
        progress=lambda fraction: say("progress", progress=fraction),
        is_cancelled=is_cancelled,
    )
    outcome = train(prepared, config, checkpoint_dir=Path(spec["checkpoint_dir"]), reports=reports)
    say("stage", stage="evaluating", detail="")
    assessment = assess(outcome.network, prepared, config)
    if is_cancelled():
        raise CancelledError
    say("stage", stage="exporting", detail="")
    manifest = write_package(
        Path(spec["output_dir"]),
        network=outcome.network,
        name=spec["model"]["name"],
        title=spec["model"]["title"],
        classes=classes,
        spec=input_spec(config, spec["modalities"]),
        config=config,
        recipe=spec["recipe"],
        assessment=assessment,
        history=outcome.history,
        batches=_validation_batches(prepared, config["context"]),
        data=spec["data"],
    )
    say(
        "finished",
        metrics=assessment.metrics,
        slice_metrics=assessment.slice_metrics,
        counts=assessment.counts,
        epochs=len(outcome.history),
        stopped_early=outcome.stopped_early,
        sha256=manifest.model.sha256,
        package=spec["output_dir"],
    )


def _validation_batches(prepared: Prepared, context: int) -> Iterator[NDArray[np.float32]]:
    """Yield the whole validation split, a few samples at a time."""
    numbers = prepared.of_split("validation")
    for start in range(0, len(numbers), PARITY_BATCH):
        yield np.stack([prepared.sample(i, context) for i in numbers[start : start + PARITY_BATCH]])
