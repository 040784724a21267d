"""Marks are saved as they are drawn, keep their history, and are never silently overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from medportal.annotations.marks import access
from medportal.annotations.models import Mark, MarkRevision
from medportal.audit.models import AuditEvent
from medportal.messaging.models import Event
from tests.chests import store_chest
from tests.factories import make_team


@pytest.fixture
def series(team: Any) -> Any:
    """A series of two slices."""
    return store_chest(team, 2, has_cancer=True, slices=2)


class Page:
    """What a page does to the marks of a study."""

    def __init__(self, client: Any, series: Any) -> None:
        self.client, self.series = client, series
        study = series.study
        self.url = f"/api/v1/teams/{study.team.slug}/studies/{study.study_instance_uid}/marks/"

    def said(self, **words: Any) -> dict[str, Any]:
        """Return what a length on the first slice says."""
        return {
            "series_instance_uid": self.series.series_instance_uid,
            "sop_instance_uid": self.series.instances.first().sop_instance_uid,
            "kind": "length",
            "space": "patient",
            "points": [[0, 0, 0], [3, 4, 0]],
            "data": {"stats": {"length_mm": 5}},
            **words,
        }

    def send(self, *changes: Any) -> Any:
        body = {"changes": [{"id": str(i), "revision": r, "mark": m} for i, r, m in changes]}
        return self.client.post(self.url, body, content_type="application/json")

    def change(self, uuid: Any, revision: int, mark: Any) -> dict[str, Any]:
        answer = self.send((uuid, revision, mark))
        assert answer.status_code == 200, answer.content
        return dict(answer.json()["results"][0])

    def list(self, query: str = "") -> list[dict[str, Any]]:
        return list(self.client.get(self.url + query).json()["marks"])

    def history(self, uuid: Any) -> list[dict[str, Any]]:
        return list(self.client.get(f"{self.url}{uuid}/history/").json())

    def restore(self, uuid: Any, revision: int, based_on: int) -> Any:
        body = {"revision": revision, "based_on": based_on}
        return self.client.post(f"{self.url}{uuid}/restore/", body, content_type="application/json")


@pytest.fixture
def page(client_for: Callable[..., Any], series: Any) -> Page:
    return Page(client_for("reader"), series)


@pytest.fixture
def other(client_for: Callable[..., Any], series: Any) -> Page:
    """Somebody else's page."""
    return Page(client_for("reader"), series)


def test_a_mark_is_saved_and_comes_back(page: Page, client_for: Any) -> None:
    uuid = uuid4()
    result = page.change(uuid, 0, page.said())
    assert (result["outcome"], result["mark"]["revision"]) == ("saved", 1)
    viewer = Page(client_for("viewer"), page.series)
    (row,) = viewer.list()
    assert row == result["mark"]
    assert (row["id"], row["author"], row["source"]) == (str(uuid), page.client.user.username, "person")
    assert (row["points"], row["data"]) == ([[0, 0, 0], [3, 4, 0]], {"stats": {"length_mm": 5}})
    assert AuditEvent.objects.filter(action="marks.viewed", actor_id=viewer.client.user.pk).count() == 1
    (act,) = AuditEvent.objects.filter(action="marks.changed")
    assert (act.object_id, act.detail) == (row["study_instance_uid"], {"created": 1, "marks": [str(uuid)]})


def test_everybody_who_watches_the_study_is_told(page: Page, team: Any) -> None:
    uuid = uuid4()
    saved = page.change(uuid, 0, page.said())["mark"]
    page.change(uuid, 1, None)
    told = Event.objects.filter(topic=f"study:{team.slug}/{saved['study_instance_uid']}", type="mark.changed")
    assert [event.data["is_deleted"] for event in told.order_by("seq")] == [False, True]
    assert told.order_by("seq").first().data == saved


def test_the_same_change_again_is_unchanged(page: Page, other: Page) -> None:
    uuid = uuid4()
    page.change(uuid, 0, page.said())
    assert page.change(uuid, 0, page.said())["outcome"] == "unchanged"
    # Its answer was lost, and somebody has gone on from it meanwhile: still no conflict.
    page.change(uuid, 1, page.said(is_hidden=True))
    other.change(uuid, 2, page.said(is_locked=True))
    again = page.change(uuid, 1, page.said(is_hidden=True))
    assert (again["outcome"], again["mark"]["is_locked"]) == ("unchanged", True)
    # The same words of somebody else are not the same change.
    assert other.change(uuid, 1, page.said(is_hidden=True))["outcome"] == "conflict"
    assert MarkRevision.objects.count() == 3


