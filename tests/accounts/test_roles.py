"""Members and their roles, as managers change them."""

from __future__ import annotations

import pytest

from tests.factories import make_member, make_team, make_user

pytestmark = pytest.mark.django_db


def members_url(team, user=None):
    return f"/api/v1/teams/{team.slug}/members/" + (f"{user.pk}/" if user else "")


def test_every_member_sees_the_members(team, client_for):
    manager = make_member(team, "manager", can_sign=True)
    client = client_for("viewer")
    rows = {row["user_id"]: row for row in client.get(members_url(team)).json()}
    assert rows[manager.pk]["role"] == "manager"
    assert rows[manager.pk]["can_sign"] is True
    assert rows[client.user.pk]["role"] == "viewer"


@pytest.mark.parametrize("role", ["outsider", "admin"])
def test_another_teams_members_are_not_found(team, client_for, role):
    member = make_member(team, "manager")
    client = client_for(role)
    for url in (members_url(team), members_url(team, member), members_url(make_team("nowhere"))):
        for method in ("get", "post", "patch", "delete"):
            response = getattr(client, method)(url, {"username": "x", "role": "viewer"}, "application/json")
            assert response.status_code in {404, 405}, (method, url)


def test_another_teams_refusal_does_not_tell_whether_the_team_is(team, client_for):
    client = client_for("outsider")
    there = client.get(members_url(team)).json()
    not_there = client.get("/api/v1/teams/no-such-team/members/").json()
    assert {**there, "request_id": ""} == {**not_there, "request_id": ""}


@pytest.mark.parametrize("role", ["viewer", "reader", "researcher"])
def test_only_a_manager_changes_members(team, client_for, role):
    client = client_for(role)
    new = make_user()
    refused = client.post(members_url(team), {"username": new.username, "role": "viewer"}, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_too_small")
    assert client.patch(members_url(team, client.user), {"role": "manager"}, "application/json").status_code == 403
    assert client.delete(members_url(team, client.user)).status_code == 403


def test_manager_adds_changes_and_removes(team, client_for):
    from medportal.audit.models import AuditEvent

    client, new = client_for("manager"), make_user()
    body = {"username": new.username, "role": "reader"}
    assert client.post(members_url(team), body, "application/json").status_code == 201
    again = client.post(members_url(team), body, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "already_member")
    changed = client.patch(members_url(team, new), {"role": "researcher", "can_sign": True}, "application/json")
    assert (changed.json()["role"], changed.json()["can_sign"]) == ("researcher", True)
    assert client.delete(members_url(team, new)).status_code == 204
    assert client.patch(members_url(team, new), {"role": "viewer"}, "application/json").status_code == 404
    actions = AuditEvent.objects.filter(team=team.slug).order_by("pk").values_list("action", "actor", "object_id")
    assert list(actions) == [
        (action, client.user.username, str(new.pk)) for action in ("member.added", "member.changed", "member.removed")
    ]


def test_an_account_that_is_not_or_is_closed_cannot_be_added(team, client_for):
    client, closed = client_for("manager"), make_user(is_active=False)
    for name in ("nobody-at-all", closed.username):
        response = client.post(members_url(team), {"username": name, "role": "reader"}, "application/json")
        assert (response.status_code, response.json()["code"]) == (422, "no_such_user")


def test_the_last_manager_stays(team, client_for):
    client = client_for("manager")
    own = members_url(team, client.user)
    make_member(team, "manager", user=make_user(is_active=False))
    for refused in (client.delete(own), client.patch(own, {"role": "reader"}, "application/json")):
        assert (refused.status_code, refused.json()["code"]) == (409, "last_manager")
    assert client.patch(own, {"can_sign": True}, "application/json").status_code == 200
    make_member(team, "manager")
    assert client.patch(own, {"role": "reader"}, "application/json").status_code == 200
    assert client.patch(own, {"role": "manager"}, "application/json").status_code == 403


def test_a_closed_account_loses_its_session_at_once(team, client_for):
    client = client_for("reader")
    assert client.get("/api/v1/auth/me/").status_code == 200
    client.user.is_active = False
    client.user.save()
    assert client.get("/api/v1/auth/me/").status_code == 401


@pytest.mark.parametrize("body", [{}, {"username": "x"}, {"username": "x", "role": "king"}, {"role": "reader"}, []])
def test_wrong_shapes_are_named(team, client_for, body):
    response = client_for("manager").post(members_url(team), body, "application/json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert response.json()["errors"]
