"""The loop learns, stops where it is told to, and goes on after a cut as if there had been none."""

from __future__ import annotations

import errno
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from medportal.errors import InvalidError, UnavailableError
from medportal.learning import checkpoints, loop
from medportal.learning.callbacks import CancelledError, Reports
from medportal.learning.card import _ended
from medportal.learning.loop import Outcome
from medportal.learning.loop import train as train_task
from medportal.learning.schedule import one_cycle
from medportal.learning.tasks.base import Task
from medportal.learning.tasks.classification import ClassificationTask
from medportal.learning.trainers import devices_for
from tests.learning import chests


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chests.prepare(tmp_path_factory.mktemp("loop") / "data", chests.config())


def train(prepared: Path, config: dict[str, Any], **more: Any) -> tuple[Task, Outcome]:
    """Train a fresh task."""
    task = chests.task_of(prepared, config)
    return task, train_task(task, "classification", **more)


class CutOffError(Exception):
    """The machine goes away."""


def told(history: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what of epochs does not depend on the clock."""
    return [
        (epoch["epoch"], epoch["losses"]["train_loss"], *epoch["figures"].values(), str(epoch["confusion"]))
        for epoch in history
    ]


def test_it_learns_what_there_is_to_learn(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=8, repeats=6, average=0.9)
    _, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert [epoch["epoch"] for epoch in outcome.history] == list(range(1, 9))
    assert outcome.history[-1]["losses"]["train_loss"] < outcome.history[0]["losses"]["train_loss"] / 2
    assert outcome.history[-1]["figures"]["auc"] > 0.95
    assert sum(map(sum, outcome.history[-1]["confusion"])) == 36


def test_it_stops_at_the_preset_figure(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=30, stop_metric="recall", stop_value=0.0)
    _, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert outcome.stopped == "figure"
    assert len(outcome.history) == 1


def test_it_stops_when_nothing_gets_better(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=30, patience=2, learning_rate=1e-6, average=0.0)
    _, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert outcome.stopped == "patience"
    assert len(outcome.history) < 30


@pytest.fixture
def best_is_the_second(monkeypatch: Any) -> None:
    """Have the recipe's figure fall after the second epoch."""
    measured = ClassificationTask.figures
    told = iter([0.6, 0.9, 0.7, 0.9, 0.8] * 3)
    monkeypatch.setattr(ClassificationTask, "figures", lambda self, check: {**measured(self, check), "auc": next(told)})


def weights(task: Task) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in task.averaged.state_dict().items()}


def all_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.usefixtures("best_is_the_second")
@pytest.mark.parametrize(("settings", "kept"), [({"patience": 3}, 2), ({"patience": 9}, 2), ({}, 5)])
def test_with_patience_the_best_epoch_is_kept(
    prepared: Path, tmp_path: Path, settings: dict[str, Any], kept: int
) -> None:
    config = chests.config(epochs=5, repeats=1, average=0.5, **settings)
    task = chests.task_of(prepared, config)
    seen: list[dict[str, torch.Tensor]] = []
    reports = Reports(epoch=lambda _: seen.append(weights(task)))
    outcome = train_task(task, "classification", checkpoint_dir=tmp_path / "c", reports=reports)

    assert outcome.stopped == ("patience" if settings == {"patience": 3} else "")
    assert outcome.kept == outcome.history[-1]["kept_epoch"] == kept
    assert [all_equal(weights(task), one) for one in seen] == [number == kept for number in range(1, 6)]
    again, same = train(prepared, config, checkpoint_dir=tmp_path / "c")
    assert (same.kept, all_equal(weights(again), weights(task))) == (kept, True)


def test_the_card_says_whose_weights_it_is_about() -> None:
    ended = {"epochs": 5, "stopped": "patience"}

    assert _ended(ended | {"kept": 2}) == " (ended by patience), weights of epoch 2, the best on validation"
    assert _ended(ended | {"kept": 5}) == _ended(ended) == " (ended by patience)"


@pytest.mark.usefixtures("best_is_the_second")
def test_what_has_reached_the_preset_figure_is_kept(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=9, repeats=1, patience=3, stop_metric="accuracy", stop_value=0.0)
    _, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert (outcome.stopped, outcome.kept) == ("figure", 1)


