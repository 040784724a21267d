"""Run things at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection


def in_threads(*works: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Run all at once; whatever one of them raises is raised here."""
    faults: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout_s)
    if faults:
        raise faults[0]
    assert not any(thread.is_alive() for thread in threads)
