"""What an attempt at a training finds of those before it, whatever they were doing when they were cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from medportal.training.folders import TrainingFolder


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> TrainingFolder:
    """A training's folder, whose first attempt has left a whole checkpoint."""
    settings.DATA_DIR = str(tmp_path)
    folder = TrainingFolder(uuid4())
    write(folder.begin_attempt(1) / "checkpoint", "first")
    return folder


def write(checkpoint: Path, words: str) -> None:
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text(words)


def found(attempt: Path) -> dict[str, str]:
    return {path.name: (path / "state.json").read_text() for path in attempt.iterdir()}


@pytest.mark.parametrize("leftover", ["checkpoint.copying", "checkpoint.new"])
def test_what_was_cut_off_half_made_is_passed_over(folder: TrainingFolder, leftover: str) -> None:
    (folder.attempt(2) / leftover).mkdir(parents=True)

    assert found(folder.begin_attempt(3)) == {"checkpoint": "first"}


def test_a_checkpoint_whose_exchange_was_cut_off_is_taken_up(folder: TrainingFolder) -> None:
    write(folder.attempt(2) / "checkpoint.old", "second")
    (folder.attempt(2) / "checkpoint.new").mkdir()

    assert found(folder.begin_attempt(3)) == {"checkpoint.old": "second"}


def test_an_attempt_goes_on_from_the_newest_before_it(folder: TrainingFolder) -> None:
    write(folder.attempt(2) / "checkpoint", "second")

    assert found(folder.begin_attempt(3)) == {"checkpoint": "second"}
