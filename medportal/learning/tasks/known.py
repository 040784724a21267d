"""Which task a recipe makes, each loaded when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from medportal.inference.manifest import InputSpec
from medportal.learning.store import Prepared
from medportal.learning.tasks.base import Task

_TASKS = {
    "classification": "ClassificationTask",
    "segmentation": "SegmentationTask",
    "detection": "DetectionTask",
    "autoencoder": "AutoencoderTask",
    "generation": "GenerationTask",
}


def make_task(recipe: str, prepared: Prepared, config: dict[str, Any], spec: InputSpec) -> Task:
    """Return a recipe at work on a prepared folder."""
    module = import_module(f"{__package__}.{recipe}")
    task: Task = getattr(module, _TASKS[recipe])(prepared, config, spec)
    return task
