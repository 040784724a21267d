"""HTTP for analyses and similar cases: start, list, look. An analysis is cancelled as a job is."""

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
from medportal.accounts.reads import note_read
from medportal.analysis import access, services, similar
from medportal.analysis.models import Analysis
from medportal.analysis.serializers import (
    AnalysisFilterSerializer,
    AnalysisSerializer,
    NewAnalysisSerializer,
    NewEmbeddingSerializer,
    SimilarCasesChangeSerializer,
    SimilarCasesSerializer,
    SimilarFilterSerializer,
    SimilarPendingSerializer,
    SimilarSerializer,
)
from medportal.jobs.models import Job
from medportal.jobs.serializers import JobSerializer


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
        study, series = query.validated_data.get("study"), query.validated_data.get("series")
        team = self.kwargs["team"]
        analyses = access.visible_analyses(user_of(self.request), team, study_uid=study, series_uid=series)
        if series and not study:
            found = analyses.order_by().values_list("series__study__study_instance_uid", flat=True)
            study = found.first()
        note_read(self.request, team, study or "", action="results.listed", purpose="results")
        return analyses


class AnalysisView(APIView):
    """One analysis."""

    @extend_schema(operation_id="analyses_retrieve", responses=AnalysisSerializer)
    def get(self, request: Request, team: str, job_id: UUID) -> Response:
        """Return the analysis, with its result once there is one."""
        analysis = access.get_analysis(user_of(request), team, job_id)
        study_uid = analysis.series.study.study_instance_uid if analysis.series is not None else ""
        note_read(request, team, study_uid, action="result.viewed", purpose="results")
        return Response(AnalysisSerializer(analysis).data)


class SimilarView(APIView):
    """Series that look like one."""

    @extend_schema(
        operation_id="series_similar",
        parameters=[SimilarFilterSerializer],
        responses={200: SimilarSerializer, 202: SimilarPendingSerializer},
    )
    def get(self, request: Request, team: str, series_uid: str) -> Response:
        """Return the nearest series; or the job that has to place this one first."""
        query = SimilarFilterSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        user = user_of(request)
        found = similar.find_similar(user, team, series_uid, **query.validated_data)
        if isinstance(found, Job):
            return Response(SimilarPendingSerializer({"job": found}).data, status=202)
        note_read(request, team, found.study_instance_uid, action="similar.searched", purpose="similar")
        return Response(SimilarSerializer(found).data)


class SimilarCasesView(APIView):
    """How the team looks for similar cases."""

    @extend_schema(operation_id="similar_cases_retrieve", responses=SimilarCasesSerializer)
    def get(self, request: Request, team: str) -> Response:
        """Return it, with how many series can be found."""
        return Response(SimilarCasesSerializer(access.similar_cases_state(user_of(request), team)).data)

    @extend_schema(
        operation_id="similar_cases_update",
        request=SimilarCasesChangeSerializer,
        responses=SimilarCasesSerializer,
    )
    def patch(self, request: Request, team: str) -> Response:
        """Choose the model, or whether series are placed as they come in."""
        serializer = SimilarCasesChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        similar.set_similar_cases(user_of(request), team, **serializer.validated_data)
        return self.get(request, team)


class EmbedView(APIView):
    """Place many series."""

    @extend_schema(operation_id="similar_cases_embed", request=NewEmbeddingSerializer, responses={202: JobSerializer})
    def post(self, request: Request, team: str) -> Response:
        """Have all series placed that are not yet, or a cohort's; the answer comes before it is done."""
        serializer = NewEmbeddingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        job = similar.start_embedding(user_of(request), team, **serializer.validated_data)
        return Response(JobSerializer(job).data, status=202)
