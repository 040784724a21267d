"""Checkpoints: tensors as safetensors, everything else as JSON; written whole and durable, or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from medportal.errors import InvalidError

TENSORS, STATE = "tensors.safetensors", "state.json"


def save(
    folder: Path,
    *,
    modules: nn.ModuleDict,
    optimisers: Sequence[torch.optim.Optimizer],
    state: dict[str, Any],
    best: Mapping[str, Tensor],
) -> None:
    """Write a checkpoint: weights, optimisers, random state, and `state` (epoch, step, config, seed, history).

    `best` are the weights of the best epoch so far, where they are kept.
    The folder is made beside its final name, synced, and exchanged for the one before it.
    """
    tensors = {f"modules/{k}": v.detach().cpu().contiguous() for k, v in modules.state_dict().items()}
    tensors |= {f"best/{k}": v.contiguous() for k, v in best.items()}
    groups = []
    for number, optimiser in enumerate(optimisers):
        document = optimiser.state_dict()
        groups.append(document["param_groups"])
        for key, entry in document["state"].items():
            tensors |= {
                f"optimiser/{number}/{key}/{name}": torch.as_tensor(v).cpu().contiguous() for name, v in entry.items()
            }
    tensors["random/torch"] = torch.get_rng_state()
    fresh, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    fresh.mkdir(parents=True, exist_ok=True)
    _write_tensors(tensors, fresh / TENSORS)
    (fresh / STATE).write_text(json.dumps({**state, "optimiser_groups": groups}))
    for path in (fresh / TENSORS, fresh / STATE, fresh):
        _sync(path)
    _exchange(fresh, folder, old)


def _write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors; a full disk is told as every other file tells it."""
    try:
        save_file(tensors, path)
    except SafetensorError as error:
        if "No space left" in str(error) or "os error 28" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


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


def restore_modules(tensors: dict[str, Tensor], modules: nn.ModuleDict) -> None:
    """Put a checkpoint's weights back into modules of the same configuration."""
    modules.load_state_dict(_under("modules/", tensors))


def best_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the best epoch, as `save` was given them."""
    return _under("best/", tensors)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def restore(
    tensors: dict[str, Tensor],
    state: dict[str, Any],
    *,
    modules: nn.ModuleDict,
    optimisers: Sequence[torch.optim.Optimizer],
) -> None:
    """Put a checkpoint back into fresh objects of the same configuration."""
    restore_modules(tensors, modules)
    for number, optimiser in enumerate(optimisers):
        parameters = [one for group in optimiser.param_groups for one in group["params"]]
        entries: dict[int, dict[str, Tensor]] = {}
        prefix = f"optimiser/{number}/"
        for key, value in tensors.items():
            if key.startswith(prefix):
                parameter, name = key.removeprefix(prefix).split("/")
                entries.setdefault(int(parameter), {})[name] = _laid_like(parameters[int(parameter)], value)
        optimiser.load_state_dict({"state": entries, "param_groups": state["optimiser_groups"][number]})
    torch.set_rng_state(tensors["random/torch"])


def _laid_like(parameter: Tensor, value: Tensor) -> Tensor:
    """Return a value in the memory order of its parameter: a file knows none, and a fused optimiser goes by memory."""
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value) if value.shape == parameter.shape else value
