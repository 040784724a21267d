"""Every route of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from medportal.config import health
from medportal.config.page import page

ROOMS = ("accounts", "jobs", "archive", "annotations", "cohorts", "zoo", "training", "analysis")

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    *(path("api/v1/", include(f"medportal.{room}.urls")) for room in ROOMS),
    path("teams/<slug:team>/dicomweb/", include("medportal.archive.dicomweb_urls")),
    path("dicomweb/", include("medportal.archive.dicomweb_urls")),
    path("admin/", admin.site.urls),
    path("", page, name="page"),
    re_path(r"^(?:login|account|teams/[^/]+(?:/(?!dicomweb/).*)?)/?$", page, name="page-deep"),
]

handler400 = "medportal.config.problems.bad_request"
handler403 = "medportal.config.problems.forbidden"
handler404 = "medportal.config.problems.not_found"
handler500 = "medportal.config.problems.server_error"
