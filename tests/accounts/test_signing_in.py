"""Signing in and out, tokens, passwords, preferences."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import PASSWORD, make_member, make_team, make_token, make_user

pytestmark = pytest.mark.django_db
ME = "/api/v1/auth/me/"
JSON = "application/json"


@pytest.fixture
def page():
    """A browser that holds the CSRF cookie and sends it back, as the page does."""
    client = Client(enforce_csrf_checks=True)
    client.get(ME)
    return client


def post(client, url, body=None, **headers):
    csrf = {"X-CSRFToken": client.cookies["csrftoken"].value} if "csrftoken" in client.cookies else {}
    return client.post(url, body or {}, JSON, headers=csrf | headers)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def actions():
    from medportal.audit.models import AuditEvent

    return list(AuditEvent.objects.order_by("pk").values_list("action", "outcome"))


def test_who_is_not_signed_in_is_told_so(client):
    response = client.get(ME)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["request_id"] == response["X-Request-ID"]
    assert "csrftoken" in response.cookies


def test_signing_in_and_out(page):
    team = make_team()
    user = make_member(team, "reader", user=make_user(password=PASSWORD), can_sign=True)
    signed_in = post(page, "/api/v1/auth/login/", {"username": user.username, "password": PASSWORD})
    assert signed_in.status_code == 200
    assert signed_in.json()["teams"] == [{"slug": team.slug, "name": team.name, "role": "reader", "can_sign": True}]
    cookie = signed_in.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert page.get(ME).json()["username"] == user.username
    left = post(page, "/api/v1/auth/logout/")
    assert left.status_code == 204
    stolen = Client()
    stolen.cookies["sessionid"] = cookie.value
    assert stolen.get(ME).status_code == 401
    assert actions() == [("login.succeeded", "success"), ("logout", "success")]


@pytest.mark.parametrize("password", ["", " ", "admin", "password", "wrong"])
def test_a_wrong_password_and_an_unknown_name_look_the_same(page, password):
    user = make_user(password=PASSWORD)
    answers = []
    for name in (user.username, "nobody"):
        response = post(page, "/api/v1/auth/login/", {"username": name, "password": password})
        answers.append((response.status_code, {**response.json(), "request_id": ""}))
    assert answers[0] == answers[1]
    assert answers[0][0] in {400, 401}
    assert all(action == ("login.failed", "denied") for action in actions())


def test_failed_attempts_are_on_record_without_the_password(page):
    from medportal.audit.models import AuditEvent

    post(page, "/api/v1/auth/login/", {"username": "somebody", "password": "s3cret-typed"})
    event = AuditEvent.objects.get()
    assert (event.action, event.object_id, event.address) == ("login.failed", "somebody", "127.0.0.1")
    assert "s3cret" not in str(event.__dict__)


def test_a_foreign_page_can_do_nothing(page):
    user = make_user(password=PASSWORD)
    body = {"username": user.username, "password": PASSWORD}
    refused = page.post("/api/v1/auth/login/", body, JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    post(page, "/api/v1/auth/login/", body)
    assert page.patch(ME, {"theme": "light"}, JSON).status_code == 403
    assert page.post("/api/v1/auth/logout/", content_type=JSON).status_code == 403
    # What a foreign page's form sends is not even read.
    assert page.post("/api/v1/auth/logout/", {"any": "thing"}).status_code == 415
    assert page.get(ME).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/auth/token", "/api/v1/auth/token/"])
def test_a_program_gets_a_token_by_name_and_password(client, path):
    user = make_user(password=PASSWORD)
    token = client.post(path, {"username": user.username, "password": PASSWORD}, JSON).json()["token"]
    assert client.get(ME, headers=bearer(token)).json()["username"] == user.username
    refused = client.post(path, {"username": user.username, "password": "wrong"}, JSON)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_is_shown_once_and_ends_when_told(client_for):
    from medportal.accounts.models import ApiToken

    client = client_for("viewer")
    issued = client.post("/api/v1/auth/tokens/", {"name": "my script"}, JSON)
    assert issued.status_code == 201
    secret, number = issued.json()["token"], issued.json()["id"]
    listed = client.get("/api/v1/auth/tokens/")
    assert [row["name"] for row in listed.json()] == ["my script"]
    assert secret not in listed.text
    assert secret not in str(ApiToken.objects.values().get(pk=number))
    assert client.delete(f"/api/v1/auth/tokens/{number}/").status_code == 204
    refused = Client().get(ME, headers=bearer(secret))
    assert (refused.status_code, refused.json()["code"]) == (401, "authentication_failed")


def test_another_persons_token_is_not_found(client_for):
    from medportal.accounts.models import ApiToken

    owner = client_for("viewer")
    make_token(owner.user)
    number = ApiToken.objects.get(user=owner.user).pk
    assert client_for("manager").delete(f"/api/v1/auth/tokens/{number}/").status_code == 404
    assert ApiToken.objects.filter(pk=number).exists()


def test_an_expired_token_and_a_closed_accounts_token_are_refused(client):
    from medportal.accounts.services import issue_token

    user = make_user()
    _, expired = issue_token(user, name="old", expires_at=timezone.now() - timedelta(seconds=1))
    good = make_token(user)
    assert client.get(ME, headers=bearer(expired)).status_code == 401
    assert client.get(ME, headers=bearer(good)).status_code == 200
    user.is_active = False
    user.save()
    assert client.get(ME, headers=bearer(good)).status_code == 401


def test_basic_opens_dicomweb_alone_and_only_with_a_token():
    import base64

    team = make_team()
    user = make_member(team, "viewer", user=make_user(password=PASSWORD))

    def basic(secret):
        return {"Authorization": "Basic " + base64.b64encode(f"{user.username}:{secret}".encode()).decode()}

    studies, token = f"/teams/{team.slug}/dicomweb/studies", make_token(user)
    assert Client().get(studies, headers=basic(token)).status_code in {200, 204}
    assert Client().get(studies, headers=basic(PASSWORD)).status_code == 401
    assert Client().get(ME, headers=basic(token)).status_code == 401


@pytest.mark.parametrize(
    ("new", "status"),
    [
        ("7chars!", 422),
        ("password", 422),
        ("12345678", 422),
        ("Zoë-Chen-1990", 422),
        ("x" * 30 + "y" * 34, 204),
        ("密码很长而且没有人猜得到", 204),
        ("trailing blank ", 204),
    ],
)
def test_passwords_that_can_be_guessed_are_refused(page, new, status):
    user = make_user("zoë-chen-1990", password=PASSWORD)
    post(page, "/api/v1/auth/login/", {"username": user.username, "password": PASSWORD})
    response = post(page, "/api/v1/auth/password/", {"old": PASSWORD, "new": new})
    assert response.status_code == status, response.content
    assert page.get(ME).status_code == 200
    user.refresh_from_db()
    assert user.check_password(new if status == 204 else PASSWORD)
    assert not user.check_password(new.strip() + "x")


def test_changing_the_password_needs_the_present_one_and_ends_other_sessions(page):
    user = make_user(password=PASSWORD)
    other = Client()
    other.force_login(user)
    post(page, "/api/v1/auth/login/", {"username": user.username, "password": PASSWORD})
    wrong = post(page, "/api/v1/auth/password/", {"old": "not it", "new": "another good one"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_password")
    assert post(page, "/api/v1/auth/password/", {"old": PASSWORD, "new": "another good one"}).status_code == 204
    assert page.get(ME).status_code == 200
    assert other.get(ME).status_code == 401


def test_language_theme_and_team_are_kept_with_the_account(team, client_for):
    client = client_for("viewer")
    wanted = {"language": "zh-CN", "theme": "light", "default_team": team.slug}
    assert client.patch(ME, wanted, JSON).status_code == 200
    elsewhere = Client()
    elsewhere.force_login(client.user)
    assert elsewhere.get(ME).json().items() >= wanted.items()
    assert client.patch(ME, {"language": "en"}, JSON).json()["theme"] == "light"
    assert client.patch(ME, {"language": "tlh"}, JSON).status_code == 400
    assert client.patch(ME, {"default_team": make_team().slug}, JSON).status_code == 404


def test_nobody_makes_himself_administrator(client_for):
    client = client_for("viewer")
    client.patch(ME, {"is_staff": True, "is_superuser": True, "username": "admin"}, JSON)
    client.user.refresh_from_db()
    assert not client.user.is_staff
    assert not client.user.is_superuser


def test_the_admin_is_for_site_administrators(client_for):
    assert client_for("admin").get("/admin/").status_code == 200
    assert client_for("admin").get("/admin/accounts/user/").status_code == 200
    for role in ("manager", "anonymous"):
        response = client_for(role).get("/admin/")
        assert (response.status_code, response.url) == (302, "/admin/login/?next=/admin/")
