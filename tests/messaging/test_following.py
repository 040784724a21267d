"""Who follows a topic is told everything once and in order, whatever is lost on the way."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from medportal.accounts.models import Membership
from medportal.jobs.sweeper import prune_events
from medportal.messaging.models import Event
from medportal.messaging.services import publish
from tests.processes import Site
from tests.rails import People
from tests.sockets import Socket


def tell(topic: str, count: int = 1, payload: bytes | None = None) -> None:
    for n in range(count):
        with transaction.atomic():
            publish(topic, "test.happened", {"n": n}, team_id=None, payload=payload)


@pytest.fixture
def topic(people: People) -> str:
    return f"team:{people.team.slug}"


@pytest.fixture
def token(people: People) -> str:
    return people.token(people.member())


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in frames]


def test_follows_from_now_or_from_a_number(site: Site, topic: str, token: str) -> None:
    tell(topic, 3)
    with Socket(site, token=token) as now, Socket(site, token=token) as later:
        assert now.follow(topic) == {"type": "subscribed", "topic": topic, "seq": 3}
        assert later.follow(topic, after=1) == {"type": "subscribed", "topic": topic, "seq": 1}
        assert numbers(later.take_many(2)) == [2, 3]
        tell(topic)
        event = now.take()
        assert event == later.take() == {"topic": topic, "seq": 4, "type": "test.happened", "data": {"n": 0}}


def test_piece_is_one_binary_frame(site: Site, topic: str, token: str) -> None:
    with Socket(site, token=token) as socket:
        socket.follow(topic)
        with transaction.atomic():
            data = {"shape": [2, 3], "dtype": "uint8", "encoding": "raw"}
            publish(topic, "test.piece", data, team_id=None, payload=bytes(range(6)))
        piece = socket.take()
        assert piece == {"topic": topic, "seq": 1, "type": "test.piece", **data, "payload": bytes(range(6))}


def test_no_gap_and_no_double_across_reconnects(site: Site, topic: str, token: str) -> None:
    """A browser that is cut off again and again while 200 events are written sees 1…200, each once."""
    seen: list[int] = []

    def write() -> None:
        for _ in range(100):
            tell(topic, 2)
            time.sleep(0.005)
        connection.close()

    tell(topic)
    writer = threading.Thread(target=write)
    with Socket(site, token=token) as socket:
        assert socket.follow(topic, after=0)["seq"] == 0
        seen += numbers(socket.take_many(1))
    writer.start()
    while len(seen) < 201:
        with Socket(site, token=token) as socket:
            assert socket.follow(topic, after=seen[-1])["seq"] == seen[-1]
            seen += numbers(socket.take_many(min(23, 201 - len(seen))))
    writer.join()
    assert seen == list(range(1, 202))


def test_subscribing_again_starts_again(site: Site, topic: str, token: str) -> None:
    """Nothing of the ended subscription follows the answer to the new one."""
    tell(topic, 150)
    with Socket(site, token=token) as socket:
        socket.follow(topic, after=0)
        socket.take_many(40)
        socket.subscribe(topic, after=0)
        frames = []
        while (frame := socket.take()).get("type") != "subscribed":
            frames.append(frame["seq"])
        assert frames == list(range(41, 41 + len(frames)))
        assert numbers(socket.take_many(150)) == list(range(1, 151))
        assert socket.is_silent()


def test_nothing_is_told_after_unsubscribing(site: Site, topic: str, token: str) -> None:
    with Socket(site, token=token) as socket:
        socket.follow(topic)
        tell(topic)
        assert socket.take()["seq"] == 1
        socket.send({"unsubscribe": {"topic": topic}})
        time.sleep(0.3)
        tell(topic)
        assert socket.is_silent()
        assert socket.follow(topic, after=1)["type"] == "subscribed"
        assert socket.take()["seq"] == 2


def test_a_burst_arrives_whole(site: Site, topic: str, token: str) -> None:
    """300 pieces of 64 KiB written as fast as can be: signals are coalesced, pieces are not lost."""
    with Socket(site, token=token) as socket:
        socket.follow(topic)
        for _ in range(30):
            with transaction.atomic():
                for n in range(10):
                    publish(topic, "test.piece", {"n": n}, team_id=None, payload=bytes(65536))
        pieces = socket.take_many(300)
        assert numbers(pieces) == list(range(1, 301))
        assert {len(piece["payload"]) for piece in pieces} == {65536}


def test_what_is_no_longer_kept_is_fetched_afresh(site: Site, topic: str, token: str) -> None:
    tell(topic, 5)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_event SET created_at = %s WHERE topic_id = %s AND seq <= 3",
            ["2020-01-01 00:00:00+00:00", topic],
        )
    prune_events()
    assert list(Event.objects.filter(topic_id=topic).values_list("seq", flat=True)) == [4, 5]
    with Socket(site, token=token) as socket:
        assert socket.follow(topic, after=1) == {"type": "resync", "topic": topic}
        assert socket.take() == {"type": "subscribed", "topic": topic, "seq": 5}
        tell(topic)
        assert socket.take()["seq"] == 6
    with Socket(site, token=token) as socket:
        assert socket.follow(topic, after=3)["seq"] == 3
        assert numbers(socket.take_many(3)) == [4, 5, 6]
    with Socket(site, token=token) as socket:
        # A number from before the database was restored from a backup.
        assert socket.follow(topic, after=99) == {"type": "resync", "topic": topic}


def test_lost_signals_delay_but_lose_nothing(site: Site, topic: str, token: str) -> None:
    with Socket(site, token=token) as socket:
        socket.follow(topic)
        site.broker.child.kill()
        try:
            began = time.monotonic()
            tell(topic, 3)
            assert time.monotonic() - began < 3
            assert numbers(socket.take_many(3, timeout_s=6)) == [1, 2, 3]
        finally:
            site.broker.start()
        time.sleep(4)
        tell(topic, 2)
        began = time.monotonic()
        assert numbers(socket.take_many(2)) == [4, 5]
        assert time.monotonic() - began < 1.5


def test_a_silent_broker_holds_up_neither_writers_nor_sockets(site: Site, topic: str, token: str) -> None:
    import signal

    with Socket(site, token=token) as socket:
        socket.follow(topic)
        site.broker.child.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            tell(topic, 20)
            assert time.monotonic() - began < 2.5
            assert numbers(socket.take_many(20, timeout_s=6)) == list(range(1, 21))
        finally:
            site.broker.child.signal(signal.SIGCONT)


def test_me_is_the_users_own_topic(site: Site, people: People) -> None:
    user = people.member()
    with Socket(site, token=people.token(user)) as socket:
        assert socket.follow("me")["topic"] == f"user:{user.pk}"
        tell(f"user:{user.pk}")
        assert socket.take()["topic"] == f"user:{user.pk}"
        assert socket.follow(f"user:{people.member().pk}")["code"] == "not_found"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "[" * 4000,
        '{"subscribe": "team:x"}',
        '{"subscribe": {"topic": 7}}',
        '{"subscribe": {"topic": ""}}',
        '{"subscribe": {"topic": "team:\\u0000"}}',
        '{"subscribe": {"topic": "team:\\ud800"}}',
        '{"subscribe": {"topic": "team:x", "after": -1}}',
        '{"subscribe": {"topic": "team:x", "after": 1e999}}',
        '{"subscribe": {"topic": "team:x", "after": true}}',
        '{"subscribe": {"topic": "team:x", "after": 99999999999999999999}}',
        '{"subscribe": {"topic": "team:x"}, "unsubscribe": {"topic": "team:x"}}',
        '{"publish": {"topic": "team:x"}}',
        "x" * 5000,
        b"\x00\x01",
    ],
)
def test_nonsense_is_answered_and_survived(site: Site, topic: str, token: str, frame: str | bytes) -> None:
    with Socket(site, token=token) as socket:
        socket.send(frame)
        assert socket.take() == {"type": "error", "topic": "", "code": "invalid"}
        assert socket.follow(topic)["type"] == "subscribed"


def test_topics_of_a_socket_are_limited(site: Site, people: People) -> None:
    user = people.member()
    teams = [People().team for _ in range(50)]
    Membership.objects.bulk_create([Membership(user=user, team=team, role="viewer") for team in teams])
    with Socket(site, token=people.token(user)) as socket:
        for team in teams:
            socket.subscribe(f"team:{team.slug}")
        assert {frame["type"] for frame in socket.take_many(50)} == {"subscribed"}
        assert socket.follow("me")["code"] == "too_many"
        assert socket.follow(f"team:{teams[0].slug}")["type"] == "subscribed"
        socket.send({"unsubscribe": {"topic": f"team:{teams[1].slug}"}})
        assert socket.follow("me")["type"] == "subscribed"
