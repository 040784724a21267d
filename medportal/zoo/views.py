"""HTTP for the zoo: look, promote, archive, roll back, take a package along."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.models import Role
from medportal.zoo import access, packages, services
from medportal.zoo.serializers import ModelSerializer, ModelVersionDetailSerializer, ModelVersionSerializer


class ModelsView(APIView):
    """The team's models."""

    @extend_schema(operation_id="models_list", responses=ModelSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List them with their versions."""
        return Response(ModelSerializer(access.visible_models(user_of(request), team), many=True).data)


class ModelVersionView(APIView):
    """One version."""

    @extend_schema(operation_id="model_versions_retrieve", responses=ModelVersionDetailSerializer)
    def get(self, request: Request, team: str, name: str, number: int) -> Response:
        """Return the version with its manifest and card."""
        version = access.get_version(user_of(request), team, name, number)
        version.card = packages.read_card(version)
        return Response(ModelVersionDetailSerializer(version).data)


class PromoteView(APIView):
    """The way into production."""

    @extend_schema(operation_id="model_versions_promote", request=None, responses=ModelVersionSerializer)
    def post(self, request: Request, team: str, name: str, number: int) -> Response:
        """Make this the version that is run by default; the one before becomes a candidate again."""
        version = access.get_version(user_of(request), team, name, number, Role.MANAGER)
        return Response(ModelVersionSerializer(services.promote(version, actor=user_of(request))).data)


class ArchiveView(APIView):
    """The way out of use."""

    @extend_schema(operation_id="model_versions_archive", request=None, responses=ModelVersionSerializer)
    def post(self, request: Request, team: str, name: str, number: int) -> Response:
        """Take a version out of use; it is kept."""
        version = access.get_version(user_of(request), team, name, number, Role.MANAGER)
        return Response(ModelVersionSerializer(services.archive_version(version, actor=user_of(request))).data)


class RollbackView(APIView):
    """The way back."""

    @extend_schema(operation_id="models_rollback", request=None, responses=ModelVersionSerializer)
    def post(self, request: Request, team: str, name: str) -> Response:
        """Put the version into production again that was there before the present one."""
        model = access.get_model(user_of(request), team, name, Role.MANAGER)
        return Response(ModelVersionSerializer(services.roll_back(model, actor=user_of(request))).data)


class _AnyAccept(BaseContentNegotiation):
    """Lets a client ask for the zip by name; problems are JSON all the same."""

    def select_parser(self, _request: Request, parsers: Any) -> Any:
        """Return the first parser: nothing is sent."""
        return parsers[0]

    def select_renderer(self, _request: Request, renderers: Any, _format_suffix: str | None = None) -> Any:
        """Return the first renderer, whatever is accepted."""
        return renderers[0], renderers[0].media_type


class PackageView(APIView):
    """A version's package, to take along."""

    content_negotiation_class = _AnyAccept

    @extend_schema(operation_id="model_versions_package", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, team: str, name: str, number: int) -> FileResponse:
        """Return the package as a zip."""
        version = access.get_version(user_of(request), team, name, number)
        archive = services.export_package(version, actor=user_of(request))
        return FileResponse(
            archive, as_attachment=True, filename=f"{name}-{number}.zip", content_type="application/zip"
        )
