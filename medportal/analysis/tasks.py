"""The inference worker's task."""

from __future__ import annotations

import os
import socket
from typing import Any

from celery import current_app

from medportal.analysis import run_analysis as running
from medportal.analysis.services import TASK


@current_app.task(name=TASK)
def run_analysis(*, job_id: str, **_: Any) -> None:
    """Run one analysis, if it is there to be claimed."""
    running.run_analysis(job_id, worker=f"inference@{socket.gethostname()}:{os.getpid()}")
