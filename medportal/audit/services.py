"""Record what happened, chain it, and say whether the chain is whole."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from medportal.audit.models import AuditEvent, Chain

GENESIS = "0" * 64
READS_ARE_ONE_FOR = timedelta(minutes=10)
# (actor, team, study, purpose) → when this process last made sure that the read is on record.
_recent_reads: dict[tuple[Any, ...], float] = {}


def record(
    *,
    actor: Any,
    action: str,
    team: str = "",
    object_type: str = "",
    object_id: str = "",
    outcome: str = "success",
    purpose: str = "",
    address: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one event; call it in the transaction of the change, so that neither is there without the other."""
    AuditEvent.objects.create(
        at=timezone.now(),
        actor_id=getattr(actor, "pk", None),
        actor=getattr(actor, "username", "") or "",
        team=team,
        action=action,
        object_type=object_type,
        # What was asked for may be anything that somebody typed; PostgreSQL takes no NUL.
        object_id=object_id.replace("\x00", "�")[:200],
        outcome=outcome,
        purpose=purpose,
        address=address,
        detail=detail or {},
    )


def record_read(
    *, actor: Any, action: str, team: str, study_instance_uid: str, purpose: str, address: str = ""
) -> None:
    """Make sure, before the first byte leaves, that the read is on record: once per actor, study and purpose in ten minutes.

    Durable on return; must not be called inside a transaction that may still be rolled back.
    """
    key = (getattr(actor, "pk", None), team, study_instance_uid, purpose)
    if time.monotonic() - _recent_reads.get(key, -1e9) < READS_ARE_ONE_FOR.total_seconds():
        return
    with transaction.atomic():
        _one_at_a_time(key)
        same = AuditEvent.objects.filter(
            actor_id=key[0],
            team=team,
            object_type="study",
            object_id=study_instance_uid,
            purpose=purpose,
            at__gt=timezone.now() - READS_ARE_ONE_FOR,
        )
        recorded_at = same.order_by("-at").values_list("at", flat=True).first()
        if recorded_at is None:
            record(
                actor=actor,
                action=action,
                team=team,
                object_type="study",
                object_id=study_instance_uid,
                purpose=purpose,
                address=address,
            )
        age_s = (timezone.now() - recorded_at).total_seconds() if recorded_at else 0.0
        transaction.on_commit(partial(_remember, key, time.monotonic() - age_s))


def _remember(key: tuple[Any, ...], at: float) -> None:
    if len(_recent_reads) > 20_000:
        _recent_reads.clear()
    _recent_reads[key] = at


def _one_at_a_time(key: tuple[Any, ...]) -> None:
    """Let one transaction at a time look for and write this read (on SQLite there is one writer anyway)."""
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _digest(previous: str, seq: int, event: AuditEvent) -> str:
    """SHA-256 over the previous hash, the number, and the event's content in canonical JSON."""
    content = [
        seq,
        event.pk,
        event.at.isoformat(),
        event.actor_id,
        event.actor,
        event.team,
        event.action,
        event.object_type,
        event.object_id,
        event.outcome,
        event.purpose,
        event.address,
        event.detail,
    ]
    text = previous + json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def seal(limit: int = 500) -> int:
    """Chain the events that are not yet chained, in order of their ids; return how many."""
    if not AuditEvent.objects.filter(seq=None).exists():
        return 0
    Chain.objects.get_or_create(pk=1)
    with transaction.atomic():
        chain = Chain.objects.select_for_update().get(pk=1)
        unsealed = list(AuditEvent.objects.filter(seq=None).order_by("pk")[:limit])
        for event in unsealed:
            chain.last_seq += 1
            chain.last_hash = _digest(chain.last_hash, chain.last_seq, event)
            AuditEvent.objects.filter(pk=event.pk, seq=None).update(seq=chain.last_seq, hash=chain.last_hash)
        chain.save()
    return len(unsealed)


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found; `first_bad_seq` is the first number that does not hold.

    `head` is the hash of the last sealed event: kept elsewhere, it shows a trail that was cut or replaced as a whole.
    """

    ok: bool
    sealed: int
    unsealed: int
    first_bad_seq: int | None
    head: str


def verify() -> Verdict:
    """Walk the whole chain: numbers without gap, each hash right, the end where the chain says it is."""
    # Read first: events that are sealed while we walk are beyond this end, and hold or do not by themselves.
    end = Chain.objects.filter(pk=1).first()
    previous, seq, first_bad, hash_at_end = GENESIS, 0, None, GENESIS
    for event in AuditEvent.objects.exclude(seq=None).order_by("seq").iterator():
        seq += 1
        previous = _digest(previous, seq, event)
        if (event.seq, event.hash) != (seq, previous):
            first_bad = seq
            break
        if end is not None and seq == end.last_seq:
            hash_at_end = previous
    if first_bad is None:
        first_bad = _bad_end(seq, hash_at_end, end)
    sealed, unsealed = AuditEvent.objects.exclude(seq=None).count(), AuditEvent.objects.filter(seq=None).count()
    return Verdict(first_bad is None, sealed, unsealed, first_bad, previous)


def _bad_end(last: int, hash_at_end: str, end: Chain | None) -> int | None:
    """Compare the last number found, and the hash at the recorded end, with where the chain was said to end."""
    if end is None:
        return 1 if last else None
    if end.last_seq > last:
        return last + 1
    return None if hash_at_end == end.last_hash else max(end.last_seq, 1)
