"""Routes of analyses and similar cases, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.analysis import views

urlpatterns = [
    path("teams/<slug:team>/analyses/", views.AnalysesView.as_view(), name="analyses"),
    path("teams/<slug:team>/analyses/<uuid:job_id>/", views.AnalysisView.as_view(), name="analysis"),
    path("teams/<slug:team>/series/<str:series_uid>/similar/", views.SimilarView.as_view(), name="series-similar"),
    path("teams/<slug:team>/similar-cases/", views.SimilarCasesView.as_view(), name="similar-cases"),
    path("teams/<slug:team>/similar-cases/embed/", views.EmbedView.as_view(), name="similar-cases-embed"),
]
