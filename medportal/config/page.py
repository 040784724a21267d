"""Serves the page (one HTML file; the browser routes) with the CSRF cookie it needs."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

NOT_BUILT = (
    "<!doctype html><title>medportal</title><p>The page has not been built yet: run <code>make frontend</code>.</p>"
)


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest, **_: str) -> HttpResponse:  # noqa: ARG001
    """Return the page's HTML."""
    built = settings.FRONTEND_DIST / "index.html"
    if not built.is_file():
        return HttpResponse(NOT_BUILT, status=503)
    return HttpResponse(built.read_bytes(), headers={"Cache-Control": "no-cache"})
