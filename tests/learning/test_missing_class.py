"""Of several classes a rare one may be absent from validation: the others are learnt and it is not talked down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.learning.loop import train
from medportal.learning.metrics import fit_calibration
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.known import make_task

NAMES = ("none", "left", "right")


def image(number: int, split: str, label: str) -> SeriesToPrepare:
    array = np.random.default_rng(number).integers(0, 60, (1, 32, 32)).astype(np.int16)
    array[:, 8:24, 2:14] += 150 * (label == "left")
    array[:, 8:24, 18:30] += 150 * (label == "right")
    volume = Volume(array, (1.0, 1.0, 1.0), sop_instance_uids=(f"2.25.{number}",), frames=(1,), modality="OT")
    return SeriesToPrepare(volume=volume, series_uid=f"2.25.9{number}", group=str(number), split=split, label=label)


def made(folder: Path, splits: dict[str, list[str]]) -> Any:
    known = {"slices": 1, "rows": 32, "columns": 32, "bits": 8, "modalities": ["OT"], "channels": 1}
    known |= {"spacing_mm_zyx": None}
    config = complete_config("classification", {"epochs": 2, "minutes": 0, "width": 8, "flip": False}, known)
    spec = input_spec(config, ["OT"])
    listed = [(split, label) for split, labels in splits.items() for label in labels]
    write_prepared(folder, spec, (image(k, split, label) for k, (split, label) in enumerate(listed)), whole=("test",))
    return make_task("classification", Prepared(folder, NAMES), config, spec)


def test_a_class_that_validation_lacks_ends_no_training(tmp_path: Path) -> None:
    two = ["none", "left"]
    task = made(tmp_path / "data", {"train": [*two * 12, "right", "right"], "validation": two * 3, "test": two})
    outcome = train(task, "classification", checkpoint_dir=tmp_path / "checkpoint")
    assert outcome.history[-1]["figures"]["auc"] is not None
    assert task.calibrate().activation == "softmax"


def test_one_class_alone_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="fewer than two classes"):
        made(tmp_path / "data", {"train": list(NAMES) * 2, "validation": ["left"] * 3, "test": ["left"]})


def test_a_class_that_validation_lacks_is_not_shifted() -> None:
    logits = np.random.default_rng(0).normal(0, 1, (60, 3))
    labels = (logits[:, 1] > logits[:, 0]).astype(int)
    _, shift = fit_calibration(logits, labels)
    assert shift[2] == 0
    assert shift[:2].any()
