"""Who asks, and in which team: looked up once for the many small requests of a viewer, never believed for long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from medportal.accounts.access import default_team, get_team
from medportal.accounts.authentication import request_user
from medportal.accounts.models import Team, User

# Rights that were withdrawn apply within seconds (the sockets allow five); this is the part of it that is spent here.
BELIEVED_S = 1.5
_CAPACITY = 2000


@dataclass(frozen=True)
class Viewer:
    """A user who may see the studies of a team."""

    user: User
    team: Team


class _Cache:
    """A few recent answers, by what the request showed."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, ...], tuple[float, Viewer]] = {}
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Viewer | None:
        found = self._entries.get(key)
        return found[1] if found and time.monotonic() < found[0] else None

    def put(self, key: tuple[str, ...], viewer: Viewer) -> None:
        with self._lock:
            if len(self._entries) >= _CAPACITY:
                self._entries.clear()
            self._entries[key] = (time.monotonic() + BELIEVED_S, viewer)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


CACHE = _Cache()


def viewer_of(request: HttpRequest, slug: str | None) -> Viewer | None:
    """Return who asks, in the named team or the user's default one; None for nobody.

    Raises NotFoundError for a team of which the user is no member. For reads alone: writes ask the database.
    """
    key = (
        request.headers.get("Authorization", ""),
        request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""),
        slug or "",
    )
    if (viewer := CACHE.get(key)) is not None:
        return viewer
    user = request_user(request)
    if user is None:
        return None
    team = get_team(user, slug) if slug else default_team(user)
    # Not the request's lazy user, which would hold on to the request.
    viewer = Viewer(User.objects.get(pk=user.pk), team)
    CACHE.put(key, viewer)
    return viewer
