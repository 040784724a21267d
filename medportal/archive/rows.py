"""How a study and a series are told of: the worklist's row, in answers and in events."""

from __future__ import annotations

from typing import Any

from medportal.archive.models import Series, Study

# Objects that are read, drawn or listened to otherwise than as a stack of pictures.
NOT_PICTURES = frozenset(
    {"SR", "KO", "PR", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "ECG", "DOC", "AU", "REG", "RWV", "ANN"}
)
_SHOWN_SYNTAXES = frozenset(
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"]
    + [f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203, 110, 111, 112)]
)


def study_row(study: Study) -> dict[str, Any]:
    """Return the worklist's row of a study."""
    patient = study.patient
    first = _shown_series(study)
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
        "ai_status": study.ai_status,
        "ai_summary": study.ai_summary,
        "thumbnail_series_uid": first.series_instance_uid if first else None,
        "thumbnail_revision": first.thumbnail_revision if first else 0,
        "revision": study.revision,
        "created_at": study.created_at.isoformat(),
    }


def _shown_series(study: Study) -> Series | None:
    """Return the series whose thumbnail stands for the study: the first one that has a picture."""
    series = study.series.all()
    return next((one for one in series if one.thumbnail_revision), next(iter(series), None))


def why_not_displayable(series: Series) -> str:
    """Return why the viewer cannot show the series as a stack; '' when it can."""
    if series.modality in NOT_PICTURES:
        return "not_an_image"
    if not series.number_of_frames:
        return "no_frames"
    return "transfer_syntax" if set(series.transfer_syntax_uids) - _SHOWN_SYNTAXES else ""


def series_row(series: Series) -> dict[str, Any]:
    """Return the viewer's row of a series."""
    reason = why_not_displayable(series)
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
        "is_displayable": not reason,
        "reason_not_displayable": reason,
    }
