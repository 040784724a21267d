"""HTTP for accounts."""

from __future__ import annotations

from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from medportal.accounts import access, serializers, services
from medportal.accounts.authentication import BearerAuthentication, user_of
from medportal.accounts.models import Role


def _checked(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class TokenView(APIView):
    """A token for a program, by name and password."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="auth_token",
        request=serializers.LoginSerializer,
        responses=serializers.TokenSerializer,
    )
    def post(self, request: Request) -> Response:
        """Issue an API token."""
        user = services.check_password(request._request, **_checked(serializers.LoginSerializer, request))  # noqa: SLF001
        if user is None:
            raise AuthenticationFailed("Name or password is wrong.")
        return Response({"token": services.issue_token(user, name="password")[1]})


@method_decorator(csrf_protect, name="dispatch")
class LoginView(APIView):
    """The page's way in."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_login", request=serializers.LoginSerializer, responses=serializers.MeSerializer)
    def post(self, request: Request) -> Response:
        """Open a session."""
        user = services.sign_in(request._request, **_checked(serializers.LoginSerializer, request))  # noqa: SLF001
        if user is None:
            raise AuthenticationFailed("Name or password is wrong.")
        return Response(serializers.MeSerializer(user).data)


class LogoutView(APIView):
    """The way out."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the session."""
        services.sign_out(request._request)  # noqa: SLF001
        return Response(status=204, headers={"Clear-Site-Data": '"cache"'})


@method_decorator(ensure_csrf_cookie, name="dispatch")
class MeView(APIView):
    """Who I am."""

    @extend_schema(operation_id="auth_me", responses=serializers.MeSerializer)
    def get(self, request: Request) -> Response:
        """Return the account, its preferences and its teams."""
        return Response(serializers.MeSerializer(user_of(request)).data)

    @extend_schema(
        operation_id="auth_me_change",
        request=serializers.PreferencesSerializer,
        responses=serializers.MeSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Change preferences."""
        user = services.set_preferences(user_of(request), **_checked(serializers.PreferencesSerializer, request))
        return Response(serializers.MeSerializer(user).data)


class PasswordView(APIView):
    """My password."""

    @extend_schema(operation_id="auth_password", request=serializers.PasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Change it."""
        words = _checked(serializers.PasswordSerializer, request)
        services.change_password(request._request, user_of(request), **words)  # noqa: SLF001
        return Response(status=204)


class ApiTokensView(APIView):
    """My API tokens."""

    @extend_schema(operation_id="tokens_list", responses=serializers.ApiTokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List them, without secrets."""
        return Response(serializers.ApiTokenSerializer(access.own_tokens(user_of(request)), many=True).data)

    @extend_schema(
        operation_id="tokens_create",
        request=serializers.ApiTokenSerializer,
        responses={201: serializers.IssuedTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Issue one; its secret is in this answer alone."""
        token, secret = services.issue_token(user_of(request), **_checked(serializers.ApiTokenSerializer, request))
        return Response({**serializers.ApiTokenSerializer(token).data, "token": secret}, status=201)


class ApiTokenView(APIView):
    """One of my API tokens."""

    @extend_schema(operation_id="tokens_delete", responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """End it."""
        services.revoke_token(access.get_own_token(user_of(request), token_id), actor=user_of(request))
        return Response(status=204)


class MembersView(APIView):
    """Who is in a team."""

    @extend_schema(operation_id="members_list", responses=serializers.MemberSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List the members."""
        return Response(serializers.MemberSerializer(access.visible_members(user_of(request), team), many=True).data)

    @extend_schema(
        operation_id="members_create",
        request=serializers.NewMemberSerializer,
        responses={201: serializers.MemberSerializer},
    )
    def post(self, request: Request, team: str) -> Response:
        """Add a member."""
        owner = access.get_team(user_of(request), team, Role.MANAGER)
        words = _checked(serializers.NewMemberSerializer, request)
        member = services.add_member(owner, actor=user_of(request), **words)
        return Response(serializers.MemberSerializer(member).data, status=201)


class MemberView(APIView):
    """One member of a team."""

    @extend_schema(
        operation_id="members_change",
        request=serializers.MemberChangeSerializer,
        responses=serializers.MemberSerializer,
    )
    def patch(self, request: Request, team: str, user_id: int) -> Response:
        """Change role or right to sign."""
        member = access.get_member(user_of(request), team, user_id)
        words = _checked(serializers.MemberChangeSerializer, request)
        return Response(
            serializers.MemberSerializer(services.change_member(member, actor=user_of(request), **words)).data
        )

    @extend_schema(operation_id="members_delete", responses={204: None})
    def delete(self, request: Request, team: str, user_id: int) -> Response:
        """Remove the member."""
        services.remove_member(access.get_member(user_of(request), team, user_id), actor=user_of(request))
        return Response(status=204)


class SearchesView(APIView):
    """My searches of a team's worklist."""

    @extend_schema(operation_id="searches_list", responses=serializers.SavedSearchSerializer(many=True))
    def get(self, request: Request, team: str) -> Response:
        """List them by name."""
        kept = access.get_membership(user_of(request), team).saved_searches
        return Response(serializers.SavedSearchSerializer(kept, many=True).data)

    @extend_schema(
        operation_id="searches_keep",
        request=serializers.KeptSearchSerializer,
        responses={201: serializers.SavedSearchSerializer(many=True)},
    )
    def post(self, request: Request, team: str) -> Response:
        """Keep one, in the place of that of its name or of the one that it was; returns all."""
        membership = access.get_membership(user_of(request), team)
        kept = services.keep_search(membership, **_checked(serializers.KeptSearchSerializer, request))
        return Response(serializers.SavedSearchSerializer(kept, many=True).data, status=201)

    # In the query: a name may be what a path is not, such as "..".
    @extend_schema(
        operation_id="searches_delete", parameters=[OpenApiParameter("name", str, required=True)], responses={204: None}
    )
    def delete(self, request: Request, team: str) -> Response:
        """Forget the one of a name."""
        membership = access.get_membership(user_of(request), team)
        services.forget_search(membership, request.query_params.get("name", ""))
        return Response(status=204)
