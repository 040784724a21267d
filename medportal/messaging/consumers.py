"""The one socket of a browser tab: subscriptions in, numbered events and binary pieces out."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import structlog
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError
from django.db import connection

from medportal.messaging import frames, reading, topics
from medportal.messaging.hub import HUB

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

MAX_TOPICS = 50
MAX_SOCKETS_PER_USER = 50
RECHECK_INTERVAL_S = 4.0
DATABASE_RETRY_S = 1.0
CLOSE_FAULT = 1011
CLOSE_SIGNED_OUT = 4401
CLOSE_RIGHTS_WITHDRAWN = 4403
CLOSE_TOO_MANY = 4429

# Sockets read the table in threads of their own, each with a connection that stays open: making one costs more than
# the reading (1.6 ms on SQLite, 11 ms on PostgreSQL), and Channels would queue all sockets behind one thread.
_READERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="socket")


def _read(query: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    def read(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return query(*args, **kwargs)
        except DatabaseError:
            # The connection may have died with an earlier server: once more, with a new one.
            connection.close()
            return query(*args, **kwargs)

    return sync_to_async(read, thread_sensitive=False, executor=_READERS)


@dataclass(eq=False)
class Subscription:
    """What a socket has of a topic: the last number sent, and the right by which it is sent."""

    topic: str
    sent: int
    right: Any


class EventConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Serves `/ws/`; `scope["signed_in"]()` tells, each time anew, whom the opener's cookie or token signs in.

    Events are read from the table after the last number sent, whatever the signals say: a lost or doubled signal
    changes nothing. Rights are checked at each subscription, with each read, on a signal, and every four seconds.
    """

    user_id: int = 0

    async def connect(self) -> None:
        """Accept a signed-in user; anyone else gets HTTP 403."""
        try:
            self.user = await _read(self.scope["signed_in"])()
        except DatabaseError as error:
            log.warning("socket.database_away", reason=type(error).__name__)
            self.user = None
        if self.user is None:
            log.warning("socket.refused", reason="not signed in")
            await self.close()
            return
        self.user_id = self.user.pk
        await self.accept()
        if HUB.count(self.user_id) >= MAX_SOCKETS_PER_USER:
            await self.close(CLOSE_TOO_MANY)
            return
        self._subscriptions: dict[str, Subscription] = {}
        self._dirty: set[str] = set()
        self._new_events = asyncio.Event()
        self._doubt = asyncio.Event()
        # Held while a frame is sent: what belongs to an ended subscription never follows a newer one's answer.
        self._outgoing = asyncio.Lock()
        self._tasks = [asyncio.create_task(self._guarded(work)) for work in (self._send_events, self._watch_rights)]
        HUB.join(self)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - the name is Channels'
        """Leave the hub and stop."""
        HUB.leave(self)
        for task in getattr(self, "_tasks", ()):
            task.cancel()

    def wake(self, topic: str | None) -> None:
        """See `hub.Listener`."""
        self._dirty.update(self._subscriptions if topic is None else {topic})
        self._new_events.set()

    def recheck(self) -> None:
        """See `hub.Listener`."""
        self._doubt.set()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002
        """Take a subscription or its end; anything else is answered as invalid."""
        request = frames.parse(text_data)
        if request is None:
            await self._send_error("", "invalid")
            return
        topic = f"user:{self.user_id}" if request.topic == "me" else request.topic
        if request.verb == "unsubscribe":
            self._drop(topic)
            return
        try:
            await self._subscribe(topic, request.after)
        except DatabaseError as error:
            log.warning("socket.database_away", reason=type(error).__name__)
            await self._send_error(topic, "unavailable")

    async def _subscribe(self, topic: str, after: int | None) -> None:
        if len(self._subscriptions) >= MAX_TOPICS and topic not in self._subscriptions:
            await self._send_error(topic, "too_many")
            return
        right, (first, last) = await _read(_look_up)(self.user, topic)
        if right is None:
            await self._send_error(topic, "not_found")
            return
        start = last if after is None else after
        async with self._outgoing:
            if not first - 1 <= start <= last:
                # What it asks for is gone (or never was): it fetches afresh, and follows from here.
                start = last
                await self.send(json.dumps({"type": "resync", "topic": topic}))
            await self.send(json.dumps({"type": "subscribed", "topic": topic, "seq": start}))
            self._subscriptions[topic] = Subscription(topic, start, right)
        HUB.watch(topic, self)
        self.wake(topic)

    def _drop(self, topic: str) -> None:
        self._subscriptions.pop(topic, None)
        HUB.unwatch(topic, self)

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run one of the socket's two tasks; a fault of ours closes the socket, so that the browser comes again."""
        try:
            await work()
        except Exception:
            log.exception("socket.failed")
            await self.close(CLOSE_FAULT)

    async def _send_events(self) -> None:
        """Send what is new, whenever woken."""
        while True:
            await self._new_events.wait()
            self._new_events.clear()
            while self._dirty:
                topic = self._dirty.pop()
                try:
                    await self._drain(topic)
                except DatabaseError as error:
                    log.warning("socket.database_away", reason=type(error).__name__)
                    self._dirty.add(topic)
                    await asyncio.sleep(DATABASE_RETRY_S)

    async def _drain(self, topic: str) -> None:
        """Send every event after the last one sent, in order."""
        while subscription := self._subscriptions.get(topic):
            batch, right = await _read(_read_on)(self.user, topic, subscription.sent)
            if batch and right != subscription.right:
                self.recheck()
                return
            for seq, frame in batch:
                async with self._outgoing:
                    if self._subscriptions.get(topic) is not subscription:
                        break
                    await (self.send(frame) if isinstance(frame, str) else self.send(bytes_data=frame))
                    subscription.sent = seq
            if len(batch) < reading.BATCH:
                return

    async def _watch_rights(self) -> None:
        """Close the socket of whoever is signed out, or has lost or changed a right; look for lost signals too."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), RECHECK_INTERVAL_S)
            self._doubt.clear()
            rights = {topic: held.right for topic, held in self._subscriptions.items()}
            try:
                code, withdrawn, numbers = await _read(_check)(self.scope["signed_in"], self.user_id, rights)
            except DatabaseError:
                # Nothing can be read, so nothing is told; the next look is soon.
                await asyncio.sleep(DATABASE_RETRY_S)
                self.recheck()
                continue
            if code:
                await self._close_for(code, withdrawn)
                return
            for topic, last in numbers.items():
                if (held := self._subscriptions.get(topic)) and held.sent < last:
                    self.wake(topic)

    async def _close_for(self, code: int, withdrawn: list[str]) -> None:
        self._subscriptions.clear()
        for topic in withdrawn:
            await self._send_error(topic, "not_found")
        await self.close(code)

    async def _send_error(self, topic: str, code: str) -> None:
        await self.send(json.dumps({"type": "error", "topic": topic, "code": code}))


def _look_up(user: Any, topic: str) -> tuple[Any, tuple[int, int]]:
    return topics.right_to_watch(user, topic), reading.bounds(topic)


def _read_on(user: Any, topic: str, seq: int) -> tuple[list[tuple[int, str | bytes]], Any]:
    """Read events, and only then the right: what was written after it was withdrawn is not among them."""
    batch = [(event.seq, frames.encode(event)) for event in reading.events_after(topic, seq)]
    return batch, topics.right_to_watch(user, topic) if batch else None


def _check(signed_in: Callable[[], Any], user_id: int, rights: dict[str, Any]) -> tuple[int, list[str], dict[str, int]]:
    """Return (the code to close with, or 0; topics no longer visible; the last number of each topic)."""
    user = signed_in()
    if user is None or user.pk != user_id:
        return CLOSE_SIGNED_OUT, [], {}
    now = {topic: topics.right_to_watch(user, topic) for topic in rights}
    if now != rights:
        return CLOSE_RIGHTS_WITHDRAWN, [topic for topic, right in now.items() if right is None], {}
    return 0, [], reading.last_numbers(rights)
