"""DICOMweb over HTTP (PS3.18): plain views, since a viewer asks for thousands of frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from medportal.accounts.authentication import request_user
from medportal.accounts.models import Role
from medportal.archive import access, derived, qido, stow, wado
from medportal.archive.accept import takes_json
from medportal.archive.bodies import Part, respond, respond_multipart
from medportal.archive.models import Instance, Series
from medportal.archive.multipart import boundary_of
from medportal.archive.viewers import Viewer, viewer_of
from medportal.audit.services import record_read
from medportal.errors import InvalidError, NotAllowedError

View = Callable[..., HttpResponseBase]
DICOM_JSON = "application/dicom+json"
NO_STORE = {"Cache-Control": "no-store"}
# What never changes may be kept by the browser of who was allowed to see it.
PRIVATE_FOREVER = "private, max-age=31536000, immutable"
VARY = "Accept, Cookie, Authorization"


def reads(view: View) -> View:
    """Serve reads to who shows a token or the page's session; others get 401."""

    @require_http_methods(["GET", "HEAD"])
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, team: str | None = None, **kwargs: Any) -> HttpResponseBase:
        viewer = viewer_of(request, team)
        return _unauthorized(request) if viewer is None else view(request, viewer, *args, **kwargs)

    return wrapper


def _unauthorized(request: HttpRequest) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "code": "not_authenticated",
        "detail": "Sign in, or send an API token.",
        "request_id": getattr(request, "request_id", ""),
    }
    response = HttpResponse(json.dumps(body), status=401, content_type="application/problem+json", headers=NO_STORE)
    response["WWW-Authenticate"] = 'Bearer, Basic realm="medportal", charset="UTF-8"'
    return response


def _json(text: str | bytes, **headers: str) -> HttpResponse:
    return HttpResponse(text, content_type=DICOM_JSON, headers={**NO_STORE, **headers})


def _require_json(request: HttpRequest) -> None:
    if not takes_json(request.headers.get("Accept", "")):
        raise InvalidError("not_acceptable", "Metadata and search results are sent as application/dicom+json.")


def _root(request: HttpRequest, team: str) -> str:
    return request.build_absolute_uri(f"/teams/{team}/dicomweb")


def _note_read(request: HttpRequest, viewer: Viewer, study_uid: str, *, action: str = "study.read") -> None:
    """Put the read on record before the first byte leaves."""
    record_read(
        actor=viewer.user,
        action=action,
        team=viewer.team.slug,
        study_instance_uid=study_uid,
        purpose="dicomweb",
        address=request.META.get("REMOTE_ADDR") or "",
    )


# Storing, and the addresses that both store and read.


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def studies(request: HttpRequest, team: str | None = None) -> HttpResponseBase:
    """Search for studies, or store objects."""
    return _store(request, team, None) if request.method == "POST" else search_studies(request, team=team)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def study(request: HttpRequest, study_uid: str, team: str | None = None) -> HttpResponseBase:
    """Retrieve a study's objects, or store objects into it."""
    if request.method == "POST":
        return _store(request, team, study_uid)
    return retrieve_study(request, study_uid=study_uid, team=team)


def _store(request: HttpRequest, team: str | None, study_uid: str | None) -> HttpResponse:
    user = request_user(request)
    if user is None:
        return _unauthorized(request)
    if "Authorization" not in request.headers:
        _require_csrf(request)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise InvalidError("unsupported_media_type", "Requests are taken without content encoding.")
    owner = access.team_for(user, team, Role.READER)
    outcome = stow.store_parts(
        cast("BinaryIO", request),
        boundary_of(request.headers.get("Content-Type", "")),
        team=owner,
        actor=user,
        study_uid=study_uid,
        limit_bytes=settings.MAX_OBJECT_BYTES,
        address=request.META.get("REMOTE_ADDR") or "",
    )
    body = stow.response_json(outcome, _root(request, owner.slug))
    response = HttpResponse(
        json.dumps(body, ensure_ascii=False), status=outcome.status, content_type=DICOM_JSON, headers=NO_STORE
    )
    if outcome.status == 503:
        response["Retry-After"] = "5"
    return response


def _require_csrf(request: HttpRequest) -> None:
    """Refuse a write that the page's cookie alone would authorise."""

    def nothing(_: HttpRequest) -> HttpResponse:
        return HttpResponse()

    check = CsrfViewMiddleware(nothing)
    check.process_request(request)
    if check.process_view(request, nothing, (), {}) is not None:
        raise NotAllowedError("csrf_failed", "The request does not come from this site's own page.")


# Searches (QIDO-RS).


