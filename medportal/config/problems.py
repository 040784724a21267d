"""Failures as `application/problem+json` (RFC 9457): the one place that knows which failure is which status."""

from __future__ import annotations

import json
import traceback
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db.utils import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import set_rollback

from medportal.errors import MedportalError

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"
# What every answer says unless it says otherwise itself.
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STATUS_OF_KIND = {
    "invalid": 422,
    "not_found": 404,
    "not_allowed": 403,
    "conflict": 409,
    "too_large": 413,
    "unavailable": 503,
}
# Refusals of what something *is*, rather than of what it says.
STATUS_OF_CODE = {"not_dicom": 415, "unsupported_media_type": 415, "not_acceptable": 406, "query": 400}


def document(
    status: int, code: str, detail: str, request_id: str, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the members of a problem document."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
        **(extra or {}),
    }


def describe(error: Exception) -> tuple[int, str, str, dict[str, Any]] | None:  # noqa: PLR0911
    """Return (status, code, detail, extra) of a failure that the caller may be told of; None for a fault of ours."""
    match error:
        case MedportalError():
            status = STATUS_OF_CODE.get(error.code) or STATUS_OF_KIND[error.kind]
            return status, error.code, error.detail, error.extra
        case exceptions.ValidationError():
            return 400, "invalid", "The request does not have the right shape.", {"errors": error.detail}
        case exceptions.APIException():
            code = error.default_code if isinstance(error.detail, list | dict) else error.detail.code
            return error.status_code, str(code), str(error.detail), {}
        case Http404():
            return 404, "not_found", "There is nothing at this address.", {}
        case PermissionDenied():
            return 403, "not_allowed", "You may not do this.", {}
        case RequestDataTooBig():
            return 413, "too_large", "The request is too large.", {}
        case SuspiciousOperation():
            return 400, "invalid", "The request cannot be understood.", {}
        case OperationalError():
            return 503, "database_unavailable", "The database cannot be reached just now; try again.", {}
    return None


def _headers(status: int) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = "5"
    return headers


def problem_response(request: HttpRequest | Request, status: int, code: str, detail: str, **extra: Any) -> HttpResponse:
    """Return a problem as a plain Django response."""
    body = document(status, code, detail, getattr(request, "request_id", ""), extra)
    return HttpResponse(
        json.dumps(body, ensure_ascii=False), status=status, content_type=CONTENT_TYPE, headers=_headers(status)
    )


def drf_exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Turn failures of DRF's views into problems, whatever the view else answers in; faults go on to the middleware."""
    described = describe(error)
    if described is None:
        return None
    set_rollback()
    status, code, detail, extra = described
    return problem_response(context["request"], status, code, detail, **extra)


def _log_fault(request: HttpRequest, error: Exception) -> None:
    """Log what failed and where, but no message and no address: those may quote what a patient's file says."""
    match = request.resolver_match
    log.error(
        "request.failed",
        request_id=getattr(request, "request_id", ""),
        method=request.method,
        route=match.route if match else "",
        error=type(error).__qualname__,
        where="".join(traceback.format_tb(error.__traceback__)[-6:]),
    )


class ProblemMiddleware:
    """Gives each request an id, and each failure of a plain view the shape that the API has."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request under an id of our own."""
        request.request_id = uuid4().hex  # type: ignore[attr-defined]
        response: HttpResponse = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a failure; a fault of ours is logged, and told without a word of what it was."""
        described = describe(error)
        if described is None:
            _log_fault(request, error)
        if request.path.startswith("/admin/"):
            return None
        if described is None:
            return server_error(request)
        status, code, detail, extra = described
        return problem_response(request, status, code, detail, **extra)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Answer an address at which there is nothing."""
    return problem_response(request, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after a fault of ours, telling nothing of it."""
    return problem_response(request, 500, "internal", "Something went wrong on our side; it is in our log.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Answer what may not be done."""
    return problem_response(request, 403, "not_allowed", "You may not do this.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Answer what cannot be understood."""
    return problem_response(request, 400, "invalid", "The request cannot be understood.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a request that does not come from our own page."""
    return problem_response(request, 403, "csrf_failed", "The request does not come from this site's own page.")
