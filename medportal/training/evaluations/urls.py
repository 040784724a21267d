"""Routes of evaluations, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.training.evaluations import views

_ONE = "teams/<slug:team>/evaluations/<uuid:evaluation_id>/"
urlpatterns = [
    path("teams/<slug:team>/evaluations/", views.EvaluationsView.as_view(), name="evaluations"),
    path(_ONE, views.EvaluationView.as_view(), name="evaluation"),
    path(f"{_ONE}document/", views.EvaluationDocumentView.as_view(), name="evaluation-document"),
    path(f"{_ONE}report.html", views.HtmlReportView.as_view(), name="evaluation-report-html"),
    path(f"{_ONE}report.pdf", views.PdfReportView.as_view(), name="evaluation-report-pdf"),
]