def test_a_change_of_an_older_state_changes_nothing(page: Page, other: Page) -> None:
    uuid = uuid4()
    page.change(uuid, 0, page.said())
    theirs = other.change(uuid, 1, page.said(data={"text": "theirs"}))["mark"]
    result = page.change(uuid, 1, page.said(data={"text": "mine"}))
    assert (result["outcome"], result["mark"]) == ("conflict", theirs)
    assert page.change(uuid, 1, None)["outcome"] == "conflict"
    assert page.list() == [theirs]
    # Shown and decided: based on what is there it is taken.
    assert page.change(uuid, 2, page.said(data={"text": "mine"}))["outcome"] == "saved"


def test_each_change_is_for_itself(page: Page) -> None:
    good, bad, gone = uuid4(), uuid4(), uuid4()
    answer = page.send((good, 0, page.said()), (bad, 0, page.said(points=[[1, 2, 3]])), (gone, 4, page.said()))
    outcomes = [(r["outcome"], r["code"]) for r in answer.json()["results"]]
    assert outcomes == [("saved", ""), ("refused", "points"), ("refused", "mark_not_found")]
    assert answer.json()["results"][1]["detail"] == "A mark of kind “length” has 2 points."
    # Made and erased while offline: it never was.
    assert page.change(uuid4(), 0, None)["outcome"] == "unchanged"
    # In one batch a mark may be made and changed.
    twice = page.send((bad, 0, page.said()), (bad, 1, page.said(is_hidden=True)), (bad, 2, None))
    assert [r["outcome"] for r in twice.json()["results"]] == ["saved"] * 3


def test_what_is_deleted_stays_and_can_be_restored(page: Page, other: Page) -> None:
    uuid = uuid4()
    page.change(uuid, 0, page.said())
    page.change(uuid, 1, page.said(data={"text": "second"}))
    deleted = other.change(uuid, 2, None)
    assert (deleted["outcome"], deleted["mark"]["is_deleted"]) == ("saved", True)
    assert page.change(uuid, 2, None)["outcome"] == "unchanged"
    assert page.list() == []
    assert page.list("?deleted=1") == [deleted["mark"]]
    # Undoing a deletion is a change like others.
    assert page.change(uuid, 3, page.said(data={"text": "second"}))["outcome"] == "saved"
    restored = page.restore(uuid, 1, 4)
    assert (restored.status_code, restored.json()["revision"]) == (200, 5)
    assert restored.json()["data"] == {"stats": {"length_mm": 5}}
    assert page.list() == [restored.json()]
    # Of a deletion it is what was deleted.
    assert page.restore(uuid, 3, 5).json()["data"] == {"text": "second"}
    history = page.history(uuid)
    assert [one["act"] for one in history] == ["restored", "restored", "restored", "deleted", "changed", "created"]
    assert history[2]["author"] == page.client.user.username
    assert (history[3]["author"], history[3]["mark"]["is_deleted"]) == (other.client.user.username, True)
    assert (history[4]["mark"]["data"], history[5]["mark"]["revision"]) == ({"text": "second"}, 1)
    conflict = page.restore(uuid, 1, 5)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")
    assert conflict.json()["current"]["revision"] == 6
    assert page.restore(uuid, 99, 6).json()["code"] == "no_such_revision"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a kind that is none": ({"kind": "squiggle"}, "mark"),
    "a space that is none": ({"space": "mars"}, "mark"),
    "too few points": ({"points": [[1, 2, 3]]}, "points"),
    "no list": ({"points": {"0": [1, 2, 3]}}, "points"),
    "points of two numbers": ({"points": [[1, 2], [3, 4]]}, "points"),
    "words for numbers": ({"points": [["1", 2, 3], [1, 2, 3]]}, "points"),
    "truth for numbers": ({"points": [[True, 2, 3], [1, 2, 3]]}, "points"),
    "far away": ({"points": [[1e7, 2, 3], [1, 2, 3]]}, "points"),
    "numbers beyond all floats": ({"points": [[10**400, 2, 3], [1, 2, 3]]}, "points"),
    "depth in an image": ({"space": "image", "frame_number": 1, "points": [[1, 2, 3], [1, 2, 0]]}, "points"),
    "pixels of no frame": ({"space": "image"}, "place"),
    "a frame of no instance": ({"sop_instance_uid": "", "frame_number": 1}, "place"),
    "a key image of no image": ({"kind": "key", "points": [], "sop_instance_uid": ""}, "place"),
    "a frame that is none": ({"frame_number": 2}, "frame_not_found"),
    "another series": ({"series_instance_uid": "1.2.3"}, "series_not_in_study"),
    "another instance": ({"sop_instance_uid": "1.2.3"}, "instance_not_in_series"),
    "a UID that is none": ({"sop_instance_uid": "../x"}, "mark"),
    "data that is no object": ({"data": [1]}, "mark"),
    "much data": ({"data": {"text": "x" * 9000}}, "too_large"),
    "a NUL": ({"data": {"text": "a\x00b"}}, "text"),
    "half a character": ({"data": {"text": "\ud800"}}, "text"),
    "a model without a name": ({"source": "model"}, "source"),
    "a phantom": ({"source": "phantom"}, "source"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_makes_no_sense_is_refused_by_name(page: Page, fault: str) -> None:
    words, code = REFUSED[fault]
    result = page.change(uuid4(), 0, page.said(**words))
    assert (result["outcome"], result["code"], result["mark"]) == ("refused", code, None)
    assert result["detail"]
    assert not Mark.objects.exists()


@pytest.mark.parametrize("mark", [3, [], "x", {}])
def test_what_is_no_mark_is_refused(page: Page, mark: Any) -> None:
    assert page.change(uuid4(), 0, mark)["code"] == "mark"


def test_every_kind_can_be_drawn(page: Page) -> None:
    from medportal.annotations.marks.kinds import KINDS

    for kind, wanted in KINDS.items():
        points = [[n, n, 0] for n in range(wanted.fewest)]
        words = {"kind": kind, "points": points, "space": "image", "frame_number": 1}
        assert page.change(uuid4(), 0, page.said(**words))["outcome"] == "saved", kind
    assert len(page.list()) == len(KINDS)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 200_000, 422),
        (b'{"changes": [', 400),
        (b'{"changes": []}', 400),
        (b'{"changes": 7}', 400),
        (b"[]", 400),
        (b'{"changes": [{"id": "x", "revision": -1}]}', 400),
        (b'{"changes": "' + b"x" * (8 * 1024 * 1024) + b'"}', 413),
        (json.dumps({"changes": [{"id": str(uuid4()), "revision": 0, "mark": None}] * 201}).encode(), 400),
    ],
)
def test_bodies_that_are_none(page: Page, body: bytes, status: int) -> None:
    assert page.client.post(page.url, body, content_type="application/json").status_code == status


