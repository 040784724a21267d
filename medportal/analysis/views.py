"""HTTP for analyses: start, list, look. An analysis is cancelled as a job is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.analysis import access, services
from medportal.analysis.models import Analysis
from medportal.analysis.serializers import AnalysisFilterSerializer, AnalysisSerializer, NewAnalysisSerializer


class AnalysesView(ListAPIView[Analysis]):
    """The team's analyses."""

    serializer_class = AnalysisSerializer

    @extend_schema(operation_id="analyses_list", parameters=[AnalysisFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List them, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="analyses_create", request=NewAnalysisSerializer, responses={202: AnalysisSerializer})
    def post(self, request: Request, team: str) -> Response:
        """Run a model on a series; the answer comes before it runs."""
        serializer = NewAnalysisSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        analysis = services.start_analysis(user_of(request), team, **serializer.validated_data)
        return Response(AnalysisSerializer(analysis).data, status=202)

    def get_queryset(self) -> QuerySet[Analysis]:
        """Return the visible analyses, filtered."""
        if getattr(self, "swagger_fake_view", False):
            return Analysis.objects.none()
        query = AnalysisFilterSerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        chosen = query.validated_data
        return access.visible_analyses(
            user_of(self.request), self.kwargs["team"], study_uid=chosen.get("study"), series_uid=chosen.get("series")
        )


class AnalysisView(APIView):
    """One analysis."""

    @extend_schema(operation_id="analyses_retrieve", responses=AnalysisSerializer)
    def get(self, request: Request, team: str, job_id: UUID) -> Response:
        """Return the analysis, with its result once there is one."""
        return Response(AnalysisSerializer(access.get_analysis(user_of(request), team, job_id)).data)
