"""Tells what a training's events say, a line each, on standard error."""

from __future__ import annotations

import sys
import time
from typing import Any

# Within an epoch the time that is left is told this often: often enough to see that it goes on.
USAGE_EVERY_S = 30.0


class Teller:
    """Prints the events of a training's topic that people follow."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, type_: str, told: dict[str, Any]) -> None:
        """Print an event, if it is one that people follow."""
        if type_ == "training.usage" and time.monotonic() - self._told < USAGE_EVERY_S:
            return
        if line := _line(type_, told):
            sys.stderr.write(f"{line}\n")
            self._told = time.monotonic()


def _line(type_: str, told: dict[str, Any]) -> str:
    line = ""
    match type_:
        case "training.stage":
            line = f"{told['stage']} {told['detail']}".strip()
        case "epoch.finished":
            told_of = {**told["losses"], **told["figures"]}
            figures = " ".join(f"{name} {_figure(value)}" for name, value in told_of.items())
            eta = f", {told['eta_s'] / 60:.1f} min to go" if told.get("eta_s") else ""
            line = f"epoch {told['epoch']}/{told['epochs']}  {figures}  {told['seconds']:.1f} s{eta}"
        case "training.usage":
            eta = "" if told.get("eta_s") is None else f"{told['eta_s'] / 60:.1f} min to go, "
            line = f"  {eta}{told['memory_gb']:.1f} GB"
        case "training.log":
            line = str(told["message"])
        case "training.finished":
            version = told["version"]
            line = f"{told['model']}@{version} is in the zoo" if version else "the control has ended; it is not kept"
            line += "".join(f", {name} {_figure(one.get('value'))}" for name, one in told["metrics"].items())
    return line


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
