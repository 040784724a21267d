"""What is done to marks: label a series and its slices, keep masks and boxes, keep a model's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from medportal.accounts.models import User
from medportal.annotations.access import LabelFilter, current_labels, current_study_labels, get_target, visible_labels
from medportal.annotations.label_maps import Mask, Segment, columns_of, require_stack, stack_shape
from medportal.annotations.models import AnnotationSet, Label, LabelMap, Source
from medportal.archive.models import Instance, Series, Study
from medportal.audit.services import record
from medportal.errors import InvalidError
from medportal.imaging.marks import Box

Row = tuple[Instance | None, str, dict[str, Any]]


@transaction.atomic
def put_label(
    user: User, team_slug: str, *, scheme: str, value: str, study: str = "", series: str = "", instance: str = ""
) -> tuple[Label, bool]:
    """Give what the UIDs name a class, as a person; returns (the label that counts now, whether it is new).

    Earlier labels stay, the newest counts.
    """
    target = get_target(user, team_slug, study=study, series=series, instance=instance)
    of_same = visible_labels(user, team_slug, LabelFilter(scheme, target.study.study_instance_uid))
    of_same = of_same.filter(series=target.series, instance=target.instance)
    if (known := of_same.first()) is not None and known.value == value:
        return known, False
    label = Label.objects.create(
        team_id=target.study.team_id,
        study=target.study,
        series=target.series,
        instance=target.instance,
        scheme=scheme,
        value=value,
        source=Source.PERSON,
        author=user,
    )
    record(
        actor=user,
        action="labels.saved",
        team=target.study.team.slug,
        object_type="series" if target.series else "study",
        object_id=target.series.series_instance_uid if target.series else target.study.study_instance_uid,
        detail={"scheme": scheme, "labels": 1, "source": str(Source.PERSON)},
    )
    return label, True


@transaction.atomic
def label_series(
    series: Series,
    *,
    scheme: str,
    value: str,
    source: Source,
    author: User | None,
    detail: dict[str, Any] | None = None,
) -> bool:
    """Give the series a class; False where it has it already. Earlier labels stay, the newest counts."""
    return _write([(None, value, detail or {})], series=series, scheme=scheme, source=source, author=author) > 0


@dataclass(frozen=True)
class SeriesLabel:
    """A class that a series is to be given, with what is to be noted beside it."""

    series: Series
    value: str
    detail: dict[str, Any]


@transaction.atomic
def label_many(labels: Sequence[SeriesLabel], *, scheme: str, source: Source, author: User | None) -> int:
    """Give many series of one team a class each, in one transaction and one act on record; returns how many are new."""
    known = {
        label.series_id: (label.value, label.detail)
        for label in current_labels([one.series for one in labels], scheme)
        if label.instance_id is None
    }
    new = [
        Label(
            team_id=one.series.team_id,
            study_id=one.series.study_id,
            series=one.series,
            scheme=scheme,
            value=one.value,
            source=source,
            author=author,
            detail=one.detail,
        )
        for one in labels
        if known.get(one.series.pk) != (one.value, one.detail)
    ]
    if new:
        Label.objects.bulk_create(new, batch_size=500)
        record(
            actor=author,
            action="labels.saved",
            team=labels[0].series.team.slug,
            object_type="scheme",
            object_id=scheme,
            detail={
                "labels": len(new),
                "source": str(source),
                "series": [one.series.series_instance_uid for one in new if one.series],
            },
        )
    return len(new)


@transaction.atomic
def label_studies(
    labels: Sequence[tuple[Study, str, dict[str, Any]]], *, scheme: str, source: Source, author: User | None
) -> int:
    """Give whole studies of one team a class each: (study, value, detail); returns how many are new."""
    newest = current_study_labels((study.pk for study, _, _ in labels), scheme)
    known = {key: label.value for key, label in newest.items()}
    new = [
        Label(
            team_id=study.team_id, study=study, scheme=scheme, value=value, source=source, author=author, detail=detail
        )
        for study, value, detail in labels
        if known.get(study.pk) != value
    ]
    if new:
        Label.objects.bulk_create(new, batch_size=500)
        record(
            actor=author,
            action="labels.saved",
            team=labels[0][0].team.slug,
            object_type="scheme",
            object_id=scheme,
            detail={
                "labels": len(new),
                "source": str(source),
                "studies": [label.study.study_instance_uid for label in new],
            },
        )
    return len(new)


@transaction.atomic
def label_instances(
    series: Series,
    *,
    scheme: str,
    values: Mapping[str, tuple[str, dict[str, Any]]],
    source: Source,
    author: User | None,
) -> int:
    """Give instances of the series a class: SOP Instance UID → (value, detail); returns how many have changed.

    Raises InvalidError `instance_not_in_series` naming the first UID that is not of the series.
    """
    instances = {i.sop_instance_uid: i for i in Instance.objects.filter(series=series).only("pk", "sop_instance_uid")}
    for uid in values:
        if uid not in instances:
            raise InvalidError("instance_not_in_series", f"Instance {uid} is not of series {series}.")
    rows: list[Row] = [(instances[uid], value, detail) for uid, (value, detail) in values.items()]
    return _write(rows, series=series, scheme=scheme, source=source, author=author)


def _write(
    rows: list[Row],
    *,
    series: Series,
    scheme: str,
    source: Source,
    author: User | None,
) -> int:
    """Insert the labels that say something new, and put the act on record."""
    known = {label.instance_id: (label.value, label.detail) for label in current_labels([series], scheme)}
    new = [
        Label(
            team_id=series.team_id,
            study_id=series.study_id,
            series=series,
            instance=instance,
            scheme=scheme,
            value=value,
            source=source,
            author=author,
            detail=detail,
        )
        for instance, value, detail in rows
        if known.get(instance.pk if instance else None) != (value, detail)
    ]
    if new:
        Label.objects.bulk_create(new)
        record(
            actor=author,
            action="labels.saved",
            team=series.team.slug,
            object_type="series",
            object_id=series.series_instance_uid,
            detail={"scheme": scheme, "labels": len(new), "source": str(source)},
        )
    return len(new)


@transaction.atomic
def save_mask(
    series: Series,
    array: NDArray[np.integer[Any]],
    segments: Sequence[Segment],
    *,
    source: Source,
    author: User | None,
    is_instances: bool = False,
    task: str = "segmentation",
    name: str = "The mask",
    parameters: dict[str, Any] | None = None,
) -> tuple[AnnotationSet, bool]:
    """Keep a mask (slice, row, column) of a series; returns (set, whether it is new).

    The same voxels with the same names from the same kind of source are the set that there is. Raises InvalidError
    `mask_shape` where the mask is not of the series' stack, and as `label_maps.columns_of`; each names the mask as
    `name`.
    """
    try:
        columns = columns_of(Mask(array, segments, is_instances))
        require_stack(series, columns["shape"], name)
    except InvalidError as error:
        raise _naming(name, error) from error
    content = {key: columns[key] for key in ("sha256", "shape", "segments", "is_instances")}
    known = LabelMap.objects.filter(annotation_set__series=series, annotation_set__source=source, **content)
    if (same := known.select_related("annotation_set").defer("payload").order_by("pk").last()) is not None:
        return same.annotation_set, False
    made = _new_set(series, source=source, author=author, task=task, parameters=parameters or {})
    LabelMap.objects.create(annotation_set=made, **columns)
    # Read again when they are asked for: of a data set all sets are in memory until they are frozen.
    del made.label_map.payload
    _record_marks(made, {"mask": columns["sha256"], "segments": columns["segments"]})
    return made, True


@transaction.atomic
def save_boxes(
    series: Series,
    boxes: Sequence[Box],
    *,
    source: Source,
    author: User | None,
    task: str = "detection",
    name: str = "The series",
    parameters: dict[str, Any] | None = None,
) -> tuple[AnnotationSet, bool]:
    """Keep the boxes of a series, which may be none at all; returns (set, whether it is new).

    The same boxes from the same kind of source are the set that there is. Raises InvalidError `box_outside` that names
    the box, in `name`, which does not lie within the series' stack.
    """
    shape = stack_shape(series)
    for number, box in enumerate(boxes, start=1):
        if not all(0 <= low < high <= size for low, high, size in zip(box.low, box.high, shape, strict=True)):
            raise InvalidError("box_outside", f"{name}: box {number} (“{box.label}”) does not lie within the image.")
    content = sorted((box.to_json() for box in boxes), key=repr)
    for known in AnnotationSet.objects.filter(series=series, source=source, task=task, label_map=None).order_by("pk"):
        if known.boxes == content:
            return known, False
    made = _new_set(series, source=source, author=author, task=task, parameters=parameters or {}, boxes=content)
    _record_marks(made, {"boxes": len(content)})
    return made, True


def _naming(name: str, error: InvalidError) -> InvalidError:
    return error if error.detail.startswith(name) else InvalidError(error.code, f"{name}: {error.detail}")


def _new_set(series: Series, **values: Any) -> AnnotationSet:
    return AnnotationSet.objects.create(team_id=series.team_id, study_id=series.study_id, series=series, **values)


def _record_marks(made: AnnotationSet, detail: dict[str, Any]) -> None:
    record(
        actor=made.author,
        action="marks.saved",
        team=made.series.team.slug,
        object_type="series",
        object_id=made.series.series_instance_uid,
        detail={"source": str(made.source), "set": str(made.pk), **detail},
    )


@transaction.atomic
def save_result(
    *,
    job_id: UUID,
    series: Series,
    author: User | None,
    task: str,
    model: str,
    version: int,
    sha256: str,
    provider: str,
    parameters: dict[str, Any],
    verdict: dict[str, Any],
    slices: list[dict[str, Any]],
    boxes: Sequence[Box] = (),
    mask: Mask | dict[str, Any] | None = None,
) -> AnnotationSet:
    """Keep what a model made of a series; a job has one result, however often it is saved.

    A mask may come packed by `label_maps.columns_of`, so that the caller's transaction does not wait for that. Raises
    InvalidError `mask_shape` where the mask is not of the series' stack, and as `label_maps.columns_of`.
    """
    columns = columns_of(mask) if isinstance(mask, Mask) else mask
    if columns is not None:
        require_stack(series, columns["shape"], "The mask")
    result, is_new = AnnotationSet.objects.get_or_create(
        job_id=job_id,
        defaults={
            "team_id": series.team_id,
            "study_id": series.study_id,
            "series": series,
            "author": author,
            "task": task,
            "source": Source.MODEL,
            "model": model,
            "version": version,
            "sha256": sha256,
            "provider": provider,
            "parameters": parameters,
            "verdict": verdict,
            "slices": slices,
            "boxes": [box.to_json() for box in boxes],
        },
    )
    if is_new:
        if columns is not None:
            LabelMap.objects.create(annotation_set=result, **columns)
        record(
            actor=author,
            action="result.saved",
            team=series.team.slug,
            object_type="series",
            object_id=series.series_instance_uid,
            detail={"model": model, "version": version, "job": str(job_id)},
        )
    return result
