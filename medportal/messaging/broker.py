"""The way to the broker: Redis clients with short timeouts, the signal channel, and rest after a failure."""

from __future__ import annotations

import time
from functools import cache

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

SIGNALS = "medportal:signals"
# A broker that is away must cost a request little; the database is the truth and the sweeper repeats.
TIMEOUT_S = 1.0
REST_S = 2.0
TELL_EVERY_S = 60.0


def url() -> str:
    """Return the broker's address as redis-py writes it (Celery has another word for unix sockets)."""
    return str(settings.REDIS_URL).replace("redis+socket://", "unix://", 1)


@cache
def sync_client() -> redis.Redis:
    """Return this process's client for publishing signals (thread-safe, pooled).

    One retry, at once, replaces a pooled connection that died with an earlier broker; a silent broker gets none.
    """
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    return redis.Redis.from_url(url(), socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=retry)


def async_client() -> redis.asyncio.Redis:
    """Return a new client for listening: no read timeout, since silence is not a fault."""
    return redis.asyncio.Redis.from_url(
        url(),
        socket_timeout=None,
        socket_connect_timeout=TIMEOUT_S,
        health_check_interval=15,
        retry=AsyncRetry(NoBackoff(), 0),
    )


def queue_length(queue: str) -> int:
    """Return how many messages wait in a queue; raises redis.RedisError when the broker is away."""
    return sync_client().llen(queue)


class Breaker:
    """Remembers that the broker failed: for two seconds nobody else waits for it."""

    def __init__(self) -> None:
        self._rests_until = 0.0
        self._told_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Say whether the broker is left alone just now."""
        return time.monotonic() < self._rests_until

    def trip(self) -> bool:
        """Leave the broker alone for a while; returns whether that is worth telling, which it is once a minute."""
        now = time.monotonic()
        self._rests_until = now + REST_S
        is_news = self._told_at is None or now - self._told_at >= TELL_EVERY_S
        if is_news:
            self._told_at = now
        return is_news


BREAKER = Breaker()
