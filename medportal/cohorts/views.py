"""HTTP for cohorts: list, look, choose."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.cohorts import access, services
from medportal.cohorts.serializers import (
    CheckSerializer,
    CohortSerializer,
    CohortVersionSerializer,
    NewCohortVersionSerializer,
)


class CohortsView(APIView):
    """The team's cohorts."""

    @extend_schema(operation_id="cohorts_list", responses=CohortSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List them with their versions."""
        return Response(CohortSerializer(access.visible_cohorts(user_of(request), team), many=True).data)

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
