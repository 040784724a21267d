"""Lightning's trainer as this machine and its launcher want it: precision, GPUs, processes, nodes."""

from __future__ import annotations

import os
from typing import Any

import lightning
import torch

from medportal.errors import InvalidError


def _precision() -> Any:
    """Return mixed precision where there is a GPU: bfloat16, which needs no scaling, where it can do that."""
    if not torch.cuda.is_available():
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def devices_for(wanted: int) -> int:
    """Return how many GPUs (or processes) this machine takes part with: as many as were launched, or as are wanted.

    Raises InvalidError `devices` where there are not so many GPUs.
    """
    launched = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if launched > 1:
        return launched
    if not torch.cuda.is_available():
        return wanted or 1
    there = torch.cuda.device_count()
    if wanted > there:
        raise InvalidError("devices", f"The training is to take {wanted} GPUs (devices); this machine has {there}.")
    return wanted or there


def trainer_for(epochs: int, wanted: int) -> lightning.Trainer:
    """Return a trainer of so many epochs that takes so many GPUs (0: all there are), over all launched processes."""
    nodes = int(os.environ.get("GROUP_WORLD_SIZE", "1"))
    has_gpu = torch.cuda.is_available()
    devices = devices_for(wanted)
    is_spread = devices * nodes > 1
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="gpu" if has_gpu else "cpu",
        devices=devices,
        num_nodes=nodes,
        # A generator's and a critic's parameters are not all used in one backward pass.
        strategy="ddp_find_unused_parameters_true" if is_spread else "auto",
        precision=_precision(),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )
