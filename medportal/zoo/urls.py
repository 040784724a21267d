"""Routes of the zoo, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.zoo import views

_VERSION = "teams/<slug:team>/models/<slug:name>/versions/<int:number>/"

urlpatterns = [
    path("teams/<slug:team>/models/", views.ModelsView.as_view(), name="models"),
    path("teams/<slug:team>/models/<slug:name>/rollback/", views.RollbackView.as_view(), name="model-rollback"),
    path(_VERSION, views.ModelVersionView.as_view(), name="model-version"),
    path(f"{_VERSION}promote/", views.PromoteView.as_view(), name="model-promote"),
    path(f"{_VERSION}archive/", views.ArchiveView.as_view(), name="model-archive"),
    path(f"{_VERSION}package/", views.PackageView.as_view(), name="model-package"),
]
