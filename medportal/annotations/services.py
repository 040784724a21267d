"""What is done to marks: label a series and its slices, keep a model's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from medportal.accounts.models import User
from medportal.annotations.access import current_labels
from medportal.annotations.models import AnnotationSet, Label, Source
from medportal.archive.models import Instance, Series
from medportal.audit.services import record
from medportal.errors import InvalidError

Row = tuple[Instance | None, str, dict[str, Any]]


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
) -> AnnotationSet:
    """Keep what a model made of a series; a job has one result, however often it is saved."""
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
        },
    )
    if is_new:
        record(
            actor=author,
            action="result.saved",
            team=series.team.slug,
            object_type="series",
            object_id=series.series_instance_uid,
            detail={"model": model, "version": version, "job": str(job_id)},
        )
    return result
