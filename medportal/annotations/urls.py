"""Routes of marks, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from medportal.annotations import views

urlpatterns = [
    path("teams/<slug:team>/labels/", views.LabelsView.as_view(), name="labels"),
    path("teams/<slug:team>/labels/schemes/", views.LabelSchemesView.as_view(), name="label-schemes"),
    path("teams/<slug:team>/annotation-sets/<uuid:set_id>/mask/", views.MaskView.as_view(), name="mask"),
]
