"""What an evaluation has found so far, a line for each series: an attempt goes on where an earlier one was cut off."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from django.conf import settings


def folder_of(job_id: UUID) -> Path:
    """Return the job's folder."""
    return Path(settings.DATA_DIR) / "jobs" / str(job_id)


def clear_records(job_id: UUID) -> None:
    """Remove what an ended evaluation does not need."""
    shutil.rmtree(folder_of(job_id), ignore_errors=True)


class RecordLog:
    """The records of all attempts, by series; each attempt writes a file of its own, which nobody else touches."""

    def __init__(self, job_id: UUID, attempt: int) -> None:
        self._folder = folder_of(job_id)
        self._folder.mkdir(parents=True, exist_ok=True)
        # What earlier attempts took that came to their end, seconds.
        self.earlier_s = 0.0
        self._began = time.monotonic()
        self.records = self._read()
        self._path = self._folder / f"records-{attempt}.jsonl"

    def _read(self) -> dict[str, dict[str, Any]]:
        records: dict[str, dict[str, Any]] = {}
        for path in sorted(self._folder.glob("records-*.jsonl")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    record = json.loads(line)
                    if "seconds" in record:
                        self.earlier_s += float(record["seconds"])
                    else:
                        records[record["series_uid"]] = record
                except (ValueError, KeyError, TypeError):
                    # The last line of an attempt that was cut off.
                    continue
        return records

    def __enter__(self) -> Self:
        """Open this attempt's file."""
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Note how long the attempt took, and close its file."""
        self._write({"seconds": time.monotonic() - self._began})
        self._file.close()

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep a record."""
        # As it is read back: the figures do not depend on where an attempt was cut off.
        self.records[record["series_uid"]] = json.loads(self._write(record))

    def _write(self, entry: Mapping[str, Any]) -> str:
        line = json.dumps(entry)
        self._file.write(f"{line}\n")
        self._file.flush()
        return line
