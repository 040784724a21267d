"""The tasks of the `training` worker, and the preview of the `default` one."""

from __future__ import annotations

import os
import socket
from typing import Any

from celery import current_app

from medportal.training import run_preview as previewing
from medportal.training import run_training as running
from medportal.training.evaluations import run_worth as judging
from medportal.training.evaluations.services import WORTH_TASK
from medportal.training.services import PREVIEW_QUEUE, PREVIEW_TASK, QUEUE, TASK


@current_app.task(name=TASK)
def run_training(*, job_id: str, **_: Any) -> None:
    """Run one training, if it is there to be claimed."""
    running.run_training(job_id, worker=_worker(QUEUE))


@current_app.task(name=PREVIEW_TASK)
def run_preview(*, job_id: str, **_: Any) -> None:
    """Make one preview, if it is there to be claimed."""
    previewing.run_preview(job_id, worker=_worker(PREVIEW_QUEUE))


@current_app.task(name=WORTH_TASK)
def run_worth(*, job_id: str, **_: Any) -> None:
    """Run one evaluation whose classifiers learn, if it is there to be claimed."""
    judging.run_worth(job_id, worker=_worker(QUEUE))


def _worker(queue: str) -> str:
    return f"{queue}@{socket.gethostname()}:{os.getpid()}"
