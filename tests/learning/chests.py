"""Prepared folders for the training loop: noise, and a bright spot where there is something to find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from medportal.imaging.volumes import Volume
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.base import Task
from medportal.learning.tasks.known import make_task

CLASSES = ("normal", "lung cancer")
SIZE, SLICES = 32, 6


def config(**settings: Any) -> dict[str, Any]:
    """Return a configuration that learns the spots in seconds."""
    small = {"size": SIZE, "pixel_mm": 1.0, "width": 4, "epochs": 3, "batch_size": 16, "context": 0, "repeats": 2}
    quiet = {"deform_probability": 0.0, "mosaic_probability": 0.0, "low": -1.0, "high": 3.0}
    return complete_config("classification", small | quiet | settings)


def series(number: int, split: str, *, seed: int = 0) -> SeriesToPrepare:
    """Return a series; in every other one each second slice has a spot."""
    rng = np.random.default_rng([seed, number])
    volume = rng.normal(0, 0.15, (SLICES, SIZE, SIZE)).astype(np.float32)
    uids = tuple(f"2.25.{number * 100 + index + 1}" for index in range(SLICES))
    has_spot = number % 2 == 1
    labels = {}
    for index, uid in enumerate(uids):
        labels[uid] = CLASSES[0]
        if has_spot and index % 2:
            row, column = rng.integers(6, SIZE - 10, 2)
            volume[index, row : row + 5, column : column + 5] += 2
            labels[uid] = CLASSES[1]
    return SeriesToPrepare(
        volume=Volume(
            array=volume, spacing_mm_zyx=(1.0, 1.0, 1.0), sop_instance_uids=uids, frames=(1,) * SLICES, modality="CT"
        ),
        series_uid=f"2.25.{number + 1}000",
        group=f"patient {number}",
        split=split,
        label=CLASSES[int(has_spot)],
        slice_labels=labels,
        attributes={"sex": "FM"[number // 8 % 2]},
    )


def prepare(folder: Path, settings: dict[str, Any], *, patients: int = 24) -> Path:
    """Write a prepared folder of so many patients: half for training, a quarter each for the others."""
    splits = ("train", "train", "train", "train", "validation", "validation", "test", "test")
    write_prepared(
        folder, input_spec(settings, ["CT"]), [series(number, splits[number % 8]) for number in range(patients)]
    )
    return folder


def task_of(folder: Path, settings: dict[str, Any]) -> Task:
    """Return a fresh classification task on a prepared folder."""
    torch.manual_seed(settings["seed"])
    return make_task("classification", Prepared(folder, CLASSES), settings, input_spec(settings, ["CT"]))
