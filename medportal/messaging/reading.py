"""Read events back: from a number on, in order, each once."""

from __future__ import annotations

from collections.abc import Iterable

from medportal.messaging.models import Event, Topic

# At most so many events in memory for a socket; a piece of a job may be a quarter of a megabyte.
BATCH = 32


def bounds(topic: str) -> tuple[int, int]:
    """Return (lowest number still kept, highest number); (1, 0) for a topic of which nothing has been told."""
    row = Topic.objects.filter(name=topic).values_list("first_seq", "last_seq").first()
    return row or (1, 0)


def last_numbers(topics: Iterable[str]) -> dict[str, int]:
    """Return the highest number of each topic of which anything has been told."""
    return dict(Topic.objects.filter(name__in=list(topics)).values_list("name", "last_seq"))


def events_after(topic: str, seq: int, limit: int = BATCH) -> list[Event]:
    """Return the next events after `seq`, in order, at most `limit`."""
    return list(Event.objects.filter(topic_id=topic, seq__gt=seq).order_by("seq")[:limit])
