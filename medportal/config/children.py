"""The supervisor's children: started so that none outlives it, started again when they die, ended in order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
# A child that has lived this long begins anew with short waits.
LIVED_WELL_S = 60.0
KEPT_LOG_BYTES = 10 * 1024 * 1024
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with(parent: int) -> Callable[[], None]:
    """Return what a child does before it becomes another program: ask the kernel to be killed with its parent.

    The kernel counts the death of the *thread* that started the child, so children are started by the main thread.
    """

    def ask() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return ask


class Child:
    """One program that runs as long as the site does."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        folder: Path,
        log: Path,
        environment: dict[str, str],
        first_input: bytes = b"",
        again: bool = True,
    ) -> None:
        self.name, self.log = name, log
        self._arguments, self._folder, self._environment = arguments, folder, environment
        self._first_input, self._again = first_input, again
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._start_at = 0.0
        self._wait_s = FIRST_WAIT_S

    def start(self) -> None:
        """Start it, in a session of its own: a Ctrl-C is for the supervisor, which ends its children in order."""
        if self.log.exists() and self.log.stat().st_size > KEPT_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE if self._first_input else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - the supervisor has one thread
            )
        self._started_at, self._start_at = time.monotonic(), 0.0
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(self._first_input)
                self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The number of the running process, or 0."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs or before it has been started."""
        return self._process.poll() if self._process else None

    def tend(self, say: Callable[[str], None]) -> None:
        """Start it again if it died, the longer after the more often it dies."""
        if self.exit_code is None or not self._again:
            return
        now = time.monotonic()
        if not self._start_at:
            if now - self._started_at > LIVED_WELL_S:
                self._wait_s = FIRST_WAIT_S
            self._start_at = now + self._wait_s
            say(f"{self.name} ended ({self.how_it_ended()}); starting it again in {self._wait_s:g} s (see {self.log})")
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        elif now >= self._start_at:
            self.start()

    def how_it_ended(self) -> str:
        """Say by what it ended."""
        code = self.exit_code or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def last_words(self) -> str:
        """Return the last line of its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_bytes()[-4000:].decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def ask_to_end(self) -> None:
        """Ask it to end; it is not started again."""
        self._again = False
        if pid := self.pid:
            os.kill(pid, signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait for its end until `deadline` (monotonic clock), then end it and what it started."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def end_all(children: list[Child], grace_s: float) -> None:
    """End several children at once: asked first, killed after `grace_s` seconds."""
    deadline = time.monotonic() + grace_s
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end(deadline)
