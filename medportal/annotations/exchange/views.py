"""HTTP for exchange: hand annotations out, put them into the archive, take them from it, read a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.reads import note_read
from medportal.annotations.exchange import reading, services
from medportal.annotations.exchange.serializers import (
    ExportQuerySerializer,
    ImportedSerializer,
    ImportSerializer,
    PutSerializer,
    ReportSerializer,
    StoreSerializer,
)
from medportal.archive.access import get_study_instance
from medportal.archive.reading import attributes_of
from medportal.imaging.sr_read import Item, read_tree


class ExportView(APIView):
    """Annotations as files."""

    @extend_schema(
        operation_id="annotations_export",
        parameters=[ExportQuerySerializer],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, team: str, study_uid: str) -> HttpResponse:
        """Return a study's annotations: SR, JSON or CSV of marks, DICOM SEG or NIfTI of segmentations."""
        query = ExportQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        file = services.export(user_of(request), team, study_uid, wanted["form"], wanted.get("segmentation"))
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
        return HttpResponse(file.content, content_type=file.content_type, headers=headers)


class StoreView(APIView):
    """Annotations into the archive."""

    @extend_schema(operation_id="annotations_store", request=StoreSerializer, responses=PutSerializer(many=True))
    def post(self, request: Request, team: str, study_uid: str) -> Response:
        """Put them into the study as DICOM objects; what has not changed since is there already."""
        serializer = StoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        return Response(services.store(user_of(request), team, study_uid, wanted["form"], wanted.get("segmentation")))


class ImportView(APIView):
    """Annotations from the archive."""

    @extend_schema(operation_id="annotations_import", request=ImportSerializer, responses=ImportedSerializer)
    def post(self, request: Request, team: str, study_uid: str) -> Response:
        """Make segmentations of a SEG series, marks of an SR series; the same object again makes nothing new."""
        serializer = ImportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        uid = serializer.validated_data["series_instance_uid"]
        return Response(reading.import_series(user_of(request), team, study_uid, uid))


class ReportView(APIView):
    """A structured report, to be read."""

    @extend_schema(operation_id="structured_report", responses=ReportSerializer)
    def get(self, request: Request, team: str, study_uid: str, sop_instance_uid: str) -> Response:
        """Return its items in order."""
        instance = get_study_instance(user_of(request), team, study_uid, sop_instance_uid)
        note_read(request, team, study_uid, action="study.viewed", purpose="viewer")
        attributes = attributes_of(instance)
        tree = read_tree(attributes)
        return Response(
            {
                "title": tree.concept,
                "completion": attributes.text("CompletionFlag", 16),
                "verification": attributes.text("VerificationFlag", 16),
                "items": list(_rows(tree, 0)),
            }
        )


def _rows(item: Item, depth: int) -> Iterator[dict[str, Any]]:
    references = [{"sop_instance_uid": r.sop_instance_uid, "frame_number": r.frame_number} for r in item.references]
    yield {
        "depth": depth,
        "kind": item.kind,
        "concept": item.concept,
        "value": item.value,
        "unit": item.unit,
        "references": references,
    }
    for child in item.children:
        yield from _rows(child, depth + 1)
