"""Routes of the page's archive, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path, re_path

from medportal.archive import views

_UID = r"[0-9.]{1,64}"

urlpatterns = [
    path("teams/<slug:team>/studies/", views.StudyListView.as_view(), name="studies"),
    re_path(rf"^teams/(?P<team>[-\w]+)/studies/(?P<study_uid>{_UID})/$", views.StudyView.as_view(), name="study"),
    re_path(
        rf"^teams/(?P<team>[-\w]+)/series/(?P<series_uid>{_UID})/thumbnail/$",
        views.ThumbnailView.as_view(),
        name="thumbnail",
    ),
    re_path(
        rf"^teams/(?P<team>[-\w]+)/series/(?P<series_uid>{_UID})/document/$",
        views.SeriesDocumentView.as_view(),
        name="series-document",
    ),
    re_path(
        rf"^teams/(?P<team>[-\w]+)/series/(?P<series_uid>{_UID})/preview/$",
        views.PreviewView.as_view(),
        name="preview",
    ),
    re_path(
        rf"^teams/(?P<team>[-\w]+)/studies/(?P<study_uid>{_UID})/instances/(?P<sop_instance_uid>{_UID})/tags/$",
        views.TagsView.as_view(),
        name="tags",
    ),
    path("teams/<slug:team>/instances/", views.InstanceUploadView.as_view(), name="instances"),
]
