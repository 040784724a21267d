"""What travels on the socket: requests in, events out."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple, TypeGuard

from medportal.messaging.models import Event

MAX_REQUEST_CHARS = 4096
MAX_SEQ = 2**62


class Request(NamedTuple):
    """A subscription (`after`: the last number that the browser has, None for "from now") or its end."""

    verb: str
    topic: str
    after: int | None


def parse(text: str | None) -> Request | None:
    """Read `{"subscribe": {"topic", "after"}}` or `{"unsubscribe": {"topic"}}`; None for anything else."""
    if text is None or len(text) > MAX_REQUEST_CHARS:
        return None
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, dict) or len(frame) != 1:
        return None
    ((verb, body),) = frame.items()
    if verb not in {"subscribe", "unsubscribe"} or not isinstance(body, dict):
        return None
    topic, after = body.get("topic"), body.get("after")
    return Request(verb, topic, after) if _is_topic(topic) and _is_number(after) else None


def _is_topic(value: object) -> TypeGuard[str]:
    # PostgreSQL refuses NUL, and no encoding takes half a surrogate pair.
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _is_number(value: object) -> TypeGuard[int | None]:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_SEQ)


def encode(event: Event) -> str | bytes:
    """Write an event as JSON text, or a piece as uint32 (big endian) header length, JSON header, payload."""
    head: dict[str, Any] = {"topic": event.topic_id, "seq": event.seq, "type": event.type}
    if event.payload is None:
        return json.dumps(head | {"data": event.data}, separators=(",", ":"))
    header = json.dumps(event.data | head, separators=(",", ":")).encode()
    return struct.pack(">I", len(header)) + header + bytes(event.payload)
