"""The data set task of the `default` worker."""

from __future__ import annotations

import os
import socket
from typing import Any

from celery import current_app

from medportal.cohorts import run_dataset as running
from medportal.cohorts.services import DATASET_TASK


@current_app.task(name=DATASET_TASK)
def import_dataset(*, job_id: str, **_: Any) -> None:
    """Import one uploaded data set, if it is there to be claimed."""
    running.run_dataset(job_id, worker=f"default@{socket.gethostname()}:{os.getpid()}")
