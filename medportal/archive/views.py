"""HTTP for the page's archive: worklist, study, thumbnails, upload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.models import Role
from medportal.accounts.reads import note_read
from medportal.archive import access, derived, reading, services, storage
from medportal.archive.models import Series, Study
from medportal.archive.rows import series_row, study_row
from medportal.archive.serializers import (
    StoredSerializer,
    StudyDetailSerializer,
    StudyQuerySerializer,
    StudyRowSerializer,
    TagRowSerializer,
)
from medportal.archive.series_document import document_of
from medportal.errors import InvalidError, NotFoundError, TooLargeError
from medportal.imaging.tag_rows import rows_of

OBJECT_TYPES = ("application/dicom", "application/octet-stream")


class StudyPages(PageNumberPagination):
    """Pages of the worklist."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class StudyListView(ListAPIView[Study]):
    """The worklist."""

    serializer_class = StudyRowSerializer
    pagination_class = StudyPages

    @extend_schema(operation_id="studies_list", parameters=[StudyQuerySerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the team's studies."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Study]:
        """Return the visible studies, filtered and in order."""
        if getattr(self, "swagger_fake_view", False):
            return Study.objects.none()
        query = StudyQuerySerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        studies = access.visible_studies(user_of(self.request), self.kwargs["team"])
        note_read(self.request, self.kwargs["team"], "", action="studies.listed", purpose="worklist")
        return access.filtered(studies, access.Filter(**query.validated_data))


class StudyView(APIView):
    """One study."""

    @extend_schema(operation_id="studies_retrieve", responses=StudyDetailSerializer)
    def get(self, request: Request, team: str, study_uid: str) -> Response:
        """Return a study and its series."""
        study = access.get_study(user_of(request), team, study_uid)
        note_read(request, team, study_uid, action="study.viewed", purpose="viewer")
        series = [series_row(one) for one in access.series_of(study)]
        return Response({**study_row(study), "series": series})


class SeriesDocumentView(APIView):
    """What the viewer has to know of a series."""

    @extend_schema(
        operation_id="series_document",
        parameters=[OpenApiParameter("r", int, description="Its revision: with it, the answer may be kept for ever")],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, team: str, series_uid: str) -> HttpResponse:
        """Return what its instances share, and columns of what they do not (`archive.series_document`), as gzip."""
        series = access.get_series(user_of(request), team, series_uid)
        note_read(request, team, series.study.study_instance_uid, action="study.viewed", purpose="viewer")
        is_named = request.query_params.get("r") == str(series.revision)
        kept = "private, max-age=31536000, immutable" if is_named else "private, no-cache"
        headers = {"Cache-Control": kept, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        content = document_of(series)
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            content = derived.gunzip(content)
            del headers["Content-Encoding"]
        return HttpResponse(content, content_type="application/json", headers=headers)


class TagsView(APIView):
    """The header of an object."""

    @extend_schema(operation_id="instance_tags", responses=TagRowSerializer(many=True))
    def get(self, request: Request, team: str, study_uid: str, sop_instance_uid: str) -> Response:
        """Return its elements in order, with keywords; the first 20,000."""
        instance = access.get_study_instance(user_of(request), team, study_uid, sop_instance_uid)
        note_read(request, team, study_uid, action="study.viewed", purpose="viewer")
        return Response([asdict(row) for row in rows_of(reading.model_of(instance))])


class ThumbnailView(APIView):
    """The small picture of a series."""

    @extend_schema(
        operation_id="series_thumbnail",
        parameters=[OpenApiParameter("r", int, description="Its revision: with it, the answer may be kept for ever")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, team: str, series_uid: str) -> HttpResponse:
        """Return the thumbnail, a JPEG of at most 256 pixels a side."""
        return _picture(request, team, series_uid, derived.thumbnail_of)


class PreviewView(APIView):
    """What fills a pane until the first frame has come."""

    @extend_schema(
        operation_id="series_preview",
        parameters=[OpenApiParameter("r", int, description="Its revision: with it, the answer may be kept for ever")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, team: str, series_uid: str) -> HttpResponse:
        """Return the middle frame in its own window, a JPEG of at most 768 pixels a side: to look ahead, not to read."""
        return _picture(request, team, series_uid, derived.preview_of)


def _picture(
    request: Request, team: str, series_uid: str, picture_of: Callable[[Series], bytes | None]
) -> HttpResponse:
    series = access.get_series(user_of(request), team, series_uid)
    study_uid = series.study.study_instance_uid
    note_read(request, team, study_uid, action="study.previewed", purpose="thumbnail")
    picture = picture_of(series)
    if picture is None:
        raise NotFoundError("no_thumbnail", "There is no thumbnail of this series yet.")
    is_named = request.query_params.get("r") == str(series.thumbnail_revision)
    kept = "private, max-age=31536000, immutable" if is_named else "private, no-cache"
    headers = {"Cache-Control": kept, "ETag": f'"{series.pk}-{series.thumbnail_revision}"'}
    return HttpResponse(picture, content_type="image/jpeg", headers=headers)


class AnyBodyParser(BaseParser):
    """Leaves the body alone: the view reads it as a stream."""

    media_type = "*/*"

    def parse(self, stream: Any, *_: Any, **__: Any) -> Any:
        """Return the stream."""
        return stream


def _require_object(request: Request) -> None:
    """Refuse a body that says of itself that it is no DICOM object, or too large a one."""
    kind = (request.META.get("CONTENT_TYPE") or OBJECT_TYPES[0]).split(";")[0].strip().lower()
    if kind not in OBJECT_TYPES or request.headers.get("Content-Encoding", "identity") != "identity":
        raise InvalidError("unsupported_media_type", "The body must be one DICOM object, application/dicom.")
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_OBJECT_BYTES:
        limit = settings.MAX_OBJECT_BYTES // 2**20
        raise TooLargeError("object_size", f"An object may have at most {limit} MB.")


class InstanceUploadView(APIView):
    """The page's way to bring an object in: one for each request, so that each has its progress and its answer."""

    parser_classes = (AnyBodyParser,)

    @extend_schema(
        operation_id="instances_upload",
        request={"application/dicom": OpenApiTypes.BINARY},
        responses={201: StoredSerializer, 200: StoredSerializer},
    )
    def post(self, request: Request, team: str) -> Response:
        """Store one object."""
        user = user_of(request)
        owner = access.team_for(user, team, Role.READER)
        _require_object(request)
        # DRF gives no stream for a body of no bytes.
        body = cast("BinaryIO", request.stream or BytesIO())
        path = storage.receive(storage.chunks_of(body), settings.MAX_OBJECT_BYTES)
        result = services.store_instance(
            team=owner, path=path, actor=user, door="browser", address=request.META.get("REMOTE_ADDR") or ""
        )
        answer = {
            "status": result.status,
            "study_instance_uid": result.study.study_instance_uid,
            "series_instance_uid": result.series.series_instance_uid,
            "sop_instance_uid": result.instance.sop_instance_uid,
        }
        return Response(answer, status=201 if result.status == "stored" else 200)
