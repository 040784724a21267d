"""The training loop: forward pass, loss, back-propagation, until the preset epochs, minutes or figure (Lightning)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from medportal.errors import InvalidError
from medportal.learning import checkpoints
from medportal.learning.callbacks import CancelledError, Reports
from medportal.learning.feeding import Batches, Plan
from medportal.learning.recipes import RECIPES
from medportal.learning.schedule import one_cycle
from medportal.learning.stopping import reason_to_stop, worth_of
from medportal.learning.tasks.base import Batch, Step, Task
from medportal.learning.trainers import trainer_for
from medportal.learning.usage import require_memory, usage

# Gradients longer than this are shortened: one bad batch must not throw a run off.
LONGEST_GRADIENT = 5.0
# The pictures of the live page are made anew after so long, and after so much of the time that the run has taken.
PREVIEW_EVERY_S, PREVIEW_EVERY_PART = 10.0, 0.07
# What the run uses of its machine is looked at, and told of, after so long, within an epoch too.
LOOK_EVERY_S, TELL_EVERY_S = 2.0, 5.0
# So much of the preset minutes may be over before they hurry a run that is slow to begin.
SLACK = 0.05


@dataclass
class Outcome:
    """Each epoch's figures, why the run ended before its last epoch, if it did, and whether this process speaks for all.

    `kept` is the epoch whose weights the task has now: with patience the best, else the last.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""
    kept: int = 0
    is_first: bool = True


@dataclass(frozen=True)
class _Place:
    """Where a batch stands among those whose gradients are added up: of how many, and whether it is the last."""

    length: int
    is_last: bool


