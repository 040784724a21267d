"""HTTP for cohorts: list, look, choose."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.access import get_team
from medportal.accounts.authentication import user_of
from medportal.accounts.models import Role
from medportal.cohorts import access, services
from medportal.cohorts.serializers import (
    CheckSerializer,
    CohortSerializer,
    CohortVersionSerializer,
    NewCohortVersionSerializer,
    NewDatasetSerializer,
    NewOutcomesSerializer,
    OutcomesReportSerializer,
)
from medportal.errors import TooLargeError
from medportal.jobs.serializers import JobSerializer


class CohortsView(APIView):
    """The team's cohorts."""

    @extend_schema(operation_id="cohorts_list", responses=CohortSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List them with their versions; of the checks the findings alone."""
        cohorts = access.visible_cohorts(user_of(request), team)
        return Response(CohortSerializer(cohorts, many=True, context={"is_list": True}).data)

    @extend_schema(
        operation_id="cohorts_create",
        request=NewCohortVersionSerializer,
        responses={201: CohortVersionSerializer, 200: CohortVersionSerializer},
    )
    def post(self, request: Request, team: str) -> Response:
        """Freeze a selection as a cohort's next version; the same content again is the version that there is."""
        serializer = NewCohortVersionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version, is_new = services.choose_version(user_of(request), team, **serializer.validated_data)
        return Response(CohortVersionSerializer(version).data, status=201 if is_new else 200)


def _before_the_body(request: Request, team: str, limit: int) -> None:
    """Refuse before anything is read: who may not import uploads nothing, and nobody more than `limit` bytes."""
    get_team(user_of(request), team, Role.RESEARCHER)
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise TooLargeError("dataset_size", f"This may have at most {limit // 2**20} MB.")


class DatasetsView(APIView):
    """The page's way to bring a data set in."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="datasets_create",
        request={"multipart/form-data": NewDatasetSerializer},
        responses={202: JobSerializer},
    )
    def post(self, request: Request, team: str) -> Response:
        """Have a data set imported; the answer is the job, whose result is the report."""
        _before_the_body(request, team, settings.MAX_DATASET_BYTES)
        serializer = NewDatasetSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        words = serializer.validated_data
        job = services.start_dataset(user_of(request), team, upload=words.pop("file"), **words)
        return Response(JobSerializer(job).data, status=202)


class OutcomesView(APIView):
    """The page's way to say what became of patients."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="outcomes_create",
        request={"multipart/form-data": NewOutcomesSerializer},
        responses=OutcomesReportSerializer,
    )
    def post(self, request: Request, team: str) -> Response:
        """Label the studies of a table's patients with whether the event came within the horizon; answers a report."""
        _before_the_body(request, team, services.OUTCOMES_BYTES)
        serializer = NewOutcomesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        words = serializer.validated_data
        report = services.label_outcomes(user_of(request), team, upload=words.pop("file"), **words)
        return Response(OutcomesReportSerializer(report).data)


class CohortCheckView(APIView):
    """What would make a version's figures untrue."""

    @extend_schema(operation_id="cohort_versions_check", responses=CheckSerializer)
    def get(self, request: Request, team: str, name: str, number: int) -> Response:
        """Return the version's check; some series that were not compared yet are compared first, a few seconds long."""
        return Response(CheckSerializer(services.check_version(user_of(request), team, name, number)).data)


class CohortView(APIView):
    """One cohort."""

    @extend_schema(operation_id="cohorts_retrieve", responses=CohortSerializer)
    def get(self, request: Request, team: str, name: str) -> Response:
        """Return the cohort with its versions."""
        return Response(CohortSerializer(access.get_cohort(user_of(request), team, name)).data)
