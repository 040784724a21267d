"""The training child: `python -m medportal.learning.child SPEC.json`. Tells JSON lines, and ends when its parent does."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medportal.errors import MedportalError
from medportal.learning.told import kept_beside

# The exit codes say the same as the last line, for a parent that lost it.
OUT_OF_MEMORY = "The training ran out of memory: choose a smaller size or batch. The last checkpoint is kept."
EXIT_FAILED, EXIT_CANCELLED, EXIT_ORPHANED = 1, 3, 4


class Voice:
    """Standard output as JSON lines, and a file with the same; torch and others are kept from writing into it."""

    def __init__(self, kept_in: Path | None = None) -> None:
        # A start says again what those before it have said: the file is begun anew.
        self._outs = [os.fdopen(os.dup(1), "w", buffering=1)]
        if kept_in is not None:
            self._outs.append(kept_in.open("w", buffering=1))
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def say(self, type_: str, **data: Any) -> None:
        """Write one line."""
        line = json.dumps({"type": type_, **data})
        with self._lock:
            for out in self._outs:
                out.write(f"{line}\n")
                out.flush()


class Orders:
    """What the parent says: `{"cancel": true}` on standard input, SIGTERM; its end closes the pipe."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self.cancelled.set())
        # A pipe is the parent's; under torchrun, or in a terminal, nobody is at the other end.
        if stat.S_ISFIFO(os.fstat(0).st_mode):
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            if "cancel" in line:
                self.cancelled.set()
        # The pipe is closed: nobody is there to work for. No orphan trains on, whatever thread had started it.
        os._exit(EXIT_ORPHANED)


def main(spec_path: str) -> int:
    """Train as the spec says; return the exit code."""
    voice, orders = Voice(kept_beside(Path(spec_path))), Orders()
    voice.say("stage", stage="loading", detail="")

    def work() -> None:
        # After the pipe is watched: this takes seconds.
        from medportal.learning.run import run

        run(json.loads(Path(spec_path).read_text()), say=voice.say, is_cancelled=orders.cancelled.is_set)

    return run_told(voice, work)


def run_told(voice: Voice, work: Callable[[], None]) -> int:
    """Do a child's work, say how it failed if it did, and return the exit code."""
    # Brings torch along: only now that the pipe is watched.
    from medportal.learning.callbacks import CancelledError

    try:
        work()
    except CancelledError:
        voice.say("cancelled")
        return EXIT_CANCELLED
    except Exception as error:  # noqa: BLE001 - told to the parent, whatever it is
        code, detail = _told(error)
        voice.say("failed", code=code, detail=detail)
        return EXIT_FAILED
    return 0


def _told(error: Exception) -> tuple[str, str]:
    """Return the code and the sentence by which a failure is known; what nobody foresaw goes to the log as well."""
    match error:
        case MedportalError():
            return error.code, error.detail
        case MemoryError():
            return "memory", OUT_OF_MEMORY
        # torch says so in words.
        case RuntimeError() if "out of memory" in str(error).lower() or "can't allocate memory" in str(error):
            return "memory", OUT_OF_MEMORY
        case OSError(errno=errno.ENOSPC):
            return "storage_full", "The checkpoint could not be written: the disk is full. The one before it is kept."
        case OSError():
            return "storage", f"A file of the training could not be read or written ({error.strerror})."
    traceback.print_exception(error)
    return "internal", f"The training stopped on an unexpected fault ({type(error).__name__})."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
