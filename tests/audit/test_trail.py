"""The audit trail: what is recorded stays, and a change to it is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from medportal.audit import services
from medportal.audit.models import AuditEvent, Chain
from medportal.audit.services import record, record_read, seal, verify
from tests.processes import Site
from tests.rails import People
from tests.threads import in_threads


@pytest.fixture
def sealed(site: Site) -> list[AuditEvent]:
    """Five new events, chained, with everything before them."""
    object_id = str(uuid4())
    for n in range(5):
        record(actor=None, action="test.done", object_id=object_id, detail={"n": n, "word": "žluť 你好", "x": 1.5})
    seal_all()
    return list(AuditEvent.objects.filter(object_id=object_id).order_by("seq"))


def seal_all() -> None:
    while seal():
        pass


@contextmanager
def as_owner_of_the_database() -> Iterator[Any]:
    """Write past the triggers, as somebody could who owns the database; afterwards all is as it was."""

    class PutBackError(Exception):
        pass

    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                names = ["audit_no_delete", "audit_no_update", "audit_no_sealed_insert"]
                on_table = " ON audit_auditevent" if connection.vendor == "postgresql" else ""
                for name in names:
                    cursor.execute(f"DROP TRIGGER {name}{on_table}")
                yield cursor
            raise PutBackError
    except PutBackError:
        pass


def test_chain_holds(sealed: list[AuditEvent]) -> None:
    verdict = verify()
    assert verdict.ok
    assert verdict.first_bad_seq is None
    assert verdict.head == Chain.objects.get().last_hash == sealed[-1].hash
    assert [event.seq for event in sealed] == list(range(sealed[0].seq, sealed[0].seq + 5))
    assert len({event.hash for event in sealed}) == 5


def test_unsealed_tail_is_counted(sealed: list[AuditEvent]) -> None:
    record(actor=None, action="test.done")
    verdict = verify()
    assert verdict.ok
    assert verdict.unsealed == 1
    seal_all()
    assert verify().unsealed == 0


def test_database_refuses_to_change_the_past(sealed: list[AuditEvent]) -> None:
    record(actor=None, action="test.unsealed")
    for statement in (
        "DELETE FROM audit_auditevent WHERE seq = %s",
        "UPDATE audit_auditevent SET actor = 'nobody' WHERE seq = %s",
        "UPDATE audit_auditevent SET hash = 'x' WHERE seq = %s",
        "UPDATE audit_auditevent SET seq = NULL WHERE seq = %s",
        "UPDATE audit_auditevent SET action = 'x' WHERE action = 'test.unsealed' AND seq IS NULL OR seq = -%s",
        "DELETE FROM audit_auditevent WHERE seq IS NULL AND id > -%s",
        (
            "INSERT INTO audit_auditevent (at, actor, team, action, object_type, object_id, outcome, purpose, address, detail,"
            " seq, hash) SELECT at, actor, team, action, object_type, object_id, outcome, purpose, address, detail, 999999,"
            " 'x' FROM audit_auditevent WHERE seq = %s"
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [sealed[0].seq])
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE audit_auditevent")
    seal_all()
    assert verify().ok


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ("UPDATE audit_auditevent SET actor = 'nobody' WHERE seq = {2}", 2),
        ("UPDATE audit_auditevent SET detail = '{{}}' WHERE seq = {3}", 3),
        ("UPDATE audit_auditevent SET at = '2020-01-01 00:00:00+00:00' WHERE seq = {1}", 1),
        ("DELETE FROM audit_auditevent WHERE seq = {2}", 2),
        ("DELETE FROM audit_auditevent WHERE seq >= {3}", 3),
        ("UPDATE audit_auditevent SET seq = NULL, hash = '' WHERE seq = {4}", 4),
        # Two change places.
        (
            (
                "UPDATE audit_auditevent SET seq = -1 WHERE seq = {1};"
                "UPDATE audit_auditevent SET seq = {1} WHERE seq = {2};"
                "UPDATE audit_auditevent SET seq = {2} WHERE seq = -1"
            ),
            1,
        ),
        # The end of the chain is forged with the tail.
        ("UPDATE audit_chain SET last_hash = 'f'", 5),
        ("DELETE FROM audit_chain", None),
        ("UPDATE audit_chain SET last_seq = 0, last_hash = 'x'", None),
    ],
)
def test_tampering_is_found(sealed: list[AuditEvent], change: str, bad: int | None) -> None:
    seq = [0, *(event.seq for event in sealed)]
    with as_owner_of_the_database() as cursor:
        for statement in change.format(*seq).split(";"):
            cursor.execute(statement)
        verdict = verify()
        assert not verdict.ok
        if bad is not None:
            assert verdict.first_bad_seq == seq[bad]
    assert verify().ok


def test_command_tells_the_truth(site: Site, sealed: list[AuditEvent]) -> None:
    done = site.command("audit", "verify", "--json")
    assert done.returncode == 0
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["ok"] is True
    assert verdict["sealed"] >= 5


def test_parallel_writers_and_sealers_make_one_chain(site: Site) -> None:
    object_id = str(uuid4())

    def write() -> None:
        for n in range(20):
            with transaction.atomic():
                record(actor=None, action="test.done", object_id=object_id, detail={"n": n})

    def seal_on() -> None:
        for _ in range(20):
            seal(limit=7)

    in_threads(*[write] * 6, *[seal_on] * 3)
    seal_all()
    assert verify().ok
    assert AuditEvent.objects.filter(object_id=object_id).exclude(seq=None).count() == 120


def test_record_belongs_to_the_change(site: Site) -> None:
    object_id = str(uuid4())
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(actor=None, action="test.done", object_id=object_id)
        raise ZeroDivisionError
    assert not AuditEvent.objects.filter(object_id=object_id).exists()


def test_record_takes_whatever_was_typed(site: Site) -> None:
    with transaction.atomic():
        record(actor=None, action="login.failed", object_id="x\x00" * 400)
    seal_all()
    assert verify().ok


class TestReads:
    def reads(self, actor: Any, study: str) -> int:
        return AuditEvent.objects.filter(actor_id=actor.pk, object_id=study).count()

    def test_once_in_ten_minutes(self, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
        actor, study = people.member(), f"1.2.{uuid4().int}"[:60]

        def read(purpose: str = "view") -> None:
            record_read(
                actor=actor, action="study.read", team=people.team.slug, study_instance_uid=study, purpose=purpose
            )

        in_threads(*[read] * 8)
        assert self.reads(actor, study) == 1
        # Another process of the site knows of it from the table.
        monkeypatch.setattr(services, "_recent_reads", {})
        read()
        assert self.reads(actor, study) == 1
        read("export")
        assert self.reads(actor, study) == 2
        aged = {key: at - 601 for key, at in services._recent_reads.items()}
        monkeypatch.setattr(services, "_recent_reads", aged)
        with as_owner_of_the_database() as cursor:
            cursor.execute("UPDATE audit_auditevent SET at = '2020-01-01 00:00:00+00:00' WHERE object_id = %s", [study])
            read()
            assert self.reads(actor, study) == 3

    def test_each_actor_team_and_study(self, people: People) -> None:
        study = f"1.2.{uuid4().int}"[:60]
        actors = [people.member(), people.member()]
        for actor in actors:
            for team in (people.team.slug, "other"):
                record_read(actor=actor, action="study.read", team=team, study_instance_uid=study, purpose="view")
        assert [self.reads(actor, study) for actor in actors] == [2, 2]

    def test_a_read_that_was_rolled_back_is_recorded_again(self, people: People) -> None:
        actor, study = people.member(), f"1.2.{uuid4().int}"[:60]
        known = {"actor": actor, "action": "study.read", "team": "t", "study_instance_uid": study, "purpose": "view"}
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            record_read(**known)
            raise ZeroDivisionError
        record_read(**known)
        assert self.reads(actor, study) == 1
