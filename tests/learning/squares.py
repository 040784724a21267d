"""Prepared folders for detectors: bright and dim squares (or cubes) in noise, and the boxes around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.detection import DetectionTask

CLASSES = ("bright", "dim")
ROWS, COLUMNS, SLICES = 64, 96, 32


def config(**settings: Any) -> dict[str, Any]:
    """Return a configuration that learns the squares in seconds."""
    small = {
        "fit": "pixels",
        "size": COLUMNS,
        "rows": ROWS,
        "width": 8,
        "epochs": 3,
        "batch_size": 4,
        "average": 0.8,
        "repeats": 1,
    }
    quiet = {"low": 0.0, "high": 1.0, "rotate_degrees": 0.0, "mosaic_probability": 0.0}
    return complete_config("detection", small | quiet | settings)


def volume_config(**settings: Any) -> dict[str, Any]:
    """Return a configuration for patches of volumes."""
    return config(dimensions=3, size=0, rows=0, tile=32, tile_slices=16, **settings)


def series(number: int, split: str, *, slices: int = 1) -> SeriesToPrepare:
    """Return an image with three squares, or a volume with three cubes."""
    rng = np.random.default_rng(number)
    array = rng.normal(0.1, 0.03, (slices, ROWS, COLUMNS)).astype(np.float32)
    boxes = []
    for column in (4, 36, 68):
        depth = 1 if slices == 1 else int(rng.integers(8, 13))
        low = (int(rng.integers(0, slices - depth + 1)), int(rng.integers(4, 40)), column + int(rng.integers(0, 8)))
        high = (low[0] + depth, low[1] + int(rng.integers(10, 18)), low[2] + int(rng.integers(10, 18)))
        kind = int(rng.integers(2))
        array[low[0] : high[0], low[1] : high[1], low[2] : high[2]] += (0.8, 0.35)[kind]
        boxes.append(Box(CLASSES[kind], tuple(map(float, low)), tuple(map(float, high))))
    return SeriesToPrepare(
        volume=Volume(
            array=array,
            spacing_mm_zyx=(1.0, 1.0, 1.0),
            sop_instance_uids=tuple(f"2.25.{number * 100 + index + 1}" for index in range(slices)),
            frames=(1,) * slices,
            modality="CT",
        ),
        series_uid=f"2.25.{number + 1}000",
        group=f"patient {number}",
        split=split,
        boxes=tuple(boxes),
    )


def prepare(folder: Path, settings: dict[str, Any], *, images: int = 12, slices: int = 1) -> Path:
    """Write a prepared folder: two thirds for training, the others in turn for validation and test."""
    splits = ("train", "train", "validation", "train", "train", "test")
    some = [series(number, splits[number % 6], slices=slices) for number in range(images)]
    write_prepared(folder, input_spec(settings, ["CT"]), some)
    return folder


def task_of(folder: Path, settings: dict[str, Any]) -> DetectionTask:
    """Return the recipe at work on a prepared folder."""
    return DetectionTask(Prepared(folder, CLASSES), settings, input_spec(settings, ["CT"]))
