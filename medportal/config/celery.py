"""The Celery application: messages are hints of (task name, job id) in JSON; rows are the truth."""

from __future__ import annotations

import os
import socket
from typing import Any

import django
from celery import Celery, signals
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medportal.config.settings")
# A worker begins here; the site comes here from its own set-up.
if not apps.app_configs:
    django.setup()

from django.conf import settings

# A worker imports the tasks of its own queue alone: `default` never loads ONNX Runtime.
TASKS_OF_QUEUE = {
    "default": ["medportal.archive.tasks", "medportal.cohorts.tasks", "medportal.training.tasks"],
    "training": ["medportal.training.tasks"],
    "inference": ["medportal.analysis.tasks", "medportal.training.evaluations.tasks"],
}
# `default` has what is short: thumbnails, previews, imports; `training` prepares cohorts and watches their children, as
# many as the machine is given to at once; `inference` keeps its models in one process.
POOL_OF_QUEUE = {
    "default": ["--pool=threads", "--concurrency=3"],
    "training": ["--pool=threads", f"--concurrency={settings.TRAININGS_AT_ONCE}"],
    "inference": ["--pool=solo"],
}
QUEUE = os.environ.get("MEDPORTAL_QUEUE", "")

app = Celery("medportal", broker=settings.REDIS_URL, set_as_current=True)
app.conf.update(
    imports=TASKS_OF_QUEUE.get(QUEUE, []),
    task_serializer="json",
    accept_content=["json"],
    result_backend=None,
    task_ignore_result=True,
    task_default_queue="default",
    # Acknowledged at once: the lease decides who works, and the sweeper repeats what was lost.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_pool_limit=4,
    # A request waits a second for a broker that is silent; a worker's patience is longer than its polls.
    broker_transport_options={
        "socket_timeout": 5 if QUEUE else 1,
        "socket_connect_timeout": 1,
        "max_retries": 0,
        "health_check_interval": 25,
    },
)
app.set_default()


def worker_arguments(queue: str) -> list[str]:
    """Return the command line of a queue's worker, after the interpreter; its environment names MEDPORTAL_QUEUE."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
    return ["-m", "celery", "-A", "medportal.config.celery", "worker", "-Q", queue, *POOL_OF_QUEUE[queue], *quiet]


@signals.worker_ready.connect
def _start_threads(**_: Any) -> None:
    """Let the worker be seen, and let the `default` one sweep."""
    from medportal.jobs.heartbeat import Heart
    from medportal.jobs.sweeper import Sweeper

    Heart(name=f"{QUEUE}@{socket.gethostname()}:{os.getpid()}", queue=QUEUE).start()
    if QUEUE == "default":
        Sweeper().start()


@signals.worker_shutting_down.connect
def _hand_back(**_: Any) -> None:
    """Have what is being worked on given back to the queue: another worker, or the next start, goes on."""
    from medportal.jobs.leases import stop_worker

    stop_worker()
