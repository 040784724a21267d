"""Routes of DICOMweb, below `/teams/{team}/dicomweb/` and `/dicomweb/`."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from medportal.archive import dicomweb_views as views

_STUDY = r"studies/(?P<study_uid>[0-9.]{1,64})"
_SERIES = rf"{_STUDY}/series/(?P<series_uid>[0-9.]{{1,64}})"
_INSTANCE = rf"{_SERIES}/instances/(?P<sop_instance_uid>[0-9.]{{1,64}})"


def _route(pattern: str, view: views.View, name: str) -> URLPattern:
    return re_path(rf"^{pattern}/?$", view, name=f"dicomweb-{name}")


urlpatterns = [
    _route("studies", views.studies, "studies"),
    _route("series", views.all_series, "all-series"),
    _route("instances", views.all_instances, "all-instances"),
    _route(_STUDY, views.study, "study"),
    _route(f"{_STUDY}/metadata", views.study_metadata, "study-metadata"),
    _route(f"{_STUDY}/series", views.study_series, "study-series"),
    _route(f"{_STUDY}/instances", views.study_instances, "study-instances"),
    _route(_SERIES, views.series, "series"),
    _route(f"{_SERIES}/metadata", views.series_metadata, "series-metadata"),
    _route(f"{_SERIES}/instances", views.series_instances, "series-instances"),
    _route(_INSTANCE, views.instance, "instance"),
    _route(f"{_INSTANCE}/metadata", views.instance_metadata, "instance-metadata"),
    _route(rf"{_INSTANCE}/frames/(?P<frame_list>[0-9,]{{1,16000}})", views.frames, "frames"),
]
