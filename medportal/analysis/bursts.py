"""Lets a model run on while what it has yielded is being written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Check = Callable[[], None]
POLL_S = 0.5
# Items that are passed on together at most.
MAX_BURST = 32


class _LeftError(Exception):
    """Nobody takes the items any more."""


@dataclass(frozen=True)
class _End:
    """The iteration has ended, with or without an error."""

    error: BaseException | None = None


def in_bursts(
    make: Callable[[Check], Iterable[Item]], *, check: Check, leave: Check = lambda: None
) -> Iterator[list[Item]]:
    """Iterate in a thread of its own and yield, each time the caller is ready, what has come since.

    So nothing waits for company: the first item is passed on alone, and what comes while it is being written makes
    the next burst. `check` is called at least twice a second and may raise; what the iteration raises is raised here,
    after what it had yielded. `make(go_on)` begins the iteration, which calls `go_on` now and then between two items:
    it raises where nobody waits for the next one. `leave` is called before the thread is waited for, and may break off
    what it is in.
    """
    arrived: queue.SimpleQueue[tuple[Item] | _End] = queue.SimpleQueue()
    is_left = threading.Event()
    thread = threading.Thread(target=_produce, args=(make, arrived, is_left), name="bursts", daemon=True)
    thread.start()
    try:
        while True:
            burst, end = _gather(arrived, check)
            if burst:
                yield burst
            if end is not None and end.error is not None:
                raise end.error
            if end is not None:
                return
    finally:
        is_left.set()
        leave()
        # Nobody else may begin while it still runs.
        thread.join()


def _produce(
    make: Callable[[Check], Iterable[Item]],
    arrived: queue.SimpleQueue[tuple[Item] | _End],
    is_left: threading.Event,
) -> None:
    def go_on() -> None:
        if is_left.is_set():
            raise _LeftError

    try:
        for item in make(go_on):
            arrived.put((item,))
            go_on()
        arrived.put(_End())
    except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
        arrived.put(_End(error))


def _gather(arrived: queue.SimpleQueue[tuple[Item] | _End], check: Check) -> tuple[list[Item], _End | None]:
    """Wait for the next item; return it with the others that are there, and the end if it has come."""
    burst: list[Item] = []
    while len(burst) < MAX_BURST:
        check()
        try:
            entry = arrived.get(timeout=0 if burst else POLL_S)
        except queue.Empty:
            if burst:
                return burst, None
            continue
        if isinstance(entry, _End):
            return burst, entry
        burst.append(entry[0])
    return burst, None
