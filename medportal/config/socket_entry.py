"""Who may open the socket: a Bearer token from anywhere, a session cookie only from this site's own pages."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie
from django.http.request import validate_host

from medportal.accounts.authentication import user_for_header
from medportal.accounts.models import User

log = structlog.get_logger(__name__)
SignedIn = Callable[[], User | None]


def signed_in_by(scope: dict[str, Any]) -> SignedIn | None:
    """Return what tells, each time anew, whom the handshake's token or cookie signs in; None refuses the handshake."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if header := headers.get("authorization"):
        return lambda: user_for_header(header)
    if not is_own_page(headers.get("origin", ""), headers.get("host", "")):
        log.warning("socket.refused", reason="origin", origin=headers.get("origin", "")[:200])
        return None
    key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    return (lambda: _user_of_session(key)) if key else None


def is_own_page(origin: str, host: str) -> bool:
    """Say whether a page of `origin` is this site's own: as Django's CSRF check does, the port included."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        parts, asked = urlsplit(origin), urlsplit(f"//{host}")
        same = (parts.hostname, _port(parts.port, parts.scheme)) == (asked.hostname, _port(asked.port, parts.scheme))
    except ValueError:
        return False
    # Behind TLS the proxy speaks plain HTTP to us, so the scheme tells nothing.
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return bool(same and name and parts.scheme in {"http", "https"}) and validate_host(
        str(name), settings.ALLOWED_HOSTS
    )


def _port(port: int | None, scheme: str) -> int:
    return port or (443 if scheme == "https" else 80)


def _user_of_session(key: str) -> User | None:
    """Read the session afresh; Django checks that the password is still the one that it began with."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None
