"""What a training uses is told where it can be read, and whatever cannot be read ends no training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medportal.learning.usage import usage


class DriverError(Exception):
    """As NVML has them: of no class that Python or torch knows."""


@pytest.mark.parametrize("error", [DriverError("Not Supported"), ModuleNotFoundError("pynvml"), AttributeError("nvml")])
def test_a_gpu_whose_load_cannot_be_read_is_told_without_it(monkeypatch: Any, error: Exception) -> None:
    def utilization() -> int:
        raise error

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 2**30)
    monkeypatch.setattr(torch.cuda, "utilization", utilization)
    found = usage()
    assert found["gpu_memory_gb"] == 1.0
    assert "gpu_load" not in found
    monkeypatch.setattr(torch.cuda, "utilization", lambda: 50)
    assert usage()["gpu_load"] == 0.5
