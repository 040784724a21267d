"""By what a request shows who sends it: an API token (Bearer, or Basic for DICOMweb) or the page's session."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from medportal.accounts.models import ApiToken, User

# `last_used_at` is a help for people, not a log: written at most this often.
USE_IS_NOTED_EVERY = timedelta(minutes=5)


def digest(secret: str) -> str:
    """HMAC-SHA256 of a token under the site's key: fast, and useless to who reads the table alone."""
    return hmac.new(settings.SECRET_KEY.encode(), secret.encode(), hashlib.sha256).hexdigest()


def user_for_token(secret: str) -> User | None:
    """Return the active user to whom a valid token belongs."""
    token = ApiToken.objects.select_related("user").filter(digest=digest(secret)).first()
    now = timezone.now()
    if token is None or not token.user.is_active or (token.expires_at and token.expires_at <= now):
        return None
    if token.last_used_at is None or now - token.last_used_at > USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


def user_for_header(header: str, *, basic: bool = False) -> User | None:
    """Return the user named by an Authorization header; None where it names nobody."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return user_for_token(value.strip())
    if basic and scheme.lower() == "basic":
        try:
            username, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user = user_for_token(secret)
        return user if user and user.username == username else None
    return None


def request_user(request: HttpRequest) -> User | None:
    """Return who sends a plain (not DRF) request: by header (Bearer, Basic) if there is one, else by session."""
    if header := request.headers.get("Authorization"):
        return user_for_header(header, basic=True)
    return request.user if request.user.is_authenticated else None


def user_of(request: Request) -> User:
    """Return who sends a request of the API, which nobody does without having signed in."""
    assert isinstance(request.user, User)
    return request.user


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <API token>`."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the token's user; refuse a token that is not valid."""
        header = request.headers.get("Authorization", "")
        if not header.lower().startswith("bearer "):
            return None
        user = user_for_header(header)
        if user is None:
            raise AuthenticationFailed("This API token is not valid.")
        return user, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Make the refusal a 401."""
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names Bearer tokens."""

    target_class = "medportal.accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer"}
