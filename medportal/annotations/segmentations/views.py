"""HTTP for segmentations: list and make them, fetch and change their voxels, look back, go back."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.reads import note_read
from medportal.annotations.bodies import BytesParser, read_body
from medportal.annotations.marks.serializers import DeletedQuerySerializer
from medportal.annotations.segmentations import access, document, services
from medportal.annotations.segmentations.serializers import (
    ChangedSerializer,
    NewSegmentationSerializer,
    SegmentationEditSerializer,
    SegmentationRestoreSerializer,
    SegmentationRevisionSerializer,
    SegmentationSerializer,
    SegmentationsSerializer,
    VoxelsQuerySerializer,
)

DOCUMENT = "application/octet-stream"


class SegmentationsView(APIView):
    """The segmentations of a study."""

    @extend_schema(
        operation_id="segmentations_list", parameters=[DeletedQuerySerializer], responses=SegmentationsSerializer
    )
    def get(self, request: Request, team: str, study_uid: str) -> Response:
        """List them in the order in which they were made; with `deleted=1` those that were deleted as well."""
        query = DeletedQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = access.visible_segmentations(user_of(request), team, study_uid, deleted=query.validated_data["deleted"])
        note_read(request, team, study_uid, action="segmentations.viewed", purpose="segmentations")
        return Response({"segmentations": access.rows_of(rows)})

    @extend_schema(
        operation_id="segmentations_create", request=NewSegmentationSerializer, responses=SegmentationSerializer
    )
    def post(self, request: Request, team: str, study_uid: str) -> Response:
        """Make one: empty, a copy of another, or with the mask of a result. The same id again is the one that is there."""
        serializer = NewSegmentationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(services.begin_segmentation(user_of(request), team, study_uid, **serializer.validated_data))


class SegmentationView(APIView):
    """One segmentation's row."""

    @extend_schema(
        operation_id="segmentations_edit", request=SegmentationEditSerializer, responses=SegmentationSerializer
    )
    def patch(self, request: Request, team: str, study_uid: str, segmentation_id: UUID) -> Response:
        """Give it another title, delete it or take it back. 409 `conflict` where it is to be deleted and has changed."""
        serializer = SegmentationEditSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        words = serializer.validated_data
        return Response(services.edit_segmentation(user_of(request), team, study_uid, segmentation_id, **words))


class VoxelsView(APIView):
    """A segmentation's voxels, as `segmentations.document` has them."""

    parser_classes = (BytesParser,)

    @extend_schema(
        operation_id="segmentations_voxels",
        parameters=[VoxelsQuerySerializer],
        responses={(200, DOCUMENT): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, team: str, study_uid: str, segmentation_id: UUID) -> HttpResponse:
        """Return all voxels that are set, frame by frame of each segment, now or at a revision."""
        query = VoxelsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        row = access.get_segmentation(user_of(request), team, study_uid, segmentation_id)
        note_read(request, team, study_uid, action="segmentations.viewed", purpose="segmentations")
        return HttpResponse(access.document_of(row, query.validated_data.get("revision")), content_type=DOCUMENT)

    @extend_schema(
        operation_id="segmentations_change",
        request={DOCUMENT: OpenApiTypes.BINARY},
        responses=ChangedSerializer,
    )
    def post(self, request: Request, team: str, study_uid: str, segmentation_id: UUID) -> Response:
        """Make a change whole or not at all. Each frame of a segment that it names is replaced.

        The header says `change` (a UUID), `act`, `segments` and `slices` with the revision that each was made from.
        """
        body = read_body(request, document.MOST_BYTES)
        return Response(services.change_segmentation(user_of(request), team, study_uid, segmentation_id, body))


class SegmentationHistoryView(APIView):
    """How a segmentation came to be what it is."""

    @extend_schema(operation_id="segmentations_history", responses=SegmentationRevisionSerializer(many=True))
    def get(self, request: Request, team: str, study_uid: str, segmentation_id: UUID) -> Response:
        """List its changes, newest first (the last 1,000)."""
        row = access.get_segmentation(user_of(request), team, study_uid, segmentation_id)
        note_read(request, team, study_uid, action="segmentations.viewed", purpose="segmentations")
        rows = [
            {
                "revision": one.revision,
                "act": one.act,
                "author": one.author.username if one.author else None,
                "at": one.at.isoformat(),
                "segments": one.segments,
                "number_of_frames": one.number_of_frames,
            }
            for one in access.revisions_of(row)[: access.MOST_REVISIONS]
        ]
        return Response(rows)


class SegmentationRestoreView(APIView):
    """Going back to what a segmentation was."""

    @extend_schema(
        operation_id="segmentations_restore", request=SegmentationRestoreSerializer, responses=SegmentationSerializer
    )
    def post(self, request: Request, team: str, study_uid: str, segmentation_id: UUID) -> Response:
        """Make it what it was at a revision; that is a new revision. 409 `conflict` with `current` if it has changed."""
        serializer = SegmentationRestoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        words = serializer.validated_data
        return Response(services.restore_segmentation(user_of(request), team, study_uid, segmentation_id, **words))
