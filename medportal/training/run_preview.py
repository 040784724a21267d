"""Runs a claimed preview: a few series prepared, a child that varies their samples, pictures told."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from medportal.cohorts.models import CohortMember, CohortVersion
from medportal.cohorts.reading import load_member
from medportal.errors import InvalidError, UnavailableError
from medportal.jobs.leases import Lease, claim
from medportal.learning.measuring import measured_levels
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import input_spec
from medportal.training.child import TrainingChild

MODULE = "medportal.learning.preview"
# Series that are looked at: enough for a dozen pictures of several classes.
SERIES = 8
POLL_S = 0.25
TIME_LIMIT_S = 180.0


def run_preview(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            _run(lease)


def _run(lease: Lease) -> None:
    params = lease.job.params
    version = CohortVersion.objects.get(
        cohort__team=lease.job.team, cohort__name=params["cohort"], number=params["cohort_version"]
    )
    members = _chosen(version)
    lease.report(stage="preparing")
    with tempfile.TemporaryDirectory(prefix="medportal-preview-") as name:
        folder = Path(name)
        modalities = sorted({member.series.modality for member in members if member.series})
        config = _with_levels(params["config"], members)
        write_prepared(folder / "data", input_spec(config, modalities), _series(lease, members), whole=())
        spec = {
            "recipe": params["recipe"],
            "config": config,
            "data_dir": str(folder / "data"),
            "classes": version.classes,
            "modalities": modalities,
        }
        lease.report(stage="running")
        pictures = _pictures(lease, spec, folder)
    lease.emit("training.previews", pictures)
    lease.succeed({"count": len(pictures["previews"])})


def _chosen(version: CohortVersion) -> list[CohortMember]:
    """Return some training series of each class, and each of them once more for validation, which a task wants to see."""
    rows = CohortMember.objects.filter(version=version, split="train", series__isnull=False)
    members = list(rows.select_related("series__team", "version").order_by("pk")[:2000])
    by_class: dict[str, list[CohortMember]] = {name: [] for name in version.classes}
    for member in members:
        for name in _classes_of(member) or [""]:
            by_class.setdefault(name, []).append(member)
    each = max(1, SERIES // max(1, sum(map(bool, by_class.values()))))
    chosen = list({member.pk: member for found in by_class.values() for member in found[:each]}.values())
    if not chosen:
        raise InvalidError("empty_split", "The cohort's train split is empty: there is nothing to show.")
    return chosen


def _classes_of(member: CohortMember) -> list[str]:
    """Return the classes that a series shows: its own, its slices', those of its boxes."""
    of_boxes = {str(box["label"]) for box in member.boxes}
    return sorted({member.label, *member.labels, *member.slice_labels.values(), *of_boxes} - {""})


def _with_levels(config: dict[str, Any], members: list[CohortMember]) -> dict[str, Any]:
    if config["scaling"] != "dataset":
        return config
    low, high = measured_levels(map(load_member, members), config["low"], config["high"])
    return {**config, "scaling": "window", "low": low, "high": high}


def _series(lease: Lease, members: list[CohortMember]) -> Iterator[SeriesToPrepare]:
    for member in members:
        lease.check()
        one = load_member(member)
        yield replace(one, split="train")
        yield replace(one, split="validation")


def _pictures(lease: Lease, spec: dict[str, Any], folder: Path) -> dict[str, list[dict[str, Any]]]:
    deadline = time.monotonic() + TIME_LIMIT_S
    with TrainingChild(spec, folder / "child", threads=1, module=MODULE) as child:
        for message in child.messages(poll_s=POLL_S):
            lease.check()
            if time.monotonic() > deadline:
                raise UnavailableError("time_limit", f"The preview took more than {TIME_LIMIT_S:g} seconds.")
            if message is None:
                continue
            if message["type"] == "failed":
                raise InvalidError(message["code"], message["detail"])
            if message["type"] == "previews":
                return {name: message[name] for name in ("previews", "rows")}
    raise UnavailableError("child_lost", "The process that makes the preview ended unexpectedly.")
