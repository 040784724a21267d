"""Tell: number and write an event in the transaction of the change, and signal it after commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import redis
import structlog
from celery import current_app
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from medportal.messaging import broker
from medportal.messaging.models import Event, PendingReaction
from medportal.messaging.reactions import reactions_to

log = structlog.get_logger(__name__)

# One statement makes the topic or raises its counter; the row's lock is held until commit (SQLite holds the whole
# database's), so a lower number never commits after a higher one.
NEXT_SEQ = """
    INSERT INTO messaging_topic (name, last_seq, first_seq) VALUES (%s, 1, 1)
    ON CONFLICT (name) DO UPDATE SET last_seq = messaging_topic.last_seq + 1
    RETURNING last_seq
"""


def publish(topic: str, type_: str, data: dict[str, Any], *, team_id: int | None, payload: bytes | None = None) -> int:
    """Write the topic's next event and return its number.

    Must run in the transaction of the change that it tells of: what is rolled back was never told, and what is
    committed is never forgotten. The signal after commit is a hint alone.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("publish() belongs into the transaction of the change that it tells of")
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SEQ, [topic])
        seq = int(cursor.fetchone()[0])
    event = Event.objects.create(topic_id=topic, seq=seq, type=type_, data=data, payload=payload, team_id=team_id)
    for reaction in reactions_to(type_):
        pending = PendingReaction.objects.create(event=event, task_name=reaction.task_name, queue=reaction.queue)
        after_commit(partial(send_reaction, pending))
    after_commit(partial(signal, {"topic": topic, "seq": seq}))
    return seq


def after_commit(act: Callable[[], object]) -> None:
    """Have `act` called once the transaction is committed; its failure is logged alone, for the change stands."""

    def guarded() -> None:
        try:
            act()
        except Exception:
            log.exception("after_commit.failed")

    transaction.on_commit(guarded)


def revoke(user_id: int) -> None:
    """Have every open socket of the user check its rights again, once the change is committed."""
    after_commit(partial(signal, {"revoke": user_id}))


def signal(message: dict[str, Any]) -> None:
    """Send a signal, which may be lost: receivers read the table, and look again by themselves."""
    if broker.BREAKER.is_open:
        return
    try:
        broker.sync_client().publish(broker.SIGNALS, json.dumps(message))
    except redis.RedisError as error:
        if broker.BREAKER.trip():
            log.warning("signal.lost", reason=type(error).__name__)


def enqueue(task_name: str, *, queue: str, **kwargs: Any) -> bool:
    """Hand a task to the workers by name; False when the broker is away (the sweeper will send it again)."""
    if broker.BREAKER.is_open:
        return False
    try:
        current_app.send_task(task_name, kwargs=kwargs, queue=queue, ignore_result=True, retry=False)
    except (OSError, redis.RedisError, OperationalError) as error:
        if broker.BREAKER.trip():
            log.warning("enqueue.failed", task=task_name, reason=type(error).__name__)
        return False
    return True


def send_reaction(pending: PendingReaction) -> None:
    """Enqueue a reaction and note when, so that the sweeper knows which to send again."""
    if enqueue(pending.task_name, queue=pending.queue, event_id=pending.event_id):
        PendingReaction.objects.filter(pk=pending.pk).update(enqueued_at=Now(), attempts=F("attempts") + 1)


def finish_reaction(event_id: int, task_name: str) -> None:
    """Note that a reaction's work is done."""
    PendingReaction.objects.filter(event_id=event_id, task_name=task_name).delete()
