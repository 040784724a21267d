"""Labels that stand together: a rare one may be absent from validation, and the others are learnt all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.errors import InvalidError
from medportal.imaging.volumes import Volume
from medportal.learning.loop import train
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config, input_spec
from medportal.learning.store import Prepared
from medportal.learning.tasks.known import make_task

NAMES = ("left", "right", "rare")


def image(number: int, split: str, labels: tuple[str, ...]) -> SeriesToPrepare:
    array = np.random.default_rng(number).integers(0, 60, (1, 32, 32)).astype(np.int16)
    array[:, 8:24, 2:14] += 150 * ("left" in labels)
    array[:, 8:24, 18:30] += 150 * ("right" in labels)
    volume = Volume(array, (1.0, 1.0, 1.0), sop_instance_uids=(f"2.25.{number}",), frames=(1,), modality="OT")
    return SeriesToPrepare(volume=volume, series_uid=f"2.25.9{number}", group=str(number), split=split, labels=labels)


def made(folder: Path, splits: dict[str, list[tuple[str, ...]]]) -> Any:
    known = {
        "slices": 1,
        "rows": 32,
        "columns": 32,
        "bits": 8,
        "modalities": ["OT"],
        "channels": 1,
        "spacing_mm_zyx": None,
    }
    config = complete_config("classification", {"epochs": 20, "minutes": 0, "width": 8, "flip": False}, known)
    spec = input_spec(config, ["OT"])
    listed = [(split, labels) for split, rows in splits.items() for labels in rows]
    write_prepared(folder, spec, (image(k, split, labels) for k, (split, labels) in enumerate(listed)), whole=("test",))
    return make_task("classification", Prepared(folder, NAMES), config, spec)


SOME: list[tuple[str, ...]] = [("left",), ("right",), ("left", "right"), ()]


def test_a_label_that_validation_lacks_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    task = made(tmp_path / "data", {"train": [*SOME * 12, ("rare",)], "validation": SOME * 2, "test": SOME})
    outcome = train(task, "classification", checkpoint_dir=tmp_path / "checkpoint")
    figures = outcome.history[-1]["figures"]
    assert figures["auc"] > 0.9
    output = task.calibrate()
    assert output.thresholds[2] == 0.5
    assert len(output.thresholds) == 3


def test_a_label_that_nothing_is_learnt_from_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="train split has no sample of the class 'rare'"):
        made(tmp_path / "data", {"train": SOME * 12, "validation": [*SOME, ("rare",)], "test": SOME})
