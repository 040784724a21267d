"""HTTP for marks: the labels that count now, giving one, a mask's voxels."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.reads import note_read
from medportal.annotations import access, services
from medportal.annotations.models import Label
from medportal.annotations.serializers import (
    LabelFilterSerializer,
    LabelSchemeSerializer,
    LabelSerializer,
    NewLabelSerializer,
)


class LabelsView(ListAPIView[Label]):
    """The team's labels: of each study, series and instance the newest of each scheme."""

    serializer_class = LabelSerializer

    @extend_schema(operation_id="labels_list", parameters=[LabelFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List them, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="labels_create",
        request=NewLabelSerializer,
        responses={201: LabelSerializer, 200: LabelSerializer},
    )
    def post(self, request: Request, team: str) -> Response:
        """Give a study, a series or an instance a class; earlier ones stay on record."""
        serializer = NewLabelSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        label, is_new = services.put_label(user_of(request), team, **serializer.validated_data)
        return Response(LabelSerializer(label).data, status=201 if is_new else 200)

    def get_queryset(self) -> QuerySet[Label]:
        """Return the visible labels that are asked for."""
        if getattr(self, "swagger_fake_view", False):
            return Label.objects.none()
        query = LabelFilterSerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        wanted, user, team = access.LabelFilter(**query.validated_data), user_of(self.request), self.kwargs["team"]
        labels = access.visible_labels(user, team, wanted)
        note_read(self.request, team, access.study_of(user, team, wanted), action="labels.viewed", purpose="labels")
        return labels


class LabelSchemesView(APIView):
    """The questions by which the team's studies and series are labelled."""

    @extend_schema(operation_id="label_schemes_list", responses=LabelSchemeSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List the schemes with their values."""
        return Response(LabelSchemeSerializer(access.label_schemes(user_of(request), team), many=True).data)


class MaskView(APIView):
    """The voxels of a mask."""

    @extend_schema(
        operation_id="annotation_sets_mask", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, team: str, set_id: UUID) -> HttpResponse:
        """Return them deflated (zlib, RFC 1950): slices × rows × columns of the described type, little endian.

        With the ETag of an earlier answer, 304 where that still holds.
        """
        label_map = access.get_label_map(user_of(request), team, set_id)
        study_uid = label_map.annotation_set.study.study_instance_uid
        note_read(request, team, study_uid, action="mask.viewed", purpose="mask")
        # Kept, but never shown without asking: who may see it may change, and somebody else may sit down.
        headers = {"Cache-Control": "private, no-cache", "ETag": f'"{label_map.sha256}"'}
        known = [tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))]
        if headers["ETag"] in known:
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(bytes(label_map.payload), content_type="application/octet-stream", headers=headers)