@pytest.mark.usefixtures("best_is_the_second")
def test_cut_off_after_the_best_epoch_it_keeps_it_all_the_same(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=5, repeats=1, patience=9)
    whole_task, whole = train(prepared, config, checkpoint_dir=tmp_path / "whole")

    def cut(figures: dict[str, Any]) -> None:
        if figures["epoch"] == 3:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(prepared, config, checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=cut))
    resumed_task, resumed = train(prepared, config, checkpoint_dir=tmp_path / "cut")

    assert resumed.kept == whole.kept == 2
    assert all_equal(weights(resumed_task), weights(whole_task))


def test_it_ends_within_the_preset_minutes(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=10_000, minutes=0.05)
    _, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert outcome.stopped == "minutes"
    assert sum(epoch["seconds"] for epoch in outcome.history) < 9


def test_minutes_that_suffice_change_nothing_of_the_curve(prepared: Path, tmp_path: Path) -> None:
    def slow(part: float) -> None:
        time.sleep(0.05 * (part < 0.3))

    _, free = train(prepared, chests.config(epochs=2, minutes=0), checkpoint_dir=tmp_path / "free")
    _, bound = train(
        prepared, chests.config(epochs=2, minutes=1), checkpoint_dir=tmp_path / "bound", reports=Reports(progress=slow)
    )

    assert told(bound.history) == told(free.history)


def test_minutes_that_do_not_suffice_shorten_the_schedule(prepared: Path, tmp_path: Path) -> None:
    parts: list[float] = []
    config = chests.config(epochs=10_000, minutes=0.05)
    train(prepared, config, checkpoint_dir=tmp_path / "c", reports=Reports(progress=parts.append))

    assert parts == sorted(parts)
    assert parts[-1] > 0.8
    assert max(after - before for before, after in pairwise(parts)) < 0.3


def test_the_learning_rate_rises_and_falls_once() -> None:
    rates = [one_cycle(k / 100) for k in range(101)]

    assert max(rates) == pytest.approx(1.0)
    assert rates[0] < 0.05
    assert rates[-1] < 0.01
    assert sum(a < b < c or a > b > c or b == 1.0 for a, b, c in zip(rates, rates[1:], rates[2:], strict=False)) == 99


