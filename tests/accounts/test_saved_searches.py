"""Searches that a member keeps under names: its own in each team, and gone with the membership."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from medportal.accounts import services
from medportal.accounts.models import Membership

Clients = Callable[..., Any]


def url_of(team: Any, name: str = "") -> str:
    return f"/api/v1/teams/{team.slug}/searches/" + (f"?name={quote(name, safe='')}" if name else "")


def keep(client: Any, team: Any, name: str, was: str = "", **wanted: str) -> Any:
    words = {"name": name, "wanted": wanted} | ({"was": was} if was else {})
    return client.post(url_of(team), words, content_type="application/json")


def names(client: Any, team: Any) -> list[str]:
    return [one["name"] for one in client.get(url_of(team)).json()]


def test_they_are_kept_replaced_renamed_and_forgotten(client_for: Clients, team: Any) -> None:
    viewer = client_for("viewer")
    assert names(viewer, team) == []
    assert keep(viewer, team, "lungs", search="chest", modality="CT").status_code == 201
    keep(viewer, team, "CT/MR 头部", sort="patient_id")
    assert names(viewer, team) == ["CT/MR 头部", "lungs"]
    keep(viewer, team, "lungs", search="thorax")
    assert viewer.get(url_of(team)).json()[1] == {"name": "lungs", "wanted": {"search": "thorax"}}
    assert [one["name"] for one in keep(viewer, team, "Chests", was="lungs", search="thorax").json()] == [
        "Chests",
        "CT/MR 头部",
    ]
    assert viewer.delete(url_of(team, "CT/MR 头部")).status_code == 204
    assert viewer.delete(url_of(team, "CT/MR 头部")).status_code == 404
    assert names(viewer, team) == ["Chests"]
    for name in ("..", ".", "a?b#c"):
        keep(viewer, team, name)
        assert viewer.delete(url_of(team, name)).status_code == 204
    assert names(viewer, team) == ["Chests"]


def test_they_are_nobody_elses(client_for: Clients, team: Any) -> None:
    viewer, reader = client_for("viewer"), client_for("reader")
    keep(viewer, team, "mine")
    assert names(reader, team) == []
    assert reader.delete(url_of(team, "mine")).status_code == 404
    Membership.objects.filter(user=viewer.user).delete()
    services.add_member(team, actor=reader.user, username=viewer.user.username, role="viewer")
    assert names(viewer, team) == []


def test_what_cannot_be_kept_is_named(client_for: Clients, team: Any, monkeypatch: Any) -> None:
    viewer = client_for("viewer")
    refused = keep(viewer, team, "odd", colour="red")
    assert (refused.status_code, "colour" in refused.content.decode()) == (400, True)
    assert keep(viewer, team, "").status_code == 400
    assert keep(viewer, team, "n" * 61).status_code == 400
    monkeypatch.setattr(services, "MOST_SEARCHES", 2)
    for name in ("a", "b"):
        keep(viewer, team, name)
    full = keep(viewer, team, "c")
    assert (full.status_code, full.json()["code"]) == (422, "too_many_searches")
    # In the place of another there is room.
    assert keep(viewer, team, "b").status_code == 201
    assert keep(viewer, team, "c", was="a").status_code == 201
