"""The training loop: forward pass, loss, back-propagation, until the preset epochs or the preset figure (Lightning)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from medportal.errors import InvalidError
from medportal.inference.postprocess import positive_probability, series_probability
from medportal.learning import checkpoints
from medportal.learning.dataset import BalancedSampler, Prepared, SliceDataset
from medportal.learning.metrics import binary_figures
from medportal.learning.networks import build_network
from medportal.learning.transforms import augmentation, mosaic

EVALUATION_BATCH = 64


class CancelledError(Exception):
    """The run was told to stop."""


@dataclass
class Reports:
    """What the loop tells its surroundings, and what it asks them."""

    epoch: Callable[[dict[str, Any]], None] = lambda _: None
    progress: Callable[[float], None] = lambda _: None
    is_cancelled: Callable[[], bool] = lambda: False


@dataclass
class Outcome:
    """A trained network, and each epoch's figures."""

    network: nn.Module
    history: list[dict[str, Any]] = field(default_factory=list)
    stopped_early: bool = False


class _Training(lightning.LightningModule):
    """One run as Lightning sees it: a step, its optimiser, and the end of an epoch."""

    def __init__(self, prepared: Prepared, config: dict[str, Any], folder: Path, reports: Reports) -> None:
        super().__init__()
        self.prepared, self.config, self.folder, self.reports = prepared, config, folder, reports
        self.network = build_network(
            config["network"], channels=2 * config["context"] + 1, classes=len(prepared.classes), width=config["width"]
        )
        # On CPUs a third quicker.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.transform = augmentation(config, config["seed"])
        numbers = prepared.of_split("train")
        labels = [prepared.classes.index(prepared.rows[i].label or "") for i in numbers]
        self.sampler = BalancedSampler(
            labels, ratio=config["negatives_per_positive"], repeats=config["repeats"], seed=config["seed"]
        )
        self.dataset = SliceDataset(prepared, numbers, config["context"], self.transform)
        self.history: list[dict[str, Any]] = []
        self.resumed: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self.stopped_early = False
        self._losses: list[float] = []
        self._started = time.monotonic()
        self._mosaic_rng = torch.Generator()

    @property
    def done(self) -> int:
        """Epochs that are finished, those of earlier attempts included."""
        return len(self.history)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return batches of the balanced, augmented training split."""
        return DataLoader(self.dataset, batch_size=self.config["batch_size"], sampler=self.sampler, drop_last=False)

    def configure_optimizers(self) -> Any:
        """Return AdamW under a one-cycle schedule (Smith and Topin 2018)."""
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=self.config["learning_rate"], weight_decay=self.config["weight_decay"]
        )
        steps = -(-len(self.sampler) // self.config["batch_size"]) * self.config["epochs"]
        # At four steps the rise would take none, and OneCycleLR divides by it.
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=self.config["learning_rate"], total_steps=max(steps, 5), pct_start=0.25
        )
        if self.resumed:
            checkpoints.restore(*self.resumed, network=self.network, optimiser=optimiser, scheduler=scheduler)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Let what is random depend on seed and epoch alone: a resumed run goes on as it would have."""
        self._started, self._losses = time.monotonic(), []
        epoch_seed = int(np.random.SeedSequence([self.config["seed"], self.done]).generate_state(1)[0])
        self.transform.set_random_state(seed=epoch_seed)
        self._mosaic_rng.manual_seed(epoch_seed)
        self.sampler.epoch = self.done

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Return the loss of a batch."""
        if self.reports.is_cancelled():
            raise CancelledError
        images, labels = batch
        images = mosaic(images, labels, self.config["mosaic_probability"], self._mosaic_rng)
        images = images.contiguous(memory_format=torch.channels_last)
        logits, _ = self.network(images)
        loss = F.cross_entropy(logits, labels)
        if not torch.isfinite(loss):
            raise InvalidError(
                "loss_not_finite", f"The loss became {loss.item()} in epoch {self.done + 1}: lower the learning rate."
            )
        self._losses.append(float(loss.detach()))
        batches = max(int(self.trainer.num_training_batches), 1)
        self.reports.progress((self.done + (index + 1) / batches) / self.config["epochs"])
        return loss

    def on_train_epoch_end(self) -> None:
        """Measure on validation, make the checkpoint durable, and only then tell of the epoch."""
        figures = self._figures()
        self.history.append(figures)
        checkpoints.save(
            self.folder,
            network=self.network,
            optimiser=self.optimizers().optimizer,  # type: ignore[union-attr]
            scheduler=self.lr_schedulers(),
            state={"config": self.config, "history": self.history, "step": int(self.global_step)},
        )
        self.reports.epoch(figures)
        wanted = self.config["stop_metric"]
        if wanted != "none" and (figures[wanted] or 0) >= self.config["stop_value"]:
            self.stopped_early = True
            self.trainer.should_stop = True

    def _figures(self) -> dict[str, Any]:
        numbers = self.prepared.of_split("validation")
        logits = predict_logits(self.network, self.prepared, numbers, self.config["context"], self.reports)
        labels = np.array([self.prepared.classes.index(self.prepared.rows[i].label or "") for i in numbers])
        loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
        scores = positive_probability(logits, 1.0)
        seconds = time.monotonic() - self._started
        return {
            "epoch": self.done + 1,
            "epochs": self.config["epochs"],
            "train_loss": float(np.mean(self._losses)),
            "validation_loss": loss,
            **binary_figures((labels > 0).astype(int), scores, 0.5),
            "seconds": seconds,
            "eta_s": seconds * (self.config["epochs"] - self.done - 1),
        }


def train(
    prepared: Prepared, config: dict[str, Any], *, checkpoint_dir: Path, reports: Reports | None = None
) -> Outcome:
    """Train until the preset epochs or the preset figure, going on from the checkpoint in `checkpoint_dir` if there is one.

    Every epoch of an earlier attempt is reported again, in order, before the first new one. Raises CancelledError
    when told to stop, InvalidError `loss_not_finite`.
    """
    reports = reports or Reports()
    lightning.seed_everything(config["seed"], workers=True, verbose=False)
    checkpoint_dir.parent.mkdir(parents=True, exist_ok=True)
    training = _Training(prepared, config, checkpoint_dir, reports)
    training.resumed = checkpoints.load(checkpoint_dir)
    if training.resumed and training.resumed[1]["config"] == config:
        training.history = list(training.resumed[1]["history"])
        for figures in training.history:
            reports.epoch(figures)
    else:
        training.resumed = None
    if training.done < config["epochs"] and not _has_reached(config, training.history):
        _fit(training, config["epochs"] - training.done)
    elif training.resumed:
        weights = training.resumed[0]
        training.network.load_state_dict({k[8:]: v for k, v in weights.items() if k.startswith("network/")})
    return Outcome(training.network.cpu().eval(), training.history, training.stopped_early)


def _has_reached(config: dict[str, Any], history: list[dict[str, Any]]) -> bool:
    wanted = config["stop_metric"]
    return bool(history) and wanted != "none" and (history[-1][wanted] or 0) >= config["stop_value"]


def _fit(training: _Training, epochs: int) -> None:
    has_gpu = torch.cuda.is_available()
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="gpu" if has_gpu else "cpu",
        devices=1,
        precision="16-mixed" if has_gpu else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(training)
    if trainer.interrupted:
        raise CancelledError


@torch.no_grad()
def predict_logits(
    network: nn.Module, prepared: Prepared, numbers: list[int], context: int, reports: Reports | None = None
) -> NDArray[np.float32]:
    """Return the network's logits for slices, shape (len(numbers), classes)."""
    was_training, device = network.training, next(network.parameters()).device
    network.eval()
    found = []
    for start in range(0, len(numbers), EVALUATION_BATCH):
        if reports and reports.is_cancelled():
            raise CancelledError
        batch = np.stack([prepared.sample(i, context) for i in numbers[start : start + EVALUATION_BATCH]])
        found.append(network(torch.from_numpy(batch).to(device))[0].float().cpu().numpy())
    network.train(was_training)
    return np.concatenate(found)


def series_scores(
    prepared: Prepared, numbers: list[int], probabilities: NDArray[np.floating[Any]], top_k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str]]:
    """Return (label, probability, group) of each series from its slices' probabilities."""
    by_series: dict[str, list[float]] = {}
    for number, probability in zip(numbers, probabilities, strict=True):
        by_series.setdefault(prepared.rows[number].series_uid, []).append(float(probability))
    rows = [prepared.rows[prepared.span[uid][0]] for uid in by_series]
    labels = np.array([int(row.series_label != prepared.classes[0]) for row in rows])
    scores = np.array([series_probability(np.array(values), top_k) for values in by_series.values()])
    return labels, scores, [row.group for row in rows]
