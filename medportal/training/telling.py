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
            told_of = {**told["losses"], **told["figures"]}
            figures = " ".join(f"{name} {_figure(value)}" for name, value in told_of.items())
            eta = f", {told['eta_s'] / 60:.1f} min to go" if told.get("eta_s") else ""
            line = f"epoch {told['epoch']}/{told['epochs']}  {figures}  {told['seconds']:.1f} s{eta}"
        case "training.log":
            line = str(told["message"])
        case "training.finished":
            version = told["version"]
            line = f"{told['model']}@{version} is in the zoo" if version else "the control has ended; it is not kept"
            line += "".join(f", {name} {_figure(one.get('value'))}" for name, one in told["metrics"].items())
    if line:
        sys.stderr.write(f"{line}\n")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
