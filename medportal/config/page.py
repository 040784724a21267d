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
def page(request: HttpRequest, **_: str) -> HttpResponse:
    """Return the page's HTML."""
    built = settings.FRONTEND_DIST / "index.html"
    if not built.is_file():
        return HttpResponse(NOT_BUILT, status=503)
    html = built.read_bytes()
    if not request.user.is_authenticated:
        # So the page need not ask who is signed in, to be told 401.
        html = html.replace(b"<html ", b'<html data-signed-in="no" ', 1)
    return HttpResponse(html, headers={"Cache-Control": "no-cache"})