def test_added_up_gradients_are_those_of_a_larger_batch(prepared: Path, tmp_path: Path) -> None:
    """Not to the bit, since batch norm sees smaller batches; but as many steps are taken as of the larger one."""
    config = chests.config(epochs=1, batch_size=4, accumulate=4)
    task, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c")

    state = checkpoints.load(tmp_path / "c")
    assert state is not None
    steps = {int(v) for k, v in state[0].items() if k.endswith("/step")}
    assert steps == {-(-len(task.epoch(0)) // 16)}
    assert outcome.history


@pytest.mark.parametrize("changes", [{}, {"pooling": "mean", "mixing": 0.3, "batch_size": 5, "accumulate": 3}])
def test_cut_off_it_goes_on_as_it_would_have(prepared: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    config = chests.config(epochs=4, deform_probability=0.5, mosaic_probability=0.5, dropout=0.3, **changes)
    whole_task, whole = train(prepared, config, checkpoint_dir=tmp_path / "whole")
    seen: list[int] = []

    def cut(figures: dict[str, Any]) -> None:
        seen.append(figures["epoch"])
        if figures["epoch"] == 2:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(prepared, config, checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=cut))
    again: list[dict[str, Any]] = []
    resumed_task, resumed = train(
        prepared, config, checkpoint_dir=tmp_path / "cut", reports=Reports(epoch=again.append)
    )

    assert seen == [1, 2]
    assert [epoch["epoch"] for epoch in again] == [1, 2, 3, 4]
    for ours, theirs in zip(told(resumed.history), told(whole.history), strict=True):
        assert ours[:-1] == pytest.approx(theirs[:-1], rel=1e-4)
    for ours, theirs in zip(resumed_task.averaged.parameters(), whole_task.averaged.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    left = [checkpoints.load(tmp_path / name) for name in ("whole", "cut")]
    steps = [found[1]["step"] for found in left if found]
    assert steps[0] == steps[1] > 0


def test_a_finished_run_trains_no_further(prepared: Path, tmp_path: Path) -> None:
    config = chests.config(epochs=1)
    one, first = train(prepared, config, checkpoint_dir=tmp_path / "c")
    two, second = train(prepared, config, checkpoint_dir=tmp_path / "c")

    assert told(first.history) == told(second.history)
    assert all(torch.equal(a, b) for a, b in zip(one.averaged.parameters(), two.averaged.parameters(), strict=True))


def test_a_checkpoint_of_other_settings_is_not_taken_up(prepared: Path, tmp_path: Path) -> None:
    train(prepared, chests.config(epochs=1), checkpoint_dir=tmp_path / "c")
    _, other = train(prepared, chests.config(epochs=2), checkpoint_dir=tmp_path / "c")

    assert len(other.history) == 2


def test_told_to_stop_it_stops_within_a_batch(prepared: Path, tmp_path: Path) -> None:
    steps: list[float] = []
    reports = Reports(progress=steps.append, is_cancelled=lambda: len(steps) >= 2)
    with pytest.raises(CancelledError):
        train(prepared, chests.config(epochs=50), checkpoint_dir=tmp_path / "c", reports=reports)

    assert len(steps) == 2


def test_what_it_uses_is_told_within_an_epoch(prepared: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(loop, "TELL_EVERY_S", 0.0)
    told: list[dict[str, Any]] = []
    config = chests.config(epochs=2)
    task, outcome = train(prepared, config, checkpoint_dir=tmp_path / "c", reports=Reports(usage=told.append))

    assert len(told) == 2 * -(-len(task.epoch(0)) // config["batch_size"])
    assert all(one["memory_gb"] > 0 for one in told)
    first, second = told[: len(told) // 2], told[len(told) // 2 :]
    # The second epoch is expected to take as long as the first, and less of it is left with each batch.
    assert all(0 <= one["eta_s"] <= outcome.history[0]["seconds"] for one in second)
    assert second[0]["eta_s"] > second[-1]["eta_s"]
    assert all(one["eta_s"] > 0 for one in first)


def test_above_its_memory_it_ends_within_an_epoch(prepared: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(loop, "LOOK_EVERY_S", 0.0)
    steps: list[float] = []
    config = chests.config(epochs=1, memory_gb=0.001)
    with pytest.raises(UnavailableError, match=r"more than its 0\.001 GB"):
        train(prepared, config, checkpoint_dir=tmp_path / "c", reports=Reports(progress=steps.append))

    assert steps == []


def test_more_gpus_than_there_are_are_refused_before_anything_is_learnt(monkeypatch: Any) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [devices_for(wanted) for wanted in (0, 1, 3)] == [1, 1, 3]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [devices_for(wanted) for wanted in (0, 1, 2)] == [2, 1, 2]
    with pytest.raises(InvalidError, match=r"3 GPUs .* has 2"):
        devices_for(3)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert devices_for(3) == 4


def test_a_loss_that_explodes_is_told_as_such(prepared: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ClassificationTask, "loss", lambda self, batch: self.network(batch[0])[0].sum() * float("nan"))
    with pytest.raises(InvalidError, match="lower the learning rate"):
        train(prepared, chests.config(), checkpoint_dir=tmp_path / "c")


def test_a_torn_checkpoint_leaves_the_one_before_it(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    train(prepared, chests.config(epochs=1), checkpoint_dir=folder)
    # As a crash between the two renames of an exchange leaves it.
    folder.rename(folder.with_suffix(".old"))
    loaded = checkpoints.load(folder)

    assert loaded is not None
    assert len(loaded[1]["history"]) == 1


def test_checkpoints_are_tensors_and_json_and_never_pickles(prepared: Path, tmp_path: Path) -> None:
    train(prepared, chests.config(epochs=1), checkpoint_dir=tmp_path / "c")

    assert {path.suffix for path in (tmp_path / "c").iterdir()} == {".safetensors", ".json"}


def test_a_full_disk_is_told_as_such_and_the_checkpoint_before_stays(
    prepared: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "c"
    train(prepared, chests.config(epochs=1), checkpoint_dir=folder)

    def full(*_: Any) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(OSError, match="No space left") as raised:
        train(prepared, chests.config(epochs=2), checkpoint_dir=folder)

    assert raised.value.errno == errno.ENOSPC
    assert checkpoints.load(folder) is not None


def test_batches_of_one_sample_are_refused_before_anything_is_learnt(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="two samples"):
        train(prepared, chests.config(batch_size=1), checkpoint_dir=tmp_path / "c")
