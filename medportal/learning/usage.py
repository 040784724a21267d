"""What a training uses of its machine: told every few seconds, and held to a limit."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import torch

from medportal.errors import UnavailableError


def usage() -> dict[str, Any]:
    """Return what the process uses: memory in GB, load of the processors, and of the GPU where there is one."""
    found: dict[str, Any] = {
        "memory_gb": round(memory_gb(), 3),
        "load": round(os.getloadavg()[0] / (os.cpu_count() or 1), 3) if hasattr(os, "getloadavg") else None,
    }
    if torch.cuda.is_available():
        found["gpu_memory_gb"] = round(torch.cuda.max_memory_allocated() / 2**30, 3)
        if (load := _gpu_load()) is not None:
            found["gpu_load"] = load
    return found


def _gpu_load() -> float | None:
    try:
        return torch.cuda.utilization() / 100
    except Exception:  # noqa: BLE001 - the driver has errors of its own, and whatever it is: a training does not end by it
        return None


def memory_gb() -> float:
    """Return the memory that the process holds itself, GB; pages of the prepared files are the system's to take back."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    except (OSError, StopIteration):
        # Elsewhere than on Linux only the most that it has had is known.
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 2**20


def require_memory(limit_gb: float) -> None:
    """Raise UnavailableError `memory` where the process holds more than its limit; 0 is no limit."""
    if 0 < limit_gb < memory_gb():
        raise UnavailableError("memory", f"The training used more than its {limit_gb:g} GB of memory.")
