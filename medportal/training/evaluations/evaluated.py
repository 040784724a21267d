"""What an evaluation is of: the version, if it is still there, and what the document says of both sides. Loads no runtime."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils import timezone

from medportal.errors import NotFoundError
from medportal.training.evaluations.seen import seen_in_training
from medportal.training.models import Evaluation, TrainingRun
from medportal.zoo.models import ModelVersion


def version_of(row: Evaluation) -> ModelVersion:
    """Return the version, if it is still the one that was asked about; raises NotFoundError `model_version_not_found`."""
    version = (
        ModelVersion.objects.select_related("model__team")
        .filter(model__team=row.team, model__name=row.model_name, number=row.model_version, sha256=row.model_sha256)
        .first()
    )
    if version is None:
        raise NotFoundError("model_version_not_found", f"{row.model_name}@{row.model_version} is no longer in the zoo.")
    return version


def header_of(row: Evaluation, version: ModelVersion, series_uids: Collection[str]) -> dict[str, Any]:
    """Return the head of a document that is finished now, of these series of the split."""
    run = TrainingRun.objects.filter(pk=version.job_id).select_related("cohort_version").first()
    header = {
        "model": row.model_name,
        "version": row.model_version,
        "sha256": row.model_sha256,
        "cohort": row.cohort_version.cohort.name,
        "cohort_version": row.cohort_version.number,
        "horizon_days": row.cohort_version.horizon_days,
        "split": row.split,
        "evaluated_at": timezone.now().isoformat(timespec="seconds"),
    }
    if run is not None:
        header["seen_in_training"] = seen_in_training(run, row.cohort_version, series_uids)
    return header
