"""DICOMweb over HTTP (PS3.18): plain views, since a viewer asks for thousands of frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from medportal.accounts.access import Role
from medportal.accounts.authentication import request_user
from medportal.accounts.models import User
from medportal.archive import access, metadata, qido, reading, stow, wado
from medportal.archive.accept import parse_accept, takes_json
from medportal.archive.models import Instance, Series
from medportal.archive.multipart import boundary_of, write_parts
from medportal.audit.services import record_read
from medportal.errors import InvalidError, NotAllowedError

View = Callable[..., HttpResponse]
DICOM_JSON = "application/dicom+json"
# What never changes may be kept by the browser of who was allowed to see it.
PRIVATE_FOREVER = "private, max-age=31536000, immutable"


def signed_in(view: View) -> View:
    """Serve users who show a token or the page's session (then with CSRF protection for writes); others get 401."""

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request_user(request)
        if user is None:
            return _unauthorized(request)
        if "Authorization" not in request.headers:
            _require_csrf(request)
        return view(request, user, *args, **kwargs)

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
    response = HttpResponse(json.dumps(body), status=401, content_type="application/problem+json")
    response["WWW-Authenticate"] = 'Bearer, Basic realm="medportal", charset="UTF-8"'
    return response


def _require_csrf(request: HttpRequest) -> None:
    """Refuse a write that the page's cookie alone would authorise."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    check = CsrfViewMiddleware(lambda _: HttpResponse())
    check.process_request(request)
    if check.process_view(request, lambda: None, (), {}) is not None:
        raise NotAllowedError("csrf_failed", "The request does not come from this site's own page.")


def _json(document: Any) -> HttpResponse:
    if isinstance(document, list) and not document:
        return HttpResponse(status=204)
    return HttpResponse(json.dumps(document, ensure_ascii=False), content_type=DICOM_JSON)


def _require_json(request: HttpRequest) -> None:
    if not takes_json(request.headers.get("Accept", "")):
        raise InvalidError("not_acceptable", "Metadata and search results are sent as application/dicom+json.")


def _team_root(request: HttpRequest, team: str | None) -> str:
    prefix = f"/teams/{team}/dicomweb" if team else "/dicomweb"
    return request.build_absolute_uri(prefix)


def _note_read(request: HttpRequest, user: User, team_slug: str, study_uid: str) -> None:
    record_read(
        actor=user,
        action="study.read",
        team=team_slug,
        study_instance_uid=study_uid,
        purpose="dicomweb",
        address=request.META.get("REMOTE_ADDR", ""),
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def studies(request: HttpRequest, user: User, team: str | None = None) -> HttpResponse:
    """Search for studies, or store objects."""
    if request.method == "POST":
        return _store(request, user, team, None)
    _require_json(request)
    return _json(qido.search_studies(access.visible_studies(user, team), request.GET))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def study(request: HttpRequest, user: User, study_uid: str, team: str | None = None) -> HttpResponse:
    """Retrieve a study's objects, or store objects into it."""
    if request.method == "POST":
        return _store(request, user, team, study_uid)
    found = access.get_study(user, team, study_uid)
    rows = Instance.objects.filter(series__study=found).order_by("series_id", "instance_number")
    _note_read(request, user, found.team.slug, study_uid)
    return _objects(request, list(rows))


def _store(request: HttpRequest, user: User, team: str | None, study_uid: str | None) -> HttpResponse:
    owner = access.team_for(user, team, Role.READER)
    outcome = stow.store_parts(
        cast("BinaryIO", request),
        boundary_of(request.headers.get("Content-Type", "")),
        team=owner,
        actor=user,
        study_uid=study_uid,
        limit_bytes=settings.MAX_OBJECT_BYTES,
        address=request.META.get("REMOTE_ADDR", ""),
    )
    body = stow.response_json(outcome, _team_root(request, team))
    return HttpResponse(json.dumps(body, ensure_ascii=False), status=outcome.status, content_type=DICOM_JSON)


@signed_in
@require_http_methods(["GET", "HEAD"])
def study_metadata(request: HttpRequest, user: User, study_uid: str, team: str | None = None) -> HttpResponse:
    """Return the metadata of a study's instances."""
    _require_json(request)
    found = access.get_study(user, team, study_uid)
    _note_read(request, user, found.team.slug, study_uid)
    parts = [json.loads(wado.gunzip(metadata.of_series(one))) for one in access.series_of(found)]
    return _json([item for part in parts for item in part])


@signed_in
@require_http_methods(["GET", "HEAD"])
def study_series(request: HttpRequest, user: User, study_uid: str, team: str | None = None) -> HttpResponse:
    """Search among a study's series."""
    _require_json(request)
    found = access.get_study(user, team, study_uid)
    return _json(qido.search_series(found.series.select_related("study__patient"), request.GET))


@signed_in
@require_http_methods(["GET", "HEAD"])
def all_series(request: HttpRequest, user: User, team: str | None = None) -> HttpResponse:
    """Search among all series."""
    _require_json(request)
    return _json(qido.search_series(access.visible_series(user, team), request.GET))


@signed_in
@require_http_methods(["GET", "HEAD"])
def all_instances(request: HttpRequest, user: User, team: str | None = None) -> HttpResponse:
    """Search among all instances."""
    _require_json(request)
    return _json(qido.search_instances(access.visible_instances(user, team), request.GET))


