"""Routes of accounts, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path, re_path

from medportal.accounts import views
from medportal.accounts.viewing import views as viewing

urlpatterns = [
    re_path(r"^auth/token/?$", views.TokenView.as_view(), name="auth-token"),
    path("auth/login/", views.LoginView.as_view(), name="auth-login"),
    path("auth/logout/", views.LogoutView.as_view(), name="auth-logout"),
    path("auth/me/", views.MeView.as_view(), name="auth-me"),
    path("auth/me/viewer/", viewing.ViewerSettingsView.as_view(), name="viewer-settings"),
    path("auth/password/", views.PasswordView.as_view(), name="auth-password"),
    path("auth/tokens/", views.ApiTokensView.as_view(), name="tokens"),
    path("auth/tokens/<int:token_id>/", views.ApiTokenView.as_view(), name="token"),
    path("teams/<slug:team>/members/", views.MembersView.as_view(), name="members"),
    path("teams/<slug:team>/members/<int:user_id>/", views.MemberView.as_view(), name="member"),
    path("teams/<slug:team>/hanging-protocols/", viewing.HangingProtocolsView.as_view(), name="hanging-protocols"),
    path(
        "teams/<slug:team>/hanging-protocols/<uuid:protocol_id>/",
        viewing.HangingProtocolView.as_view(),
        name="hanging-protocol",
    ),
    path("teams/<slug:team>/searches/", views.SearchesView.as_view(), name="searches"),
]
