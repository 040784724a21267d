"""HTTP for marks: list them, change some, look back, go back."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.reads import note_read
from medportal.annotations.bodies import BoundedJSONParser
from medportal.annotations.marks import access, services
from medportal.annotations.marks.content import mark_row
from medportal.annotations.marks.serializers import (
    ChangesSerializer,
    DeletedQuerySerializer,
    MarkRevisionSerializer,
    MarkSerializer,
    MarksSerializer,
    NewChangesSerializer,
    RestoreSerializer,
    ResultsSerializer,
)


class MarksView(APIView):
    """The marks of a study."""

    parser_classes = (BoundedJSONParser,)

    @extend_schema(operation_id="marks_list", parameters=[DeletedQuerySerializer], responses=MarksSerializer)
    def get(self, request: Request, team: str, study_uid: str) -> Response:
        """List all of them, in the order in which they were made; with `deleted=1` those that were deleted as well."""
        query = DeletedQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        marks = access.visible_marks(user_of(request), team, study_uid, deleted=query.validated_data["deleted"])
        note_read(request, team, study_uid, action="marks.viewed", purpose="marks")
        # The live ones are the last to be left out.
        rows = [mark_row(mark) for mark in marks.order_by("is_deleted", "pk")[: 2 * access.MOST_MARKS]]
        return Response({"marks": sorted(rows, key=lambda row: row["created_at"])})

    @extend_schema(operation_id="marks_change", request=NewChangesSerializer, responses=ResultsSerializer)
    def post(self, request: Request, team: str, study_uid: str) -> Response:
        """Make, change and delete marks, each change for itself: at most 200, of 8 MB together.

        A change names the revision that it was made from. Based on another state than the present one it is a
        conflict: nothing is changed, and the mark as it is is shown. The same change again is `unchanged`.
        """
        serializer = ChangesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changes = serializer.validated_data["changes"]
        return Response({"results": services.save_changes(user_of(request), team, study_uid, changes)})


class MarkHistoryView(APIView):
    """How a mark came to be what it is."""

    @extend_schema(operation_id="marks_history", responses=MarkRevisionSerializer(many=True))
    def get(self, request: Request, team: str, study_uid: str, mark_id: UUID) -> Response:
        """List its revisions, newest first (the last 1,000), each with the mark as it was."""
        mark = access.get_mark(user_of(request), team, study_uid, mark_id)
        note_read(request, team, study_uid, action="marks.viewed", purpose="marks")
        rows = [
            {
                "revision": one.revision,
                "act": one.act,
                "author": one.author.username if one.author else None,
                "at": one.at.isoformat(),
                "mark": mark_row(mark, one),
            }
            for one in access.revisions_of(mark)[: access.MOST_REVISIONS]
        ]
        return Response(rows)


class MarkRestoreView(APIView):
    """Going back to what a mark was."""

    @extend_schema(operation_id="marks_restore", request=RestoreSerializer, responses=MarkSerializer)
    def post(self, request: Request, team: str, study_uid: str, mark_id: UUID) -> Response:
        """Make it what it was at a revision; that is a new revision. 409 `conflict` with `current` if it has changed."""
        serializer = RestoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = services.restore_mark(user_of(request), team, study_uid, mark_id, **serializer.validated_data)
        return Response(row)
