"""Checkpoints: tensors as safetensors, everything else as JSON; written whole and durable, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from medportal.errors import InvalidError

TENSORS, STATE = "tensors.safetensors", "state.json"


def save(
    folder: Path, *, network: nn.Module, optimiser: torch.optim.Optimizer, scheduler: Any, state: dict[str, Any]
) -> None:
    """Write a checkpoint: weights, optimiser, scheduler, random state, and `state` (epoch, step, config, history).

    The folder is made beside its final name, synced, and exchanged for the one before it.
    """
    tensors: dict[str, Tensor] = {
        f"network/{k}": v.detach().cpu().contiguous() for k, v in network.state_dict().items()
    }
    optimiser_state = optimiser.state_dict()
    for key, entry in optimiser_state["state"].items():
        tensors |= {f"optimiser/{key}/{name}": torch.as_tensor(v).cpu().contiguous() for name, v in entry.items()}
    tensors["random/torch"] = torch.get_rng_state()
    document = {
        **state,
        "optimiser_groups": optimiser_state["param_groups"],
        "scheduler": {
            k: v for k, v in scheduler.state_dict().items() if isinstance(v, int | float | list | str | bool)
        },
    }
    fresh, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    fresh.mkdir(parents=True, exist_ok=True)
    save_file(tensors, fresh / TENSORS)
    (fresh / STATE).write_text(json.dumps(document))
    for path in (fresh / TENSORS, fresh / STATE, fresh):
        _sync(path)
    _exchange(fresh, folder, old)


def _exchange(fresh: Path, folder: Path, old: Path) -> None:
    _remove(old)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    _sync(folder.parent)
    _remove(old)


def _remove(folder: Path) -> None:
    if folder.exists():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return (tensors, state) of the newest whole checkpoint; None where there is none."""
    for candidate in (folder, folder.with_suffix(".old")):
        if (candidate / STATE).is_file() and (candidate / TENSORS).is_file():
            try:
                return load_file(candidate / TENSORS), json.loads((candidate / STATE).read_text())
            except Exception as error:
                raise InvalidError("checkpoint", "The checkpoint cannot be read.") from error
    return None


def restore(
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    *,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    scheduler: Any,
) -> None:
    """Put a checkpoint back into fresh objects of the same configuration."""
    network.load_state_dict({k.removeprefix("network/"): v for k, v in tensors.items() if k.startswith("network/")})
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser/"):
            _, number, name = key.split("/")
            entries.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": entries, "param_groups": state["optimiser_groups"]})
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(tensors["random/torch"])
