"""Lets a model run on while what it has yielded is being written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
POLL_S = 0.5


@dataclass(frozen=True)
class _End:
    """The iteration has ended, with or without an error."""

    error: BaseException | None = None


def in_bursts(items: Iterable[Item], *, check: Callable[[], None]) -> Iterator[list[Item]]:
    """Iterate in a thread of its own and yield, each time the caller is ready, all that has come since.

    So nothing waits for company: the first item is passed on alone, and what comes while it is being written makes
    the next burst. `check` is called at least twice a second and may raise; what the iteration raises is raised here,
    after what it had yielded.
    """
    arrived: queue.SimpleQueue[tuple[Item] | _End] = queue.SimpleQueue()
    is_left = threading.Event()
    thread = threading.Thread(target=_produce, args=(items, arrived, is_left), name="bursts", daemon=True)
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
        # The model's present step cannot be broken off, but nobody else may begin while it runs.
        thread.join()


def _produce(items: Iterable[Item], arrived: queue.SimpleQueue[tuple[Item] | _End], is_left: threading.Event) -> None:
    try:
        for item in items:
            arrived.put((item,))
            if is_left.is_set():
                return
        arrived.put(_End())
    except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
        arrived.put(_End(error))


def _gather(
    arrived: queue.SimpleQueue[tuple[Item] | _End], check: Callable[[], None]
) -> tuple[list[Item], _End | None]:
    """Wait for the next item; return it with all others that are there, and the end if it has come."""
    burst: list[Item] = []
    while True:
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
