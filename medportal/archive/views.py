"""HTTP for the page's archive: worklist, study, thumbnails, upload."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.models import Role
from medportal.archive import access, services, storage
from medportal.archive.models import Study
from medportal.archive.rows import series_row, study_row
from medportal.archive.serializers import (
    StoredSerializer,
    StudyDetailSerializer,
    StudyQuerySerializer,
    StudyRowSerializer,
)
from medportal.audit.services import record_read
from medportal.errors import NotFoundError, TooLargeError


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
        studies = access.visible_studies(self.request.user, self.kwargs["team"])
        return access.filtered(studies, access.Filter(**query.validated_data))


class StudyView(APIView):
    """One study."""

    @extend_schema(operation_id="studies_retrieve", responses=StudyDetailSerializer)
    def get(self, request: Request, team: str, study_uid: str) -> Response:
        """Return a study and its series."""
        study = access.get_study(request.user, team, study_uid)
        record_read(
            actor=request.user,
            action="study.viewed",
            team=team,
            study_instance_uid=study_uid,
            purpose="viewer",
            address=request.META.get("REMOTE_ADDR", ""),
        )
        series = [series_row(one) for one in access.series_of(study)]
        return Response({**study_row(study), "series": series})


class ThumbnailView(APIView):
    """The small picture of a series."""

    @extend_schema(operation_id="series_thumbnail", responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, team: str, series_uid: str) -> HttpResponse:
        """Return the thumbnail, a JPEG of at most 192 pixels."""
        series = access.get_series(request.user, team, series_uid)
        record_read(
            actor=request.user,
            action="study.previewed",
            team=team,
            study_instance_uid=series.study.study_instance_uid,
            purpose="thumbnail",
        )
        path = storage.derived_path("thumbnails", f"{series.pk}.jpg")
        if not series.thumbnail_revision or not path.is_file():
            raise NotFoundError("no_thumbnail", "There is no thumbnail of this series yet.")
        return HttpResponse(
            path.read_bytes(), content_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
        )


class AnyBodyParser(BaseParser):
    """Leaves the body alone: the view reads it as a stream."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the stream."""
        return stream


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
        owner = access.team_for(request.user, team, Role.READER)
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
        if declared > settings.MAX_OBJECT_BYTES:
            limit = settings.MAX_OBJECT_BYTES // 2**20
            raise TooLargeError("object_size", f"An object may have at most {limit} MB.")
        path = storage.receive(cast("BinaryIO", request._request), settings.MAX_OBJECT_BYTES)  # noqa: SLF001
        result = services.store_instance(
            team=owner, path=path, actor=request.user, door="browser", address=request.META.get("REMOTE_ADDR", "")
        )
        body = {
            "status": result.status,
            "study_instance_uid": result.study.study_instance_uid,
            "series_instance_uid": result.series.series_instance_uid,
            "sop_instance_uid": result.instance.sop_instance_uid,
        }
        return Response(body, status=201 if result.status == "stored" else 200)