@reads
def search_studies(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Search for studies."""
    return _search(request, viewer, qido.search_studies, access.visible_studies(viewer.user, viewer.team.slug))


@reads
def all_series(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Search among all series."""
    return _search(request, viewer, qido.search_series, access.visible_series(viewer.user, viewer.team.slug))


@reads
def all_instances(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Search among all instances."""
    return _search(request, viewer, qido.search_instances, access.visible_instances(viewer.user, viewer.team.slug))


@reads
def study_series(request: HttpRequest, viewer: Viewer, study_uid: str) -> HttpResponse:
    """Search among a study's series."""
    found = access.get_study(viewer.user, viewer.team.slug, study_uid)
    rows = access.visible_series(viewer.user, viewer.team.slug).filter(study=found)
    return _search(request, viewer, qido.search_series, rows)


@reads
def study_instances(request: HttpRequest, viewer: Viewer, study_uid: str) -> HttpResponse:
    """Search among a study's instances."""
    found = access.get_study(viewer.user, viewer.team.slug, study_uid)
    rows = access.visible_instances(viewer.user, viewer.team.slug).filter(series__study=found)
    return _search(request, viewer, qido.search_instances, rows)


@reads
def series_instances(request: HttpRequest, viewer: Viewer, study_uid: str, series_uid: str) -> HttpResponse:
    """Search among a series' instances."""
    found = access.get_series(viewer.user, viewer.team.slug, series_uid, study_uid=study_uid)
    rows = access.visible_instances(viewer.user, viewer.team.slug).filter(series=found)
    return _search(request, viewer, qido.search_instances, rows)


def _search(request: HttpRequest, viewer: Viewer, search: Callable[..., Any], rows: Any) -> HttpResponse:
    _require_json(request)
    _note_read(request, viewer, "", action="studies.searched")
    found = search(rows, request.GET, _root(request, viewer.team.slug))
    response = _json(json.dumps(found, ensure_ascii=False))
    if request.GET.get("fuzzymatching") == "true":
        # PS3.18 8.3.4.2.1, word for word.
        response["Warning"] = (
            '299 medportal "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
        )
    return response


# Metadata (WADO-RS).


@reads
def study_metadata(request: HttpRequest, viewer: Viewer, study_uid: str) -> HttpResponse:
    """Return the metadata of a study's instances."""
    _require_json(request)
    found = access.get_study(viewer.user, viewer.team.slug, study_uid)
    _note_read(request, viewer, study_uid)
    documents = [derived.gunzip(derived.of_series(one))[1:-1] for one in access.series_of(found)]
    return _json(b"[" + b",".join(filter(None, documents)) + b"]")


@reads
def series_metadata(request: HttpRequest, viewer: Viewer, study_uid: str, series_uid: str) -> HttpResponse:
    """Return the metadata of a series' instances, from the document that is kept for it."""
    _require_json(request)
    found = access.get_series(viewer.user, viewer.team.slug, series_uid, study_uid=study_uid)
    _note_read(request, viewer, study_uid)
    return _series_document(request, found)


def _series_document(request: HttpRequest, found: Series) -> HttpResponse:
    packed = derived.of_series(found)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return _json(packed, **{"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    return _json(derived.gunzip(packed), Vary="Accept-Encoding")


@reads
def instance_metadata(
    request: HttpRequest, viewer: Viewer, study_uid: str, series_uid: str, sop_instance_uid: str
) -> HttpResponse:
    """Return one instance's metadata."""
    _require_json(request)
    found = wado.locate(viewer, study_uid, series_uid, sop_instance_uid)
    _note_read(request, viewer, study_uid)
    return _json(b"[" + derived.of_instance(found) + b"]")


# Objects and frames (WADO-RS).


@reads
def retrieve_study(request: HttpRequest, viewer: Viewer, study_uid: str) -> HttpResponseBase:
    """Retrieve a study's objects."""
    found = access.get_study(viewer.user, viewer.team.slug, study_uid)
    rows = access.visible_instances(viewer.user, viewer.team.slug).filter(series__study=found)
    _note_read(request, viewer, study_uid)
    return _objects(request, list(rows))


@reads
def series(request: HttpRequest, viewer: Viewer, study_uid: str, series_uid: str) -> HttpResponseBase:
    """Retrieve a series' objects."""
    found = access.get_series(viewer.user, viewer.team.slug, series_uid, study_uid=study_uid)
    rows = access.visible_instances(viewer.user, viewer.team.slug).filter(series=found)
    _note_read(request, viewer, study_uid)
    return _objects(request, list(rows))


@reads
def instance(
    request: HttpRequest, viewer: Viewer, study_uid: str, series_uid: str, sop_instance_uid: str
) -> HttpResponseBase:
    """Retrieve one object."""
    found = wado.locate(viewer, study_uid, series_uid, sop_instance_uid)
    wanted = wado.takes_objects([found], request.headers.get("Accept", ""))
    _note_read(request, viewer, study_uid)
    if wanted.media != wado.DICOM:
        return _objects(request, [found])
    headers = {
        "Content-Disposition": 'attachment; filename="object.dcm"',
        "X-Content-Type-Options": "nosniff",
        **NO_STORE,
    }
    part = wado.object_part(found, wanted)
    return respond(Part(wado.DICOM, part.pieces), headers)


def _objects(request: HttpRequest, rows: list[Instance]) -> HttpResponseBase:
    """Return whole objects in parts."""
    wanted = wado.takes_objects(rows, request.headers.get("Accept", ""))
    return respond_multipart([wado.object_part(row, wanted) for row in rows], wado.DICOM, NO_STORE)


@reads
def frames(
    request: HttpRequest, viewer: Viewer, study_uid: str, series_uid: str, sop_instance_uid: str, frame_list: str
) -> HttpResponseBase:
    """Retrieve frames: as stored where the client takes that, else as explicit little endian."""
    found = wado.locate(viewer, study_uid, series_uid, sop_instance_uid)
    numbers = wado.frame_numbers(frame_list)
    choice = wado.choose(found, request.headers.get("Accept", ""))
    _note_read(request, viewer, study_uid)
    form = f"{choice.transfer_syntax_uid}-{choice.content_type}-{int(choice.is_multipart or len(numbers) > 1)}"
    etag = f'"{found.sha256[:32]}-{frame_list[:64]}-{form}"'
    headers = {"ETag": etag, "Cache-Control": PRIVATE_FOREVER, "Vary": VARY}
    if request.headers.get("If-None-Match") == etag and len(frame_list) <= 64:
        return HttpResponse(status=304, headers=headers)
    parts = wado.frame_parts(found, numbers, choice)
    if choice.is_multipart or len(parts) > 1:
        return respond_multipart(parts, choice.content_type, headers)
    return respond(parts[0], headers)