class _Training(lightning.LightningModule):
    """One run as Lightning sees it: a step, its optimisers, and the end of an epoch."""

    automatic_optimization = False

    def __init__(self, task: Task, recipe: str, folder: Path, reports: Reports) -> None:
        super().__init__()
        self.task, self.config, self.folder, self.reports = task, task.config, folder, reports
        self.recipe = RECIPES[recipe]
        self.modules_of_task = task.modules()
        self.parts = task.steps()
        self.history: list[dict[str, Any]] = []
        self.resumed: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self.stopped = ""
        # The best epoch so far (0: none) and its weights, where a run may go on past it.
        self.best_epoch, self.best = 0, dict[str, Tensor]()
        self._losses: list[list[float]] = []
        self._epoch_began = self._previewed = self._looked = self._told = time.monotonic()
        self._seconds_before, self._steps_before, self._time_told = 0.0, 0, 0.0
        self.is_first = True

    # Time

    @property
    def done(self) -> int:
        """Epochs that are finished, those of earlier attempts included."""
        return len(self.history)

    @property
    def seconds(self) -> float:
        """Time spent on training, that of earlier attempts included."""
        return self._seconds_before + time.monotonic() - self._epoch_began

    @property
    def time_used(self) -> float:
        """How much of the preset minutes is over, 0…1 and more; 0 where there are none."""
        limit = self.config["minutes"] * 60
        return float(self.seconds / limit) if limit else 0.0

    def look_at_the_clock(self) -> bool:
        """Return whether the preset minutes are over; of several processes all go by the clock of the first."""
        told = self.time_used
        if self.trainer.world_size > 1 and self.config["minutes"]:
            told = float(self.trainer.strategy.broadcast(told))
        self._time_told = told
        return told >= 1

    def part_done(self, batch: int, batches: int) -> float:
        """Return how much of the run is done: by epochs, or by the preset minutes where these are sooner over.

        Time may be ahead of epochs by `SLACK` before it counts. So a run that has time enough, as most have, follows
        its epochs alone, and comes out the same whatever its first steps took.
        """
        by_epochs = (self.done + batch / max(batches, 1)) / self.config["epochs"]
        return float(min(1.0, max(by_epochs, (self._time_told - SLACK) / (1 - SLACK))))

    # Samples

    def refs_of_epoch(self) -> list[Any]:
        """Return this process's share of the epoch's samples; every process has as many."""
        refs = self.task.epoch(self.done)
        world = self.trainer.world_size
        return refs[self.global_rank : len(refs) // world * world : world] if world > 1 else refs

    def batches_of_epoch(self) -> list[list[Any]]:
        """Return the samples of each batch; a last one of a single sample is left out: a batch norm cannot learn from it."""
        refs, size = self.refs_of_epoch(), self.config["batch_size"]
        parts = [refs[start : start + size] for start in range(0, len(refs), size)]
        return parts[:-1] if len(parts) > 1 and len(parts[-1]) == 1 else parts

    def seed_of_epoch(self) -> int:
        """Return the seed of what is random in the epoch: of run, epoch and process alone."""
        entropy = [self.config["seed"], self.done, self.global_rank]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def train_dataloader(self) -> DataLoader[Any]:
        """Return ready batches."""
        batches = Batches(
            lambda: Plan(self.batches_of_epoch(), self.seed_of_epoch()),
            self.task.batch,
            is_over=self.look_at_the_clock,
            is_ahead=lambda: self.device.type != "cpu",
        )
        # Given a generator, it draws nothing from the one that dropout and chance in a network depend on.
        return DataLoader(batches, batch_size=None, generator=torch.Generator())

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Return an AdamW (Loshchilov and Hutter 2019) for each part of a step; the loop sets their rates itself."""
        optimisers = [
            torch.optim.AdamW(
                part.parameters,
                lr=part.learning_rate or self.config["learning_rate"],
                betas=part.betas,
                weight_decay=self.config["weight_decay"],
                # All in one call: on processors, too, in a third of the time.
                fused=True,
            )
            for part in self.parts
        ]
        if self.resumed:
            checkpoints.restore(*self.resumed, modules=self.modules_of_task, optimisers=optimisers)
            state = self.resumed[1]
            self.task.updates, self.task.seen, self._steps_before = state["updates"], state["seen"], state["step"]
            if self._scaler is not None and state.get("scaler"):
                self._scaler.load_state_dict(state["scaler"])
        return list(optimisers)

    # Its surroundings

    def check(self) -> None:
        """Raise CancelledError once told to stop, and now and then see whether there is memory left, as `require_memory`."""
        self.reports.check()
        if time.monotonic() - self._looked >= LOOK_EVERY_S:
            require_memory(self.config["memory_gb"])
            self._looked = time.monotonic()

    # A step

    def on_fit_start(self) -> None:
        """Let the task know where its network lies; raises InvalidError `too_few_samples` where nothing can be learnt."""
        self.task.settle(self.device)
        self._epoch_began = time.monotonic()
        self.look_at_the_clock()
        smallest = min(map(len, self.batches_of_epoch()), default=0)
        if smallest < 2 and self.task.needs_pairs:
            raise InvalidError(
                "too_few_samples",
                "A step needs two samples at least: the batch size is too small, or there are too few samples to train on.",
            )

    def on_train_epoch_start(self) -> None:
        """Begin an epoch."""
        torch.manual_seed(self.seed_of_epoch())
        self._losses = []
        self.batches = max(1, len(self.batches_of_epoch()))
        self.task.network.train()

    def training_step(self, batch: Batch, index: int) -> None:
        """Take a step of each part: loss, back-propagation, and the optimiser once enough has been added up."""
        self.check()
        rate = one_cycle(self.part_done(index, self.batches))
        optimisers = self.optimizers()
        listed = optimisers if isinstance(optimisers, list) else [optimisers]
        losses = []
        for part, optimiser in zip(self.parts, listed, strict=True):
            place = self._place(part, index)
            if place is None:
                losses.append(float("nan"))
                continue
            self.toggle_optimizer(optimiser)
            loss = part.loss(batch)
            self._require_number(loss)
            self.manual_backward(loss / place.length)
            if place.is_last:
                for group in optimiser.param_groups:
                    group["lr"] = rate * (part.learning_rate or self.config["learning_rate"])
                self._shorten(optimiser, part.parameters)
                optimiser.step()
                optimiser.zero_grad()
                # The parts end with that of the network which is exported.
                if part is self.parts[-1]:
                    self.task.average()
            self.untoggle_optimizer(optimiser)
            losses.append(float(loss.detach()))
        self.task.seen += 1
        self._losses.append(losses)
        self.reports.progress(self.part_done(index + 1, self.batches))
        if self.trainer.is_global_zero and time.monotonic() - self._told >= TELL_EVERY_S:
            self.reports.usage({"eta_s": self._eta(index + 1), **usage()})
            self._told = time.monotonic()

    def _eta(self, batches: int) -> float:
        """Return the time to the run's end after so many batches of an epoch, seconds: by the epoch before, or by these."""
        spent = time.monotonic() - self._epoch_began
        each = self.history[-1]["seconds"] if self.history else spent * self.batches / batches
        return self._within_minutes(max(0.0, each * (self.config["epochs"] - self.done) - spent))

    def _within_minutes(self, left: float) -> float:
        """Return the time that is left, no more of it than the preset minutes leave."""
        limit = self.config["minutes"] * 60
        return min(left, max(0.0, limit - self.seconds)) if limit else left

    def _place(self, part: Step, index: int) -> _Place | None:
        """Return where a batch stands among those whose gradients are added up; None where the part is not taken on it."""
        if (index + 1) % part.every:
            return None
        turn, turns, window = (index + 1) // part.every, self.batches // part.every, self.config["accumulate"]
        # The last ones of an epoch may be fewer.
        begun = (turn - 1) // window * window
        length = min(window, turns - begun)
        return _Place(length, is_last=turn == begun + length)

    def _shorten(self, optimiser: Any, parameters: list[torch.nn.Parameter]) -> None:
        """Shorten long gradients; those of half precision are scaled up, and are taken back to their size first."""
        if self._scaler is not None:
            self._scaler.unscale_(optimiser.optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, LONGEST_GRADIENT)

    @property
    def _scaler(self) -> torch.amp.GradScaler | None:
        """What scales losses up, where they are of half precision."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def _require_number(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise InvalidError(
                "loss_not_finite",
                f"The loss became {loss.item()} in epoch {self.done + 1}: lower the learning rate. "
                f"The last checkpoint is that of epoch {self.done}.",
            )

    # The end of an epoch

    def on_train_epoch_end(self) -> None:
        """Measure on validation, make the checkpoint durable, and only then tell of the epoch."""
        for optimiser in self.trainer.optimizers:
            # Where the minutes ended among batches that were being added up.
            optimiser.zero_grad()
        figures = self._figures() if self.trainer.is_global_zero else {}
        figures = self.trainer.strategy.broadcast(figures)
        self._seconds_before = self.seconds
        self._epoch_began = time.monotonic()
        self.history.append(figures)
        self._told = time.monotonic()
        self.stopped = reason_to_stop(self.config, self.recipe, self.history)
        self._keep_best()
        if self.trainer.is_global_zero:
            self._save()
            self.reports.epoch(figures)
            self._preview()
        if self.look_at_the_clock() and not self.stopped:
            self.stopped = "minutes"
        if self.stopped or self.done >= self.config["epochs"]:
            self.trainer.should_stop = True
        require_memory(self.config["memory_gb"])

    def _keep_best(self) -> None:
        """Note the epoch whose weights are kept if the run ends now, and keep them if it is this one."""
        row = self.history[-1]
        row["kept_epoch"] = self.done
        if not self.config["patience"]:
            return
        worth = [worth_of(self.recipe, one) for one in self.history]
        if worth[-1] > (worth[self.best_epoch - 1] if self.best_epoch else float("-inf")):
            self.best_epoch = self.done
            self.best = {
                name: value.detach().cpu().clone() for name, value in self.modules_of_task.state_dict().items()
            }
        # What has reached the preset figure is what was asked for.
        if self.stopped != "figure":
            row["kept_epoch"] = self.best_epoch or self.done

    def _figures(self) -> dict[str, Any]:
        found = self.task.figures(self.check)
        confusion = found.pop("confusion", None)
        # A part that is not taken on every batch may not have been taken at all.
        columns = [np.array(column)[np.isfinite(column)] for column in zip(*self._losses, strict=True)]
        means = [column.mean() if len(column) else float("nan") for column in columns] or [float("nan")]
        seconds = time.monotonic() - self._epoch_began
        losses = dict(zip(self.task.names_of_losses(), map(float, means), strict=False))
        return {
            "epoch": self.done + 1,
            "epochs": self.config["epochs"],
            "losses": losses,
            "figures": found,
            "confusion": confusion,
            "seconds": seconds,
            "eta_s": self._within_minutes(seconds * (self.config["epochs"] - self.done - 1)),
            **usage(),
        }

    def _save(self) -> None:
        listed = self.optimizers()
        wrapped = listed if isinstance(listed, list) else [listed]
        checkpoints.save(
            self.folder,
            modules=self.modules_of_task,
            optimisers=[one.optimizer for one in wrapped],
            state={
                "config": self.config,
                "history": self.history,
                "best_epoch": self.best_epoch,
                "step": self._steps_before + int(self.global_step),
                "scaler": self._scaler.state_dict() if self._scaler is not None else None,
                "updates": self.task.updates,
                "seen": self.task.seen,
                "seconds": self._seconds_before,
            },
            best=self.best,
        )

    def _preview(self) -> None:
        wait = max(PREVIEW_EVERY_S, PREVIEW_EVERY_PART * self.seconds)
        if self.done == 1 or self.trainer.should_stop or time.monotonic() - self._previewed >= wait:
            self.reports.previews(self.task.previews())
            self._previewed = time.monotonic()


def train(task: Task, recipe: str, *, checkpoint_dir: Path, reports: Reports | None = None) -> Outcome:
    """Train until the preset epochs, minutes or figure, going on from the checkpoint in `checkpoint_dir` if there is one.

    Every epoch of an earlier attempt is reported again, in order, before the first new one. Raises CancelledError
    when told to stop, InvalidError `loss_not_finite`.
    """
    reports = reports or Reports()
    checkpoint_dir.parent.mkdir(parents=True, exist_ok=True)
    training = _Training(task, recipe, checkpoint_dir, reports)
    found = checkpoints.load(checkpoint_dir)
    if found and found[1]["config"] == task.config:
        training.resumed = found
        training.history = list(found[1]["history"])
        # Those of older releases know of no best epoch.
        training.best_epoch, training.best = found[1].get("best_epoch", 0), checkpoints.best_of(found[0])
        training._seconds_before = float(found[1]["seconds"])  # noqa: SLF001 - our own
        for figures in training.history:
            reports.epoch(figures)
    stopped = reason_to_stop(task.config, training.recipe, training.history)
    if training.done < task.config["epochs"] and not stopped and training.time_used < 1:
        trainer = trainer_for(task.config["epochs"] - training.done, task.config["devices"])
        trainer.fit(training)
        if trainer.interrupted:
            raise CancelledError
        training.is_first = trainer.is_global_zero
        stopped = training.stopped
    elif found:
        checkpoints.restore_modules(found[0], training.modules_of_task)
    kept = training.history[-1].get("kept_epoch", training.done) if training.history else 0
    if kept != training.done:
        training.modules_of_task.load_state_dict(training.best)
    for module in training.modules_of_task.values():
        module.cpu().eval()
    task.settle(torch.device("cpu"))
    return Outcome(training.history, stopped, kept, is_first=training.is_first)
