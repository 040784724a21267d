"""A browser's side of the socket, for tests."""

from __future__ import annotations

import json
import struct
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from tests.processes import Site


class Socket:
    """One open socket; `take` reads frames, pieces included."""

    def __init__(self, site: Site, *, token: str = "", cookie: str = "", origin: str | None = None) -> None:
        headers = {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if cookie:
            headers["Cookie"] = f"sessionid={cookie}"
        self.connection: ClientConnection = connect(
            f"ws://127.0.0.1:{site.port}/ws/",
            additional_headers=headers,
            origin=origin,
            max_size=None,
            open_timeout=10,
            close_timeout=2,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, frame: Any) -> None:
        self.connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def subscribe(self, topic: str, after: int | None = None) -> None:
        self.send({"subscribe": {"topic": topic} | ({} if after is None else {"after": after})})

    def follow(self, topic: str, after: int | None = None) -> dict[str, Any]:
        """Subscribe, and return the answer."""
        self.subscribe(topic, after)
        return self.take()

    def take(self, timeout_s: float = 10.0) -> dict[str, Any]:
        """Return the next frame; a piece has its payload as bytes."""
        frame = self.connection.recv(timeout=timeout_s)
        if isinstance(frame, str):
            return dict(json.loads(frame))
        (length,) = struct.unpack(">I", frame[:4])
        return dict(json.loads(frame[4 : 4 + length])) | {"payload": frame[4 + length :]}

    def take_many(self, count: int, timeout_s: float = 20.0) -> list[dict[str, Any]]:
        return [self.take(timeout_s) for _ in range(count)]

    def is_silent(self, seconds: float = 0.7) -> bool:
        try:
            frame = self.connection.recv(timeout=seconds)
        except TimeoutError:
            return True
        raise AssertionError(f"was told {frame!r}")
