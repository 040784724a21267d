"""Layouts and keys are kept per account and per team, and never written over unseen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_team

PANE = {"kind": "plane", "plane": "coronal", "series": {"modality": "CT"}, "window": {"center": 40, "width": 400}}
LAYOUT = {"rows": 1, "columns": 2, "panes": [{"kind": "stack"}, PANE], "links": {"scroll": True}}
RULES = {"is_automatic": True, "modalities": ["CT"], "description": "chest", "fewest_series": 1}


@pytest.fixture
def url(team: Any) -> str:
    return f"/api/v1/teams/{team.slug}/hanging-protocols/"


def make(client: Any, url: str, **words: Any) -> Any:
    said = {"name": "Chest", "layout": LAYOUT, "rules": RULES, **words}
    return client.post(url, said, content_type="application/json")


def test_a_layout_comes_back_whole(client_for: Any, url: str) -> None:
    viewer = client_for("viewer")
    made = make(viewer, url)
    assert made.status_code == 201, made.content
    (row,) = viewer.get(url).json()
    assert row == made.json()
    assert (row["name"], row["is_shared"], row["revision"], row["rank"]) == ("Chest", False, 1, 100)
    second = row["layout"]["panes"][1]
    assert (second["plane"], second["projection"]) == ("coronal", {"mode": "none", "slabMm": 10})
    assert second["series"] == {"study": "current", "modality": "CT", "description": "", "place": 0}
    assert row["layout"]["links"] == {"scroll": True, "window": False, "place": False}
    assert row["rules"]["most_series"] is None


def test_ones_own_is_ones_own_and_the_teams_is_everybodys(client_for: Any, url: str) -> None:
    viewer, manager, reader = client_for("viewer"), client_for("manager"), client_for("reader")
    make(viewer, url, name="mine", rank=5)
    assert make(viewer, url, is_shared=True).status_code == 403
    team_s = make(manager, url, name="ours", is_shared=True).json()
    assert [row["name"] for row in viewer.get(url).json()] == ["mine", "ours"]
    assert [row["name"] for row in reader.get(url).json()] == ["ours"]
    address = f"{url}{team_s['id']}/"
    change = {"name": "theirs", "based_on": 1}
    assert reader.patch(address, change, content_type="application/json").status_code == 403
    own = viewer.get(url).json()[0]
    assert manager.delete(f"{url}{own['id']}/").status_code == 404
    assert viewer.delete(f"{url}{own['id']}/").status_code == 204
    other = make_team()
    assert viewer.get(f"/api/v1/teams/{other.slug}/hanging-protocols/").status_code == 404


def test_a_change_of_an_older_state_is_refused(client_for: Any, url: str) -> None:
    manager = client_for("manager")
    address = f"{url}{make(manager, url, is_shared=True).json()['id']}/"
    first = manager.patch(address, {"name": "A", "based_on": 1}, content_type="application/json")
    assert (first.json()["revision"], first.json()["layout"]["columns"]) == (2, 2)
    late = manager.patch(address, {"name": "B", "based_on": 1}, content_type="application/json")
    assert (late.status_code, late.json()["current"]["name"]) == (409, "A")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 9, "columns": 1, "panes": []},
        {"rows": 1, "columns": 1, "panes": [{"kind": "stack"}] * 2},
        {"rows": 1, "columns": 1, "panes": [{"kind": "hologram"}]},
        {"rows": 1, "columns": 1, "panes": [{"kind": "stack", "window": {"center": 1, "width": 0}}]},
        "large",
    ],
)
def test_what_is_no_layout_is_refused(client_for: Any, url: str, wrong: Any) -> None:
    assert make(client_for("viewer"), url, layout=wrong).status_code == 400


def test_keys_are_of_the_account(client_for: Any) -> None:
    one, other = client_for("viewer"), client_for("reader")
    keys = {"length": ["x"], "cine": []}
    assert one.get("/api/v1/auth/me/viewer/").json() == {"keys": {}}
    assert one.put("/api/v1/auth/me/viewer/", {"keys": keys}, content_type="application/json").json() == {"keys": keys}
    assert one.get("/api/v1/auth/me/viewer/").json() == {"keys": keys}
    assert other.get("/api/v1/auth/me/viewer/").json() == {"keys": {}}
    many = {"keys": {str(n): ["a"] for n in range(400)}}
    assert one.put("/api/v1/auth/me/viewer/", many, content_type="application/json").status_code == 400
