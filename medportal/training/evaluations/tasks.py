"""The evaluation task of the `inference` worker."""

from __future__ import annotations

import os
import socket
from typing import Any

from celery import current_app

from medportal.training.evaluations import run_evaluation as running
from medportal.training.evaluations.services import TASK


@current_app.task(name=TASK)
def run_evaluation(*, job_id: str, **_: Any) -> None:
    """Run one evaluation, if it is there to be claimed."""
    running.run_evaluation(job_id, worker=f"inference@{socket.gethostname()}:{os.getpid()}")
