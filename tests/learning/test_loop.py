"""The loop learns, stops where it is told to, and goes on after a cut as if there had been none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from medportal.errors import InvalidError
from medportal.learning import checkpoints
from medportal.learning.assess import assess
from medportal.learning.dataset import Prepared
from medportal.learning.loop import CancelledError, Reports, train
from tests.learning import chests


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(chests.prepare(tmp_path_factory.mktemp("loop") / "data", chests.config()), chests.CLASSES)


class CutOffError(Exception):
    """The machine goes away."""


def told(history: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what of epochs does not depend on the clock."""
    return [tuple(v for k, v in epoch.items() if k not in {"seconds", "eta_s"}) for epoch in history]


def test_it_learns_what_there_is_to_learn(prepared: Prepared, tmp_path: Path) -> None:
    config = chests.config(epochs=8, repeats=6)
    outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")
    found = assess(outcome.network, prepared, config)

    assert [epoch["epoch"] for epoch in outcome.history] == list(range(1, 9))
    assert outcome.history[-1]["train_loss"] < outcome.history[0]["train_loss"] / 2
    assert found.metrics["accuracy"]["value"] == 1
    assert found.counts == {"series": 6, "groups": 6, "slices": 36}


def test_it_stops_at_the_preset_figure(prepared: Prepared, tmp_path: Path) -> None:
    config = chests.config(epochs=30, stop_metric="recall", stop_value=0.0)
    outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert outcome.stopped_early
    assert len(outcome.history) == 1


def test_cut_off_it_goes_on_as_it_would_have(prepared: Prepared, tmp_path: Path) -> None:
    config = chests.config(epochs=4, deform_probability=0.5, mosaic_probability=0.5)
    whole = train(prepared, config, checkpoint_dir=tmp_path / "whole")
    seen: list[int] = []

    def cut(figures: dict[str, Any]) -> None:
        seen.append(figures["epoch"])
        if figures["epoch"] == 2:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(prepared, config, checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=cut))
    again: list[dict[str, Any]] = []
    resumed = train(prepared, config, checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=again.append))

    assert seen == [1, 2]
    assert [epoch["epoch"] for epoch in again] == [1, 2, 3, 4]
    for ours, theirs in zip(told(resumed.history), told(whole.history), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_finished_run_trains_no_further(prepared: Prepared, tmp_path: Path) -> None:
    config = chests.config(epochs=1)
    first = train(prepared, config, checkpoint_dir=tmp_path / "c")
    second = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert told(first.history) == told(second.history)
    assert all(torch.equal(a, b) for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True))


def test_a_checkpoint_of_other_settings_is_not_taken_up(prepared: Prepared, tmp_path: Path) -> None:
    train(prepared, chests.config(epochs=1), checkpoint_dir=tmp_path / "c")
    other = train(prepared, chests.config(epochs=2), checkpoint_dir=tmp_path / "c")

    assert len(other.history) == 2


def test_told_to_stop_it_stops_within_a_batch(prepared: Prepared, tmp_path: Path) -> None:
    steps: list[float] = []
    reports = Reports(progress=steps.append, is_cancelled=lambda: len(steps) >= 2)
    with pytest.raises(CancelledError):
        train(prepared, chests.config(epochs=50), checkpoint_dir=tmp_path / "c", reports=reports)

    assert len(steps) == 2


def test_a_loss_that_explodes_is_told_as_such(prepared: Prepared, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("medportal.learning.loop.F.cross_entropy", lambda logits, _: logits.sum() * float("nan"))
    with pytest.raises(InvalidError, match="lower the learning rate"):
        train(prepared, chests.config(), checkpoint_dir=tmp_path / "c")


def test_a_torn_checkpoint_leaves_the_one_before_it(prepared: Prepared, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    train(prepared, chests.config(epochs=1), checkpoint_dir=folder)
    # As a crash between the two renames of an exchange leaves it.
    folder.rename(folder.with_suffix(".old"))
    loaded = checkpoints.load(folder)

    assert loaded is not None
    assert len(loaded[1]["history"]) == 1


def test_checkpoints_are_tensors_and_json_and_never_pickles(prepared: Prepared, tmp_path: Path) -> None:
    train(prepared, chests.config(epochs=1), checkpoint_dir=tmp_path / "c")

    assert {path.suffix for path in (tmp_path / "c").iterdir()} == {".safetensors", ".json"}
