"""Routes of cohorts, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.cohorts import views

urlpatterns = [
    path("teams/<slug:team>/datasets/", views.DatasetsView.as_view(), name="datasets"),
    path("teams/<slug:team>/outcomes/", views.OutcomesView.as_view(), name="outcomes"),
    path("teams/<slug:team>/cohorts/", views.CohortsView.as_view(), name="cohorts"),
    path("teams/<slug:team>/cohorts/<slug:name>/", views.CohortView.as_view(), name="cohort"),
    path(
        "teams/<slug:team>/cohorts/<slug:name>/versions/<int:number>/check/",
        views.CohortCheckView.as_view(),
        name="cohort-check",
    ),
]
