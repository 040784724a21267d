"""Routes of training, below `/api/v1/`."""

from __future__ import annotations

from django.urls import include, path

from medportal.training import views

urlpatterns = [
    path("teams/<slug:team>/recipes/", views.RecipesView.as_view(), name="recipes"),
    path("teams/<slug:team>/previews/", views.PreviewsView.as_view(), name="previews"),
    path("teams/<slug:team>/trainings/", views.TrainingsView.as_view(), name="trainings"),
    path("teams/<slug:team>/trainings/<uuid:job_id>/", views.TrainingView.as_view(), name="training"),
    path("", include("medportal.training.evaluations.urls")),
]
