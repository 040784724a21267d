"""Routes of marks, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from medportal.annotations import views
from medportal.annotations.exchange import views as exchange
from medportal.annotations.marks import views as marks
from medportal.annotations.segmentations import views as segmentations


class UidConverter(StringConverter):
    """A UID (PS3.5 9.1): what cannot be one names nothing, and comes to no database."""

    regex = "[0-9.]{1,64}"


register_converter(UidConverter, "uid")

_STUDY = "teams/<slug:team>/studies/<uid:study_uid>/"

_SEGMENTATION = f"{_STUDY}segmentations/<uuid:segmentation_id>/"

urlpatterns = [
    path("teams/<slug:team>/labels/", views.LabelsView.as_view(), name="labels"),
    path("teams/<slug:team>/labels/schemes/", views.LabelSchemesView.as_view(), name="label-schemes"),
    path("teams/<slug:team>/annotation-sets/<uuid:set_id>/mask/", views.MaskView.as_view(), name="mask"),
    path(f"{_STUDY}marks/", marks.MarksView.as_view(), name="marks"),
    path(f"{_STUDY}marks/<uuid:mark_id>/history/", marks.MarkHistoryView.as_view(), name="mark-history"),
    path(f"{_STUDY}marks/<uuid:mark_id>/restore/", marks.MarkRestoreView.as_view(), name="mark-restore"),
    path(f"{_STUDY}export/", exchange.ExportView.as_view(), name="annotations-export"),
    path(f"{_STUDY}export/store/", exchange.StoreView.as_view(), name="annotations-store"),
    path(f"{_STUDY}import/", exchange.ImportView.as_view(), name="annotations-import"),
    path(
        f"{_STUDY}structured-reports/<uid:sop_instance_uid>/", exchange.ReportView.as_view(), name="structured-report"
    ),
    path(f"{_STUDY}segmentations/", segmentations.SegmentationsView.as_view(), name="segmentations"),
    path(_SEGMENTATION, segmentations.SegmentationView.as_view(), name="segmentation"),
    path(f"{_SEGMENTATION}voxels/", segmentations.VoxelsView.as_view(), name="segmentation-voxels"),
    path(f"{_SEGMENTATION}history/", segmentations.SegmentationHistoryView.as_view(), name="segmentation-history"),
    path(f"{_SEGMENTATION}restore/", segmentations.SegmentationRestoreView.as_view(), name="segmentation-restore"),
]
