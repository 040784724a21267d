"""Reads the members of a frozen cohort back, with their targets, for training and evaluation; for workers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medportal.annotations.label_maps import array_of
from medportal.annotations.models import LabelMap
from medportal.archive.models import Series
from medportal.archive.reading import attributes_of, load_series_volume
from medportal.cohorts.access import digests_of
from medportal.cohorts.models import CohortMember, Kind
from medportal.errors import ConflictError, InvalidError, MedportalError
from medportal.imaging.marks import box_of
from medportal.learning.metrics.subgroups import age_band, age_years
from medportal.learning.prepared import SeriesToPrepare

_SEXES = {"F": "F", "M": "M", "O": "O"}


def load_member(member: CohortMember) -> SeriesToPrepare:
    """Return a member's images with what is known of them, in the classes of its version.

    Raises ConflictError `cohort_not_trainable` where the series or its mask has been deleted, `series_changed` where the
    series has other objects than when it was frozen; InvalidError that names the series where its images cannot be read, or its mask does not lie on them.
    """
    uid, version = member.series_instance_uid, member.version
    if member.series is None:
        raise ConflictError("cohort_not_trainable", f"Series {uid} of the cohort has been deleted.")
    if member.series_sha256 and digests_of([member.series.pk])[member.series.pk] != member.series_sha256:
        raise ConflictError(
            "series_changed", f"Series {uid} has other objects than when the cohort was frozen: freeze it anew."
        )
    label_map = _label_map(member) if version.kind == Kind.MASKS else None
    try:
        volume = load_series_volume(member.series)
    except MedportalError as error:
        raise InvalidError(error.code, f"Series {uid}: {error.detail}") from error
    mask = mask_of(label_map, version.classes) if label_map is not None else None
    if mask is not None and mask.shape != volume.array.shape[:3]:
        sizes = [" × ".join(map(str, shape)) for shape in (mask.shape, volume.array.shape[:3])]
        raise InvalidError("mask_shape", f"Series {uid}: its mask is {sizes[0]}, its images are {sizes[1]}.")
    return SeriesToPrepare(
        volume=volume,
        series_uid=uid,
        group=member.group,
        split=member.split,
        label=member.label,
        labels=tuple(member.labels),
        slice_labels=member.slice_labels,
        mask=mask,
        is_instances=label_map is not None and label_map.is_instances,
        boxes=tuple(box_of(box) for box in member.boxes),
        attributes=_attributes_of(member.series),
    )


def _label_map(member: CohortMember) -> LabelMap:
    """Return the mask as it was frozen: of the set, or of another set with the same voxels."""
    known = LabelMap.objects.filter(annotation_set__series=member.series, sha256=member.target_sha256)
    label_map = known.filter(annotation_set=member.annotation_set_id).first() or known.order_by("pk").first()
    if label_map is None:
        raise ConflictError(
            "cohort_not_trainable", f"The mask of series {member.series_instance_uid} has been deleted."
        )
    return label_map


def mask_of(label_map: LabelMap, classes: list[str]) -> NDArray[np.uint16]:
    """Return a mask (slice, row, column) in which k is the k-th class; of instances, the numbers as they are.

    Segments that are none of the classes are background.
    """
    array = array_of(label_map).astype(np.uint16)
    if label_map.is_instances:
        return array
    table = np.zeros(65_536, np.uint16)
    for segment in label_map.segments:
        if segment["label"] in classes:
            table[segment["value"]] = classes.index(segment["label"]) + 1
    return table[array]


def _attributes_of(series: Series) -> dict[str, str]:
    """Return sex, age band and manufacturer, as far as the tags say them (PS3.3 C.7.1.1, C.7.2.2, C.7.5.1)."""
    patient, study = series.study.patient, series.study
    first = series.instances.order_by("instance_number", "pk").first()
    age = attributes_of(first).text("PatientAge") if first is not None else ""
    return {
        "sex": _SEXES.get(patient.patient_sex.strip().upper(), ""),
        "age": age_band(age_years(age, patient.patient_birth_date, study.study_date)),
        "manufacturer": series.manufacturer.strip(),
    }
