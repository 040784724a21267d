"""Routes of jobs, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.jobs import views

urlpatterns = [
    path("teams/<slug:team>/jobs/", views.JobListView.as_view(), name="jobs"),
    path("teams/<slug:team>/jobs/<uuid:job_id>/", views.JobView.as_view(), name="job"),
    path("teams/<slug:team>/jobs/<uuid:job_id>/cancel/", views.JobCancelView.as_view(), name="job-cancel"),
]
