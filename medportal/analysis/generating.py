"""What a model is asked to make: how many images, of which class, by which chance, and where they will be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any
from uuid import UUID

from medportal.analysis.models import Analysis
from medportal.errors import InvalidError
from medportal.imaging.generated import PATIENT_PREFIX, Generation
from medportal.inference.manifest import GenerationOutput, Manifest, parse_manifest

MAX_COUNT, USUAL_COUNT = 64, 16


def chosen_parameters(manifest: Manifest, job_id: UUID, given: dict[str, Any] | None) -> dict[str, Any]:
    """Return {"count", "seed", "class"} with what was not said filled in; the seed is then of the job's own id.

    Raises InvalidError `package_does_not_fit` for a class that the model does not know, `parameters` for a number of
    images that is out of bounds.
    """
    given = given or {}
    count, label = given.get("count", USUAL_COUNT), given.get("class")
    if not 1 <= count <= MAX_COUNT:
        raise InvalidError("parameters", f"A model makes 1 to {MAX_COUNT} images at a time.")
    if label is not None and label not in manifest.classes:
        known = ", ".join(manifest.classes) or "none"
        raise InvalidError("package_does_not_fit", f"The model knows no class “{label}”; it knows {known}.")
    return {"count": count, "seed": given.get("seed", job_id.int % 2**32), "class": label}


def generation_of(analysis: Analysis, *, sha256: str) -> Generation:
    """Return what an analysis makes and how it is told of; the same each time."""
    version = analysis.model_version
    manifest = parse_manifest(version.manifest)
    output, scaling, wanted = manifest.output, manifest.input.scaling, analysis.parameters
    assert isinstance(output, GenerationOutput)
    spacing = output.spacing_mm[-2:] if output.spacing_mm else None
    return Generation(
        key=str(analysis.pk),
        patient_id=patient_id(version.model.team.slug, version.model.name),
        model=version.model.name,
        version=version.number,
        sha256=sha256,
        seed=wanted["seed"],
        modality=output.modality,
        day=analysis.job.created_at.date(),
        labels=_labels(manifest.classes, wanted["count"], wanted["class"]),
        spacing_mm=(spacing[0], spacing[1]) if spacing else None,
        levels=(scaling.low, scaling.high) if scaling.kind == "window" else None,
    )


def makers_of(made: Collection[int]) -> dict[int, UUID]:
    """Return for rows of series that models have made the jobs that trained these, where they were trained here."""
    rows = Analysis.objects.filter(series__in=made, model_version__model__task="generation")
    jobs = rows.exclude(model_version__job_id=None).values_list("series", "model_version__job_id")
    return {series: job for series, job in jobs if series is not None and job is not None}


def patient_id(team_slug: str, model: str) -> str:
    """Return the PatientID of the synthetic patient to whom all images of a model belong."""
    return f"{PATIENT_PREFIX}{hashlib.sha256(f'{team_slug}/{model}'.encode()).hexdigest()[:16]}"


def _labels(classes: tuple[str, ...], count: int, label: str | None) -> tuple[str, ...]:
    """Return each image's class, as `inference.generate.labels_of` has them."""
    if label is not None:
        return (label,) * count
    return tuple(classes[index % len(classes)] for index in range(count)) if classes else ("",) * count
