"""Work that upper rooms want done after an event, at least once: event type → task names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reaction:
    """A task to run, with `event_id`, after an event of some type has been committed."""

    task_name: str
    queue: str


_REACTIONS: dict[str, list[Reaction]] = {}


def register(event_type: str, task_name: str, *, queue: str = "default") -> None:
    """Have the task run after each event of the type."""
    known = _REACTIONS.setdefault(event_type, [])
    reaction = Reaction(task_name, queue)
    if reaction not in known:
        known.append(reaction)


def reactions_to(event_type: str) -> list[Reaction]:
    """Return what is to be done after an event of the type."""
    return _REACTIONS.get(event_type, [])
