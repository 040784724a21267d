"""HTTP for evaluations: start, list, look, take the report along. An evaluation is cancelled as a job is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.training.evaluations import access, services
from medportal.training.evaluations.serializers import (
    EvaluationDocumentSerializer,
    EvaluationFilterSerializer,
    EvaluationSerializer,
    NewEvaluationSerializer,
)
from medportal.training.models import Evaluation


class EvaluationsView(ListAPIView[Evaluation]):
    """The team's evaluations."""

    serializer_class = EvaluationSerializer

    @extend_schema(operation_id="evaluations_list", parameters=[EvaluationFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List them, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="evaluations_create", request=NewEvaluationSerializer, responses={202: EvaluationSerializer}
    )
    def post(self, request: Request, team: str) -> Response:
        """Have a model evaluated; the answer comes before it runs."""
        serializer = NewEvaluationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        evaluation = services.start_evaluation(user_of(request), team, **serializer.validated_data)
        return Response(EvaluationSerializer(evaluation).data, status=202)

    def get_queryset(self) -> QuerySet[Evaluation]:
        """Return the visible evaluations, filtered."""
        if getattr(self, "swagger_fake_view", False):
            return Evaluation.objects.none()
        query = EvaluationFilterSerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return access.visible_evaluations(user_of(self.request), self.kwargs["team"], **query.validated_data)


class EvaluationView(APIView):
    """One evaluation."""

    @extend_schema(operation_id="evaluations_retrieve", responses=EvaluationSerializer)
    def get(self, request: Request, team: str, evaluation_id: UUID) -> Response:
        """Return the evaluation with its figures, once there are any."""
        return Response(EvaluationSerializer(access.get_evaluation(user_of(request), team, evaluation_id)).data)


class EvaluationDocumentView(APIView):
    """All that was found."""

    @extend_schema(operation_id="evaluations_document", responses=EvaluationDocumentSerializer)
    def get(self, request: Request, team: str, evaluation_id: UUID) -> Response:
        """Return the whole document; a conflict until there is one."""
        return Response(services.read_document(user_of(request), team, evaluation_id))


class _AnyAccept(BaseContentNegotiation):
    """Lets a browser ask for a page or a PDF by name; problems are JSON all the same."""

    def select_parser(self, _request: Request, parsers: Any) -> Any:
        """Return the first parser: nothing is sent."""
        return parsers[0]

    def select_renderer(self, _request: Request, renderers: Any, _format_suffix: str | None = None) -> Any:
        """Return the first renderer, whatever is accepted."""
        return renderers[0], renderers[0].media_type


class _ReportView(APIView):
    """A report in one format."""

    content_negotiation_class = _AnyAccept
    format_ = ""
    content_type = ""

    def answer(self, request: Request, team: str, evaluation_id: UUID) -> HttpResponse:
        """Return the report, to be shown; a browser that keeps it names it after the model."""
        row, content = services.read_report(user_of(request), team, evaluation_id, self.format_)
        name = f"{row.model_name}-{row.model_version}-{row.cohort_version.cohort.name}-{row.split}.{self.format_}"
        headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-cache"}
        return HttpResponse(content, content_type=self.content_type, headers=headers)


class HtmlReportView(_ReportView):
    """The report as a page of its own."""

    format_, content_type = "html", "text/html; charset=utf-8"

    @extend_schema(operation_id="evaluations_report_html", responses={(200, "text/html"): OpenApiTypes.STR})
    def get(self, request: Request, team: str, evaluation_id: UUID) -> HttpResponse:
        """Return the report as HTML that needs nothing else."""
        return self.answer(request, team, evaluation_id)


class PdfReportView(_ReportView):
    """The report as PDF."""

    format_, content_type = "pdf", "application/pdf"

    @extend_schema(operation_id="evaluations_report_pdf", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, team: str, evaluation_id: UUID) -> HttpResponse:
        """Return the report as PDF."""
        return self.answer(request, team, evaluation_id)
