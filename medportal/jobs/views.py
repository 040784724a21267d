"""HTTP for jobs: list, look, cancel."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.models import User
from medportal.jobs import access, services
from medportal.jobs.models import Job
from medportal.jobs.serializers import JobFilterSerializer, JobSerializer


def _user(request: Request) -> User:
    """Return who is signed in: the views let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


class JobListView(ListAPIView[Job]):
    """The team's jobs, newest first."""

    serializer_class = JobSerializer

    @extend_schema(operation_id="jobs_list", parameters=[JobFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the team's jobs."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Job]:
        """Return the visible jobs, filtered."""
        if getattr(self, "swagger_fake_view", False):
            return Job.objects.none()
        query = JobFilterSerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return access.visible_jobs(_user(self.request), self.kwargs["team"], **query.validated_data)


class JobView(APIView):
    """One job."""

    @extend_schema(operation_id="jobs_retrieve", responses=JobSerializer)
    def get(self, request: Request, team: str, job_id: UUID) -> Response:
        """Return the job."""
        return Response(JobSerializer(access.get_job(_user(request), team, job_id)).data)


class JobCancelView(APIView):
    """The end of a job before its time."""

    @extend_schema(operation_id="jobs_cancel", request=None, responses=JobSerializer)
    def post(self, request: Request, team: str, job_id: UUID) -> Response:
        """Cancel the job."""
        job = access.get_cancellable_job(_user(request), team, job_id)
        return Response(JobSerializer(services.cancel_job(job, actor=_user(request))).data)