def test_a_study_has_a_bounded_number_of_marks(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_MARKS", 2)
    first, second, third = uuid4(), uuid4(), uuid4()
    results = page.send(*((uuid, 0, page.said()) for uuid in (first, second, third))).json()["results"]
    assert [r["code"] for r in results] == ["", "", "too_many_marks"]
    page.change(first, 1, None)
    assert page.change(third, 0, page.said())["outcome"] == "saved"
    assert page.change(first, 2, page.said())["code"] == "too_many_marks"
    assert page.restore(first, 1, 2).json()["code"] == "too_many_marks"


def test_marks_are_their_teams_alone(page: Page, client_for: Any, team: Any) -> None:
    uuid = uuid4()
    page.change(uuid, 0, page.said())
    outsider = Page(client_for("outsider"), page.series)
    assert outsider.client.get(page.url).status_code == 404
    assert outsider.send((uuid, 1, None)).status_code == 404
    viewer = Page(client_for("viewer"), page.series)
    assert viewer.send((uuid, 1, None)).status_code == 403
    assert viewer.restore(uuid, 1, 1).status_code == 403
    # The same id in another team is another mark; in another study of this one it is refused.
    foreign = store_chest(make_team(), 3, has_cancer=False, slices=1)
    theirs = Page(page.client, foreign)
    assert theirs.client.get(theirs.url).status_code == 404
    sibling = Page(page.client, store_chest(team, 4, has_cancer=False, slices=1))
    assert sibling.change(uuid, 1, sibling.said())["code"] == "mark_of_other_study"
    assert sibling.client.get(f"{sibling.url}{uuid}/history/").status_code == 404
    assert sibling.restore(uuid, 1, 1).status_code == 404
    from tests.factories import make_member

    make_member(foreign.study.team, user=page.client.user)
    assert theirs.change(uuid, 0, theirs.said())["outcome"] == "saved"
