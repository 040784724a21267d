"""Whether the site lives, and whether it can serve."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from medportal.jobs.heartbeat import STALE_AFTER_S
from medportal.jobs.models import Heartbeat
from medportal.messaging import broker

QUEUES = ("default", "training", "inference")


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The process answers."""
    return JsonResponse({"status": "ok"})


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    broker.sync_client().ping()


def _storage() -> None:
    # Writing tells more than permissions do: of a full disk, and of a folder mounted read-only.
    with tempfile.TemporaryFile(dir=settings.DATA_DIR) as file:
        file.write(b"ok")
        file.flush()


def _works(check: Callable[[], None]) -> bool:
    try:
        check()
    except (DatabaseError, redis.RedisError, OSError):
        return False
    return True


def _workers() -> dict[str, bool]:
    try:
        recent = Heartbeat.objects.filter(at__gt=Now() - timedelta(seconds=STALE_AFTER_S))
        alive = set(recent.values_list("queue", flat=True))
    except DatabaseError:
        alive = set()
    return {queue: queue in alive for queue in QUEUES}


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """Database, broker, storage and a worker for each queue are there: 200, else 503 and what is missing."""
    body = {"database": _works(_database), "broker": _works(_broker), "storage": _works(_storage)}
    workers = _workers()
    is_ready = all(body.values()) and all(workers.values())
    return JsonResponse(
        {"status": "ready" if is_ready else "not ready", **body, "workers": workers}, status=200 if is_ready else 503
    )
