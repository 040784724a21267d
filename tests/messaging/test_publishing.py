"""What is told is numbered: every number once, in the order of commits, whoever writes at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import transaction

from medportal.messaging import reactions
from medportal.messaging.models import Event, PendingReaction
from medportal.messaging.reading import bounds
from medportal.messaging.services import finish_reaction, publish
from tests.processes import Site
from tests.threads import in_threads


def test_needs_the_transaction_of_the_change(site: Site) -> None:
    with pytest.raises(RuntimeError):
        publish("team:x", "test.happened", {}, team_id=None)


def test_what_is_rolled_back_was_never_told(site: Site) -> None:
    topic = f"test:{uuid4()}"
    with transaction.atomic():
        assert publish(topic, "test.happened", {}, team_id=None) == 1
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish(topic, "test.happened", {}, team_id=None)
        raise ZeroDivisionError
    with transaction.atomic():
        assert publish(topic, "test.happened", {}, team_id=None) == 2
    assert list(Event.objects.filter(topic_id=topic).values_list("seq", flat=True)) == [1, 2]
    assert bounds(topic) == (1, 2)


def test_parallel_writers_share_the_numbers_without_gap(site: Site) -> None:
    """The numbers start at one moment for a topic that does not exist yet, too."""
    topic, each = f"test:{uuid4()}", 25
    taken: list[int] = []

    def write() -> None:
        for n in range(each):
            with transaction.atomic():
                taken.append(publish(topic, "test.happened", {"n": n}, team_id=None))

    in_threads(*[write] * 6)
    assert sorted(taken) == list(range(1, 6 * each + 1))
    assert list(Event.objects.filter(topic_id=topic).values_list("seq", flat=True)) == sorted(taken)


def test_a_lower_number_never_appears_after_a_higher(site: Site) -> None:
    """A reader that goes by "greater than the last I saw" misses nothing, whatever order transactions end in."""
    topic, done = f"test:{uuid4()}", threading.Event()
    seen: list[int] = []

    def write(pause_s: float) -> Callable[[], None]:
        def work() -> None:
            for _ in range(15):
                with transaction.atomic():
                    publish(topic, "test.happened", {}, team_id=None)
                    threading.Event().wait(pause_s)

        return work

    def read() -> None:
        # Looks often, but leaves the writers their turn at the interpreter: else they wait for it at every statement.
        is_last = False
        while not is_last:
            is_last = done.wait(0.001)
            newer = Event.objects.filter(topic_id=topic, seq__gt=seen[-1] if seen else 0)
            seen.extend(newer.order_by("seq").values_list("seq", flat=True))

    def write_all() -> None:
        try:
            in_threads(write(0.0), write(0.004), write(0.011))
        finally:
            done.set()

    in_threads(read, write_all)
    assert seen == list(range(1, 46))


def test_reaction_is_kept_until_it_is_done(site: Site) -> None:
    type_ = f"test.{uuid4().hex[:8]}"
    reactions.register(type_, "tests.nothing", queue="nowhere")
    reactions.register(type_, "tests.nothing", queue="nowhere")
    with transaction.atomic():
        publish(f"test:{uuid4()}", type_, {}, team_id=None)
    pending = PendingReaction.objects.get(event__type=type_)
    assert pending.enqueued_at is not None
    assert site.broker.client.llen("nowhere") >= 1
    finish_reaction(pending.event_id, "tests.nothing")
    finish_reaction(pending.event_id, "tests.nothing")
    assert not PendingReaction.objects.filter(event__type=type_).exists()
