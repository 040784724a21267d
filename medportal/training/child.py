"""The training child as its watcher sees it: started, listened to line by line, ended without fail."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from medportal.training.folders import SPEC

log = structlog.get_logger(__name__)
MODULE = "medportal.learning.child"
# The child leaves the site's own work the better part of a shared machine.
NICENESS = 10
# What the child has no business with.
SECRETS = ("MEDPORTAL_SECRET_KEY", "MEDPORTAL_ADMIN_PASSWORD", "DATABASE_URL", "REDIS_URL")
# Threads that wait for another spin for some microseconds, and then let the machine do something else: with libgomp's own
# patience two threads, of which one was not running, made an epoch ten times slower on a busy machine; without any, steps
# of a small network took a third longer. What a step frees is kept for the next: given back to the system and asked for
# again, page by page, it took a quarter of a step.
QUICK = {
    "GOMP_SPINCOUNT": "1000",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class TrainingChild:
    """A running `python -m medportal.learning.child`; leaving the `with` block ends it, whatever it is doing.

    Its standard input stays open for as long as we live: the kernel closes it when we are killed, and the child, which
    watches it, then exits. So no child outlives its worker, whichever thread started it.
    """

    def __init__(self, spec: dict[str, Any], folder: Path, *, threads: int, module: str = MODULE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._spec_path = folder / SPEC
        self._spec_path.write_text(json.dumps(spec))
        self._log_path = folder / "child.log"
        self._threads, self._module = threads, module
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> Self:
        """Start the child and the thread that listens to it."""
        with self._log_path.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(self._spec_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=_environment(self._threads),
                # A Ctrl-C is for the worker, which decides what becomes of the child.
                start_new_session=True,
            )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        threading.Thread(target=self._listen, name="training-child", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the child, and those that train with it. Its checkpoints are whole at every moment: nothing is asked first."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def group(self) -> int:
        """The process group of the child, and of those that it has started to train with it."""
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._lines.put(line)
        except ValueError:
            # The pipe was closed under us: the child has been ended.
            pass
        self._lines.put(None)

    def messages(self, *, poll_s: float) -> Iterator[dict[str, Any] | None]:
        """Yield what the child says, in order, and None whenever it has said nothing for `poll_s`; ends when it ends."""
        while True:
            try:
                line = self._lines.get(timeout=poll_s)
            except queue.Empty:
                yield None
                continue
            if line is None:
                return
            if message := _parsed(line):
                yield message

    def exit_code(self) -> int:
        """Return with what the child has ended, waiting for a moment if need be."""
        return self._process.wait(timeout=10)

    def last_words(self, lines: int = 20) -> str:
        """Return the end of what the child wrote to standard error, for our own log."""
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])


def _parsed(line: str) -> dict[str, Any] | None:
    """Return a line's message; a library that prints to standard output is logged and passed over."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "type" not in message:
        log.info("training.printed", line=line.strip()[:500])
        return None
    return message


def _environment(threads: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    count = str(threads or os.cpu_count() or 1)
    return kept | QUICK | dict.fromkeys(_THREAD_VARIABLES, count) | {"PYTHONUNBUFFERED": "1"}
