"""What a training says in a terminal: each epoch, and now and then within a long one that it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from medportal.training import telling

USAGE = {"eta_s": 90.0, "memory_gb": 1.25, "load": 0.9}


def test_within_a_long_epoch_the_time_that_is_left_is_told_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    now = [0.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: now[0])
    tell = telling.Teller()
    for second in range(0, 95, 5):
        now[0] = float(second)
        tell("training.usage", USAGE)
    assert capsys.readouterr().err == "  1.5 min to go, 1.2 GB\n" * 3


def test_what_is_not_known_is_not_made_up(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(telling, "USAGE_EVERY_S", 0.0)
    tell = telling.Teller()
    tell("training.usage", USAGE | {"eta_s": None})
    tell(
        "epoch.finished",
        {"epoch": 2, "epochs": 9, "losses": {}, "figures": {"auc": None}, "seconds": 1.0, "eta_s": None},
    )
    tell("training.previews", {"previews": []})
    assert capsys.readouterr().err == "  1.2 GB\nepoch 2/9  auc –  1.0 s\n"
