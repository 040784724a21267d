"""A worker says every few seconds that it lives, from a thread: a busy worker answers nothing else."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import structlog
from django.db import close_old_connections, connection
from django.db.models.functions import Now

from medportal.jobs.models import Heartbeat

log = structlog.get_logger(__name__)
INTERVAL_S = 3.0
STALE_AFTER_S = 15.0
FORGOTTEN_AFTER = timedelta(days=1)


class Heart(threading.Thread):
    """Writes the worker's Heartbeat row."""

    def __init__(self, *, name: str, queue: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._worker, self._queue, self._detail = name, queue, detail or {}

    def run(self) -> None:
        """Beat until the process ends."""
        while True:
            try:
                close_old_connections()
                self._beat()
            except Exception as error:  # noqa: BLE001 - the database may be away for a moment
                log.warning("heartbeat.failed", reason=type(error).__name__)
                connection.close()
            time.sleep(INTERVAL_S)

    def _beat(self) -> None:
        values = {"queue": self._queue, "at": Now(), "detail": self._detail}
        if not Heartbeat.objects.filter(name=self._worker).update(**values):
            Heartbeat.objects.create(name=self._worker, **values)
            # Names carry the process id: rows of workers long gone would pile up.
            Heartbeat.objects.filter(at__lt=Now() - FORGOTTEN_AFTER).delete()
