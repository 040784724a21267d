"""What a job has told, and what the page gets of it."""

from __future__ import annotations

from typing import Any


def told(job: Any, type_: str = "slice.predicted") -> list[tuple[dict[str, Any], bytes]]:
    from medportal.messaging.models import Event

    events = Event.objects.filter(topic_id=f"job:{job.pk}", type=type_).order_by("seq")
    return [(event.data, bytes(event.payload or b"")) for event in events]


def look(client: Any, people: Any, job: Any) -> dict[str, Any]:
    return dict(client.get(f"/api/v1/teams/{people.team.slug}/analyses/{job.pk}/").json())
