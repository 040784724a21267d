"""Who may open the socket and follow what; rights withdrawn apply at once, on open sockets too."""

from __future__ import annotations

import time
from uuid import uuid4

import httpx
import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from websockets.exceptions import ConnectionClosed, InvalidStatus

from medportal.accounts.models import ApiToken, Membership
from medportal.messaging.services import publish, revoke
from tests.processes import Site
from tests.rails import People
from tests.sockets import Socket


def session_of(user: object) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def refusal(site: Site, **how: object) -> int:
    with pytest.raises(InvalidStatus) as caught:
        Socket(site, **how)
    return int(caught.value.response.status_code)


def closing_code(socket: Socket, within_s: float = 5.0) -> int:
    """Read on until the socket is closed; return the code."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            frame = socket.take(deadline - time.monotonic())
        except TimeoutError:
            break
        except ConnectionClosed as closed:
            assert closed.rcvd
            return closed.rcvd.code
        assert frame.get("type") == "error", f"was told {frame}"
    raise AssertionError(f"still open after {within_s} s")


def test_cookie_opens_the_socket_from_our_own_page_alone(site: Site, people: People) -> None:
    cookie = session_of(people.member())
    with Socket(site, cookie=cookie, origin=site.url) as socket:
        assert socket.follow(f"team:{people.team.slug}")["type"] == "subscribed"
    for origin in [
        None,
        "null",
        "http://evil.example",
        f"{site.url}.evil.example",
        f"http://evil.example/{site.url}",
        f"http://127.0.0.1:{site.port + 1}",
        f"http://user@evil.example:{site.port}",
        "file://",
        "http://127.0.0.1:99999999",
        "http://[",
    ]:
        assert refusal(site, cookie=cookie, origin=origin) == 403, origin


def test_nobody_opens_no_socket(site: Site, people: People) -> None:
    assert refusal(site, origin=site.url) == 403
    assert refusal(site, cookie="x" * 32, origin=site.url) == 403
    assert refusal(site, token="mp_wrong") == 403
    # A bad token is not helped by a good cookie.
    assert refusal(site, token="mp_wrong", cookie=session_of(people.member()), origin=site.url) == 403
    disabled = people.member()
    token, cookie = people.token(disabled), session_of(disabled)
    disabled.is_active = False
    disabled.save()
    assert refusal(site, token=token) == refusal(site, cookie=cookie, origin=site.url) == 403


def test_token_needs_no_origin(site: Site, people: People) -> None:
    token = people.token(people.member())
    for origin in (None, "http://elsewhere.example"):
        with Socket(site, token=token, origin=origin) as socket:
            assert socket.follow("me")["type"] == "subscribed"


def test_outsider_is_told_that_there_is_no_such_topic(site: Site, people: People) -> None:
    topic = f"team:{people.team.slug}"
    with Socket(site, token=people.token(people.outsider())) as socket:
        for name in (topic, "team:nothing", "job:nothing", f"job:{uuid4()}", "study:x/1.2", "medportal:signals", "x"):
            assert socket.follow(name, after=0) == {"type": "error", "topic": name, "code": "not_found"}
        with transaction.atomic():
            publish(topic, "test.happened", {}, team_id=None)
        assert socket.is_silent(1.5)


def test_removed_member_is_cut_off(site: Site, people: People) -> None:
    user = people.member()
    topic = f"team:{people.team.slug}"
    with Socket(site, token=people.token(user)) as socket:
        socket.follow(topic)
        with transaction.atomic():
            Membership.objects.get(user=user).delete()
            revoke(user.pk)
        with transaction.atomic():
            publish(topic, "test.secret", {}, team_id=None)
        assert closing_code(socket) == 4403


def test_lowered_role_reopens_the_socket(site: Site, people: People) -> None:
    user = people.member("manager")
    with Socket(site, token=people.token(user)) as socket:
        socket.follow(f"team:{people.team.slug}")
        with transaction.atomic():
            Membership.objects.filter(user=user).update(role="viewer")
            revoke(user.pk)
        assert closing_code(socket) == 4403


def test_withdrawal_applies_though_its_signal_is_lost(site: Site, people: People) -> None:
    """Written past our services, so that nothing is signalled: events stop at once, the socket within five seconds."""
    user = people.member()
    topic = f"team:{people.team.slug}"
    with Socket(site, token=people.token(user)) as socket:
        socket.follow(topic)
        Membership.objects.filter(user=user)._raw_delete("default")
        with transaction.atomic():
            publish(topic, "test.secret", {}, team_id=None)
        assert closing_code(socket) == 4403


def test_disabled_account_is_signed_out_everywhere(site: Site, people: People) -> None:
    user = people.member()
    with (
        Socket(site, token=people.token(user)) as by_token,
        Socket(site, cookie=session_of(user), origin=site.url) as by_cookie,
    ):
        by_token.follow("me")
        user.is_active = False
        user.save()
        assert closing_code(by_token) == closing_code(by_cookie) == 4401


def test_signing_out_closes_the_sockets_of_that_session(site: Site, people: People) -> None:
    user = people.member()
    ended, other = session_of(user), session_of(user)
    with (
        Socket(site, cookie=ended, origin=site.url) as gone,
        Socket(site, cookie=other, origin=site.url) as stays,
    ):
        gone.follow("me")
        SessionStore(ended).delete()
        assert closing_code(gone) == 4401
        assert stays.follow("me")["type"] == "subscribed"


def test_new_password_ends_old_sessions(site: Site, people: People) -> None:
    user = people.member()
    with Socket(site, cookie=session_of(user), origin=site.url) as socket:
        user.set_password("a new and long password")
        user.save()
        assert closing_code(socket) == 4401


def test_deleted_token_closes_its_socket(site: Site, people: People) -> None:
    user = people.member()
    with Socket(site, token=people.token(user)) as socket:
        socket.follow("me")
        ApiToken.objects.filter(user=user).delete()
        assert closing_code(socket) == 4401


def test_sockets_of_one_account_are_limited(site: Site, people: People) -> None:
    token = people.token(people.member())
    sockets = [Socket(site, token=token) for _ in range(51)]
    try:
        assert closing_code(sockets[-1]) == 4429
        assert sockets[0].follow("me")["type"] == "subscribed"
        assert httpx.get(f"{site.url}/healthz").status_code == 200
    finally:
        for socket in sockets:
            socket.__exit__()
