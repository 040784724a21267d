"""Routes of analyses, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.analysis import views

urlpatterns = [
    path("teams/<slug:team>/analyses/", views.AnalysesView.as_view(), name="analyses"),
    path("teams/<slug:team>/analyses/<uuid:job_id>/", views.AnalysisView.as_view(), name="analysis"),
]
