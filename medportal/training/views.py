"""HTTP for training: the recipes' forms, start, list, look. A training is cancelled as a job is."""

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
from medportal.jobs.serializers import JobSerializer
from medportal.training import access, services
from medportal.training.models import TrainingRun
from medportal.training.serializers import (
    NewPreviewSerializer,
    NewTrainingSerializer,
    RecipeFilterSerializer,
    RecipeSerializer,
    TrainingFilterSerializer,
    TrainingSerializer,
)


class RecipesView(APIView):
    """The ways of training that there are."""

    @extend_schema(
        operation_id="recipes_list", parameters=[RecipeFilterSerializer], responses=RecipeSerializer(many=True)
    )
    def get(self, request: Request, team: str) -> Response:
        """List the recipes with the fields of their forms; with a cohort, those that suit it and its defaults.

        Those are the defaults that run: they hang on the cohort and on the settings that are asked for.
        """
        query = RecipeFilterSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        settings = dict(query.validated_data)
        cohort, version = settings.pop("cohort", None), settings.pop("version", None)
        found = services.list_recipes(user_of(request), team, cohort=cohort, cohort_version=version, settings=settings)
        return Response(RecipeSerializer(found, many=True).data)


class TrainingsView(ListAPIView[TrainingRun]):
    """The team's training runs."""

    serializer_class = TrainingSerializer

    @extend_schema(operation_id="trainings_list", parameters=[TrainingFilterSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List them, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="trainings_create", request=NewTrainingSerializer, responses={202: TrainingSerializer})
    def post(self, request: Request, team: str) -> Response:
        """Start a training; the answer comes before it runs."""
        serializer = NewTrainingSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        training = services.start_training(user_of(request), team, **serializer.validated_data)
        return Response(TrainingSerializer(training).data, status=202)

    def get_queryset(self) -> QuerySet[TrainingRun]:
        """Return the visible runs, filtered."""
        if getattr(self, "swagger_fake_view", False):
            return TrainingRun.objects.none()
        query = TrainingFilterSerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return access.visible_trainings(user_of(self.request), self.kwargs["team"], **query.validated_data)


class PreviewsView(APIView):
    """What a recipe's settings make of training samples."""

    @extend_schema(operation_id="previews_create", request=NewPreviewSerializer, responses={202: JobSerializer})
    def post(self, request: Request, team: str) -> Response:
        """Have a few augmented samples shown; they come as an event of the job."""
        serializer = NewPreviewSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        job = services.start_preview(user_of(request), team, **serializer.validated_data)
        return Response(JobSerializer(job).data, status=202)


class TrainingView(APIView):
    """One training run."""

    @extend_schema(operation_id="trainings_retrieve", responses=TrainingSerializer)
    def get(self, request: Request, team: str, job_id: UUID) -> Response:
        """Return the run with its figures so far."""
        return Response(TrainingSerializer(access.get_training(user_of(request), team, job_id)).data)
