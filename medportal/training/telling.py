"""Tells what a training's events say, a line each, on standard error."""

from __future__ import annotations

import sys
from typing import Any


def tell_progress(type_: str, told: dict[str, Any]) -> None:
    """Print an event of a training's topic, if it is one that people follow."""
    line = ""
    match type_:
        case "training.stage":
            line = f"{told['stage']} {told['detail']}".strip()
        case "epoch.finished":
            figures = " ".join(
                f"{name} {_figure(told[name])}" for name in ("accuracy", "recall", "precision", "f1", "auc")
            )
            losses = f"loss {_figure(told['train_loss'])} / {_figure(told['validation_loss'])}"
            line = f"epoch {told['epoch']}/{told['epochs']}  {losses}  {figures}  {told['seconds']:.1f} s"
        case "training.finished":
            version = told["version"]
            line = f"{told['model']}@{version} is in the zoo" if version else "the control has ended; it is not kept"
            line += "".join(f", {name} {_figure(one.get('value'))}" for name, one in told["metrics"].items())
    if line:
        sys.stderr.write(f"{line}\n")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
