"""How a study and a series are told of: the worklist's row and the viewer's, in answers and in events."""

from __future__ import annotations

from typing import Any

from medportal.archive.models import Series, Study

# Objects that are read, drawn or listened to otherwise than as a stack of pictures.
NOT_PICTURES = frozenset(
    {"SR", "KO", "PR", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "ECG", "DOC", "AU", "REG", "RWV", "ANN"}
)


def study_row(study: Study) -> dict[str, Any]:
    """Return the worklist's row of a study."""
    patient = study.patient
    return {
        "study_instance_uid": study.study_instance_uid,
        "patient_id": patient.patient_id,
        "patient_name": patient.patient_name,
        "patient_sex": patient.patient_sex,
        "patient_birth_date": patient.patient_birth_date,
        "study_date": study.study_date,
        "study_time": study.study_time,
        "study_description": study.study_description,
        "accession_number": study.accession_number,
        "modalities_in_study": study.modalities_in_study,
        "number_of_series": study.number_of_series,
        "number_of_instances": study.number_of_instances,
        "is_synthetic": study.is_synthetic,
        "has_conflict": study.has_conflict,
        "ai_status": study.ai_status,
        "ai_summary": study.ai_summary,
        "thumbnail_series_uid": study.thumbnail_series_uid or None,
        "thumbnail_revision": study.thumbnail_revision,
        "revision": study.revision,
        "created_at": study.created_at.isoformat(),
    }


def why_not_displayable(*, modality: str, has_pixels: bool, served_as: str) -> str:
    """Return why the viewer cannot show an object in a stack; '' when it can."""
    if modality in NOT_PICTURES:
        return "not_an_image"
    if not has_pixels:
        return "no_frames"
    return "" if served_as else "transfer_syntax"


def series_row(series: Series) -> dict[str, Any]:
    """Return the viewer's row of a series."""
    return {
        "series_instance_uid": series.series_instance_uid,
        "series_number": series.series_number,
        "series_description": series.series_description,
        "modality": series.modality,
        "body_part_examined": series.body_part_examined,
        "number_of_instances": series.number_of_instances,
        "number_of_frames": series.number_of_frames,
        "is_synthetic": series.is_synthetic,
        "thumbnail_revision": series.thumbnail_revision,
        "revision": series.revision,
        "transfer_syntax_uids": series.transfer_syntax_uids,
        "is_displayable": not series.reason_not_displayable,
        "reason_not_displayable": series.reason_not_displayable,
    }


def study_topic(study: Study) -> str:
    """Return the name of the topic on which a study is told of."""
    return f"study:{study.team.slug}/{study.study_instance_uid}"
