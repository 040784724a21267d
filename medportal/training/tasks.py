"""The training task of the `default` worker."""

from __future__ import annotations

import os
import socket
from typing import Any

from celery import current_app

from medportal.training import run_training as running
from medportal.training.services import TASK


@current_app.task(name=TASK)
def run_training(*, job_id: str, **_: Any) -> None:
    """Run one training, if it is there to be claimed."""
    running.run_training(job_id, worker=f"default@{socket.gethostname()}:{os.getpid()}")
