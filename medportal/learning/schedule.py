"""The learning rate over a run: one cycle, by the part of the run that is done."""

from __future__ import annotations

from math import cos, pi

RISE = 0.2
START, END = 1 / 25, 1e-3


def one_cycle(done: float) -> float:
    """Return the share of the highest learning rate at a part of the run, 0…1 (Smith and Topin 2018), by cosines."""
    done = min(max(done, 0.0), 1.0)
    if done < RISE:
        return START + (1 - START) * (1 - cos(pi * done / RISE)) / 2
    return END + (1 - END) * (1 + cos(pi * (done - RISE) / (1 - RISE))) / 2
