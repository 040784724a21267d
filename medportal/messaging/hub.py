"""One listener per web process: turns signals from the broker into wake-ups of the sockets that care."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from typing import Protocol

import redis
import structlog

from medportal.messaging import broker

log = structlog.get_logger(__name__)
# While signals cannot be had, everyone looks into the table this often.
BLIND_INTERVAL_S = 2.0


class Listener(Protocol):
    """A socket, as the hub sees it."""

    user_id: int

    def wake(self, topic: str | None) -> None:
        """Look for new events of the topic; of all topics for None."""

    def recheck(self) -> None:
        """Check the user's rights again."""


class Hub:
    """The sockets of this process by topic, and the task that listens for them."""

    def __init__(self) -> None:
        self._by_topic: dict[str, set[Listener]] = defaultdict(set)
        self._all: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None

    def count(self, user_id: int) -> int:
        """Return how many sockets the user holds open here."""
        return sum(listener.user_id == user_id for listener in self._all)

    def join(self, listener: Listener) -> None:
        """Take in a socket, and start listening with the first one."""
        self._all.add(listener)
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.create_task(self._listen())

    def leave(self, listener: Listener) -> None:
        """Forget a socket."""
        self._all.discard(listener)
        for topic in [name for name, members in self._by_topic.items() if listener in members]:
            self.unwatch(topic, listener)

    def watch(self, topic: str, listener: Listener) -> None:
        """Wake the socket on the topic's signals."""
        self._by_topic[topic].add(listener)

    def unwatch(self, topic: str, listener: Listener) -> None:
        """Wake the socket no more on the topic's signals."""
        if members := self._by_topic.get(topic):
            members.discard(listener)
            if not members:
                del self._by_topic[topic]

    async def _listen(self) -> None:
        while self._all:
            try:
                await self._listen_until_lost()
            except Exception as error:  # noqa: BLE001 - whatever ails the broker, sockets look into the table
                log.warning("signals.lost", reason=type(error).__name__)
            self._wake_all()
            await asyncio.sleep(BLIND_INTERVAL_S)

    async def _listen_until_lost(self) -> None:
        client = broker.async_client()
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(broker.SIGNALS)
                # What was told before we listened.
                self._wake_all()
                while self._all:
                    message = await pubsub.get_message(timeout=BLIND_INTERVAL_S)
                    if message is not None:
                        self._dispatch(message["data"])
        finally:
            with contextlib.suppress(redis.RedisError, OSError):
                await client.aclose()

    def _dispatch(self, raw: bytes) -> None:
        signal = json.loads(raw)
        if topic := signal.get("topic"):
            for listener in tuple(self._by_topic.get(topic, ())):
                listener.wake(topic)
        if user_id := signal.get("revoke"):
            for listener in [member for member in self._all if member.user_id == user_id]:
                listener.recheck()

    def _wake_all(self) -> None:
        for listener in tuple(self._all):
            listener.wake(None)


HUB = Hub()
