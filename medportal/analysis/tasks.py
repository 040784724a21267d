"""The inference worker's tasks."""

from __future__ import annotations

import os
import socket
from typing import Any

from celery import current_app

from medportal.analysis import run_analysis as running
from medportal.analysis import run_embedding as embedding
from medportal.analysis import services, similar


@current_app.task(name=services.TASK)
def run_analysis(*, job_id: str, **_: Any) -> None:
    """Run one analysis, if it is there to be claimed."""
    running.run_analysis(job_id, worker=_worker())


@current_app.task(name=similar.TASK)
def run_embedding(*, job_id: str, **_: Any) -> None:
    """Say where series lie among others, if the job is there to be claimed."""
    embedding.run_embedding(job_id, worker=_worker())


@current_app.task(name=similar.ARRIVAL_TASK)
def embed_after_change(*, event_id: int, **_: Any) -> None:
    """Have series embedded that have come in, where their team wants that."""
    embedding.after_change(event_id)


def _worker() -> str:
    return f"inference@{socket.gethostname()}:{os.getpid()}"