@signed_in
@require_http_methods(["GET", "HEAD"])
def study_instances(request: HttpRequest, user: User, study_uid: str, team: str | None = None) -> HttpResponse:
    """Search among a study's instances."""
    _require_json(request)
    found = access.get_study(user, team, study_uid)
    rows = access.visible_instances(user, team).filter(series__study=found)
    return _json(qido.search_instances(rows, request.GET))


@signed_in
@require_http_methods(["GET", "HEAD"])
def series_instances(
    request: HttpRequest, user: User, study_uid: str, series_uid: str, team: str | None = None
) -> HttpResponse:
    """Search among a series' instances."""
    _require_json(request)
    found = access.get_series(user, team, series_uid, study_uid=study_uid)
    rows = found.instances.select_related("series__study__patient").order_by("instance_number", "id")
    return _json(qido.search_instances(rows, request.GET))


@signed_in
@require_http_methods(["GET", "HEAD"])
def series(request: HttpRequest, user: User, study_uid: str, series_uid: str, team: str | None = None) -> HttpResponse:
    """Retrieve a series' objects."""
    found = access.get_series(user, team, series_uid, study_uid=study_uid)
    _note_read(request, user, found.team.slug, study_uid)
    return _objects(request, list(found.instances.all()))


@signed_in
@require_http_methods(["GET", "HEAD"])
def series_metadata(
    request: HttpRequest, user: User, study_uid: str, series_uid: str, team: str | None = None
) -> HttpResponse:
    """Return the metadata of a series' instances, from the document that is kept for it."""
    _require_json(request)
    found = access.get_series(user, team, series_uid, study_uid=study_uid)
    _note_read(request, user, found.team.slug, study_uid)
    return _series_document(request, found)


def _series_document(request: HttpRequest, found: Series) -> HttpResponse:
    etag = f'"{found.pk}-{found.revision}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie, Authorization"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    packed = metadata.of_series(found)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return HttpResponse(packed, content_type=DICOM_JSON, headers={**headers, "Content-Encoding": "gzip"})
    return HttpResponse(wado.gunzip(packed), content_type=DICOM_JSON, headers=headers)


@signed_in
@require_http_methods(["GET", "HEAD"])
def instance(
    request: HttpRequest,
    user: User,
    study_uid: str,
    series_uid: str,
    sop_instance_uid: str,
    team: str | None = None,
) -> HttpResponse:
    """Retrieve one object, byte for byte as it was stored."""
    found = access.get_instance(user, team, study_uid, series_uid, sop_instance_uid)
    _note_read(request, user, found.team.slug, study_uid)
    wanted = {one.media for one in parse_accept(request.headers.get("Accept", ""))}
    if "multipart/related" in wanted or "application/dicom" not in wanted:
        return _objects(request, [found])
    return HttpResponse(
        reading.object_path(found).read_bytes(),
        content_type="application/dicom",
        headers={
            "Content-Disposition": 'attachment; filename="object.dcm"',
            "ETag": f'"{found.sha256}"',
            "Cache-Control": PRIVATE_FOREVER,
        },
    )


@signed_in
@require_http_methods(["GET", "HEAD"])
def instance_metadata(
    request: HttpRequest,
    user: User,
    study_uid: str,
    series_uid: str,
    sop_instance_uid: str,
    team: str | None = None,
) -> HttpResponse:
    """Return one instance's metadata."""
    _require_json(request)
    found = access.get_instance(user, team, study_uid, series_uid, sop_instance_uid)
    _note_read(request, user, found.team.slug, study_uid)
    return _json([wado.viewed_metadata(metadata.of_instance(found), found)])


@signed_in
@require_http_methods(["GET", "HEAD"])
def frames(
    request: HttpRequest,
    user: User,
    study_uid: str,
    series_uid: str,
    sop_instance_uid: str,
    frame_list: str,
    team: str | None = None,
) -> HttpResponse:
    """Retrieve frames: as stored where the client takes that, else as explicit little endian."""
    found = access.get_instance(user, team, study_uid, series_uid, sop_instance_uid)
    _note_read(request, user, found.team.slug, study_uid)
    numbers = wado.frame_numbers(frame_list)
    wanted, as_stored = wado.choose(found, request.headers.get("Accept", ""))
    headers = {
        "ETag": f'"{found.sha256[:32]}-{frame_list[:64]}-{int(as_stored)}"',
        "Cache-Control": PRIVATE_FOREVER,
        "Vary": "Accept, Cookie, Authorization",
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    parts = wado.frames(found, numbers, as_stored=as_stored)
    if wanted.media != "multipart/related" and wanted.media != "*/*" and len(parts) == 1:
        return HttpResponse(parts[0][1], content_type=parts[0][0], headers=headers)
    return _multipart(parts, headers)


def _objects(request: HttpRequest, rows: list[Instance]) -> HttpResponse:
    """Return whole objects in parts."""
    wanted = parse_accept(request.headers.get("Accept", ""))
    if not any(one.content in ("application/dicom", "*/*", "", "application/*") for one in wanted):
        raise InvalidError("not_acceptable", "Objects are sent as application/dicom.")
    parts = (
        (f"application/dicom; transfer-syntax={row.transfer_syntax_uid}", reading.object_path(row).read_bytes())
        for row in rows
    )
    return _multipart(parts, {"Cache-Control": "no-store"})


def _multipart(parts: Any, headers: dict[str, str]) -> HttpResponse:
    parts = list(parts)
    type_ = parts[0][0].split(";")[0] if parts else "application/dicom"
    boundary, body = write_parts(parts)
    return HttpResponse(body, content_type=f'multipart/related; type="{type_}"; boundary={boundary}', headers=headers)
