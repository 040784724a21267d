"""What else changes when a job of some kind changes: upper rooms register it here."""

from __future__ import annotations

from collections.abc import Callable

from medportal.jobs.models import Job

_HOOKS: dict[str, list[Callable[[Job], None]]] = {}


def on_change(kind: str, hook: Callable[[Job], None]) -> None:
    """Have `hook(job)` called inside the transaction of each change of state of a job of the kind."""
    hooks = _HOOKS.setdefault(kind, [])
    if hook not in hooks:
        hooks.append(hook)


def call(job: Job) -> None:
    """Call the hooks of the job's kind."""
    for hook in _HOOKS.get(job.kind, []):
        hook(job)
