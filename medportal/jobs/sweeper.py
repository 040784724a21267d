"""What keeps promises when something was lost: expired leases, jobs that the broker forgot, reactions, old events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import redis
import structlog
from django.db import close_old_connections, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from medportal.audit.services import seal
from medportal.jobs import changes
from medportal.jobs.models import Job, State
from medportal.messaging import broker
from medportal.messaging.models import Event, PendingReaction, Topic
from medportal.messaging.services import send_reaction

Work = Callable[[], object]
log = structlog.get_logger(__name__)
SWEEP_INTERVAL_S = 2.0
SEAL_INTERVAL_S = 0.7
PRUNE_INTERVAL_S = 3600.0
JUST_WRITTEN = timedelta(seconds=2)
RESEND_AFTER = timedelta(seconds=10)
RESEND_AT_ONCE = 50
MAX_REACTION_ATTEMPTS = 20
EVENTS_ARE_KEPT = timedelta(days=7)
PRUNE_AT_ONCE = 1000


def sweep() -> None:
    """Look once for what was lost. Each step is a guarded update: two sweepers do no harm."""
    requeue_expired()
    resend_forgotten()


def requeue_expired() -> None:
    """Give a lost worker's job back to the queue; after the last attempt it has failed, and says why."""
    expired = Q(state=State.RUNNING, lease_until__lt=Now())
    for job in Job.objects.select_related("team", "created_by").filter(expired):
        try:
            _end_or_requeue(job, expired)
        except Exception:
            # One job that cannot be written does not keep the others from going on.
            log.exception("sweep.job_failed", job=str(job.pk))


@transaction.atomic
def _end_or_requeue(job: Job, expired: Q) -> None:
    if job.attempt >= job.max_attempts and not job.cancel_requested:
        detail = f"The worker was lost {job.attempt} times while it worked on this; it is not tried again."
        changes.finish(job, State.FAILED, guard=expired, error_code="worker_lost", error_detail=detail)
    elif changes.requeue(job, guard=expired):
        log.warning("job.requeued", job=str(job.pk), attempt=job.attempt)
        changes.send_after_commit(job)


def resend_forgotten() -> None:
    """Send again, oldest first, as many jobs and reactions as the broker has fewer messages than there should be.

    Counting keeps a long queue from being sent again and again as a whole; a message too many does no harm.
    """
    jobs = Job.objects.filter(state=State.QUEUED).order_by("created_at")
    reactions = PendingReaction.objects.filter(attempts__lt=MAX_REACTION_ATTEMPTS).order_by("pk")
    queues = {*jobs.order_by().values_list("queue", flat=True), *reactions.order_by().values_list("queue", flat=True)}
    try:
        for queue in queues:
            _resend(jobs.filter(queue=queue), reactions.filter(queue=queue), broker.queue_length(queue))
    except redis.RedisError as error:
        log.warning("sweep.broker_away", reason=type(error).__name__)


def _resend(jobs: QuerySet[Job], reactions: QuerySet[PendingReaction], length: int) -> None:
    missing = min(jobs.count() + reactions.count() - length, RESEND_AT_ONCE)
    if missing <= 0:
        return
    forgotten = list(jobs.filter(_forgotten("created_at"))[:missing])
    for job in forgotten:
        changes.send(job)
    for pending in reactions.filter(_forgotten("event__created_at"))[: missing - len(forgotten)]:
        send_reaction(pending)


def _forgotten(written: str) -> Q:
    never_sent = Q(enqueued_at=None, **{f"{written}__lt": Now() - JUST_WRITTEN})
    return never_sent | Q(enqueued_at__lt=Now() - RESEND_AFTER)


def prune_events() -> None:
    """Forget old events of all topics but jobs' own, and remember from where on a topic can be resumed."""
    old = Event.objects.filter(created_at__lt=Now() - EVENTS_ARE_KEPT).exclude(topic__name__startswith="job:")
    for topic in list(old.order_by().values_list("topic_id", flat=True).distinct()):
        while _prune(topic, old.filter(topic_id=topic)):
            pass


@transaction.atomic
def _prune(topic: str, old: QuerySet[Event]) -> bool:
    """Forget at most a thousand events of a topic; say whether there may be more."""
    numbers = list(old.order_by("seq").values_list("seq", flat=True)[:PRUNE_AT_ONCE])
    if numbers:
        # The topic's row before its events, as in publishing.
        Topic.objects.filter(name=topic, first_seq__lte=numbers[-1]).update(first_seq=numbers[-1] + 1)
        Event.objects.filter(topic_id=topic, seq__lte=numbers[-1]).delete()
    return len(numbers) == PRUNE_AT_ONCE


class Sweeper(threading.Thread):
    """Sweeps every two seconds and seals the audit chain within one, in the `default` worker."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)

    def run(self) -> None:
        """Work until the process ends; a fault of the database is waited out."""
        due: dict[Work, float] = {seal: 0.0, sweep: 0.0, prune_events: time.monotonic() + PRUNE_INTERVAL_S}
        every: dict[Work, float] = {seal: SEAL_INTERVAL_S, sweep: SWEEP_INTERVAL_S, prune_events: PRUNE_INTERVAL_S}
        while True:
            for work in [work for work, at in due.items() if at <= time.monotonic()]:
                _try(work)
                due[work] = time.monotonic() + every[work]
            time.sleep(max(0.05, min(due.values()) - time.monotonic()))


def _try(work: Work) -> None:
    try:
        close_old_connections()
        work()
    except Exception as error:  # noqa: BLE001 - the sweeper outlives everything
        log.warning("sweep.failed", reason=type(error).__name__, detail=str(error)[:300])
        connection.close()
