"""HTTP for hanging protocols and viewer settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts.authentication import user_of
from medportal.accounts.viewing import services
from medportal.accounts.viewing.serializers import (
    HangingProtocolChangeSerializer,
    HangingProtocolSerializer,
    NewHangingProtocolSerializer,
    ViewerSettingsSerializer,
)


def _checked(serializer_class: type[Any], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    # Plain dicts, as the database keeps them.
    plain: dict[str, Any] = _plain(serializer.validated_data)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


class HangingProtocolsView(APIView):
    """The layouts that a team and its member have kept."""

    @extend_schema(operation_id="hanging_protocols_list", responses=HangingProtocolSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List the team's and one's own, in the order in which they are tried."""
        return Response([services.row_of(one) for one in services.visible_protocols(user_of(request), team)])

    @extend_schema(
        operation_id="hanging_protocols_create",
        request=NewHangingProtocolSerializer,
        responses={201: HangingProtocolSerializer},
    )
    def post(self, request: Request, team: str) -> Response:
        """Keep one; the team's are made by managers."""
        words = _checked(NewHangingProtocolSerializer, request)
        return Response(services.row_of(services.make_protocol(user_of(request), team, **words)), status=201)


class HangingProtocolView(APIView):
    """One layout."""

    @extend_schema(
        operation_id="hanging_protocols_change",
        request=HangingProtocolChangeSerializer,
        responses=HangingProtocolSerializer,
    )
    def patch(self, request: Request, team: str, protocol_id: UUID) -> Response:
        """Change it; 409 `conflict` with `current` where somebody was faster."""
        words = _checked(HangingProtocolChangeSerializer, request)
        return Response(services.row_of(services.change_protocol(user_of(request), team, protocol_id, **words)))

    @extend_schema(operation_id="hanging_protocols_delete", responses={204: None})
    def delete(self, request: Request, team: str, protocol_id: UUID) -> Response:
        """Delete it."""
        services.delete_protocol(user_of(request), team, protocol_id)
        return Response(status=204)


class ViewerSettingsView(APIView):
    """How I want the viewer to be."""

    @extend_schema(operation_id="viewer_settings", responses=ViewerSettingsSerializer)
    def get(self, request: Request) -> Response:
        """Return my settings."""
        return Response({"keys": {}, **user_of(request).viewer_settings})

    @extend_schema(
        operation_id="viewer_settings_keep", request=ViewerSettingsSerializer, responses=ViewerSettingsSerializer
    )
    def put(self, request: Request) -> Response:
        """Keep my settings, in the place of those from before."""
        return Response(services.keep_settings(user_of(request), _checked(ViewerSettingsSerializer, request)))
