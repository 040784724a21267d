"""Runs a claimed training: prepares the cohort, watches the child that trains, enters its package into the zoo."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from medportal.archive.models import Series
from medportal.cohorts.comparing import compared
from medportal.cohorts.hashing import hash_series
from medportal.cohorts.models import CohortMember
from medportal.cohorts.reading import load_member
from medportal.errors import ConflictError, InvalidError, UnavailableError
from medportal.jobs.leases import Lease, claim
from medportal.learning.measuring import evenly, measured_levels
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import input_spec
from medportal.learning.splits import measured_split, with_validation
from medportal.training.child import TrainingChild
from medportal.training.evaluations.seen import measured_by, seen_in_training
from medportal.training.folders import CHECKPOINT, PACKAGE, TrainingFolder
from medportal.training.models import Evaluation, TrainingRun
from medportal.zoo import packages
from medportal.zoo.models import Origin
from medportal.zoo.services import enter_package

log = structlog.get_logger(__name__)
# How often a silent child's lease is looked at: a cancellation is at most this much later than the lease knows.
POLL_S = 0.25
# Between two looks at the lease while series are compared.
COMPARED_S = 1.0
# Parts of the progress bar: preparing the data, then training, then export.
PREPARED_AT, TRAINED_AT = 0.1, 0.9


def run_training(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            Run(lease).run()


@dataclass
class Finished:
    """What the child said last."""

    metrics: dict[str, Any]
    # See `learning.evaluation.build_document`.
    document: dict[str, Any]
    package: Path


class Run:
    """One attempt at a training."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        rows = TrainingRun.objects.select_related("team", "cohort_version__cohort")
        self.training = rows.get(job=lease.job)
        self.folder = TrainingFolder(lease.job.pk)
        self.epochs_told = len(self.training.history)

    @property
    def is_control(self) -> bool:
        """Say whether this is a control: then what comes of it is a measure, not a model."""
        return bool(self.training.config["control"] != "none")

    def run(self) -> None:
        """Bring the training to its end."""
        modalities = self.prepare()
        finished = self._train(modalities)
        self.keep(finished)

    def _tell_stage(self, stage: str, detail: str = "") -> None:
        self.lease.report(stage=stage)
        self.lease.emit("training.stage", {"stage": stage, "detail": detail})

    def prepare(self) -> list[str]:
        """Write the cohort's samples, unless an earlier attempt has; return the modalities."""
        members = self._members()
        lost = [member.series_instance_uid for member in members if member.series is None]
        if lost:
            raise ConflictError("cohort_not_trainable", f"Series {lost[0]} of the cohort has been deleted.")
        modalities = sorted({member.series.modality for member in members if member.series})
        if not self.folder.prepared.exists():
            self._tell_stage("preparing", f"{len(members)} series")
            self._compare([member.series for member in members if member.series])
            self._measure_levels(members)
            self._write_prepared(members, modalities)
        return modalities

    def _members(self) -> list[CohortMember]:
        """Return the cohort's series; where it has no validation split, a part of the training is made one."""
        rows = CohortMember.objects.filter(version=self.training.cohort_version)
        members = list(rows.select_related("series__team", "series__study__patient", "version"))
        known = [(member.group, member.label, member.split) for member in members]
        for member, split in zip(members, with_validation(known, seed=self.training.config["seed"]), strict=True):
            member.split = split
        return members

    def _compare(self, series: list[Series]) -> None:
        """Look for near-duplicates where nobody has yet, and tell what the check finds; raises as starting would have."""
        while hash_series(series, budget_s=COMPARED_S):
            self.lease.check()
        findings = compared(self.training.cohort_version, budget_s=0)["findings"]
        for one in findings:
            if one["severity"] == "error":
                raise InvalidError("cohort_check", f"The cohort cannot be learnt from: {one['detail']}")
            if one["severity"] == "warning":
                self.lease.emit("training.log", {"message": f"warning: {one['detail']}"})

    def _measure_levels(self, members: list[CohortMember]) -> None:
        """Replace the scaling “dataset” by the window that the training series give; it is kept with the run."""
        config = self.training.config
        if config["scaling"] != "dataset":
            return
        learnt = (load_member(member) for member in evenly([one for one in members if one.split == "train"]))
        low, high = measured_levels(self._checked(learnt), config["low"], config["high"])
        self.training.config = {**config, "scaling": "window", "low": low, "high": high}
        TrainingRun.objects.filter(pk=self.training.pk).update(config=self.training.config)
        self.lease.emit("training.log", {"message": f"values of the training series: {low:g} to {high:g}"})

    def _checked(self, series: Iterator[SeriesToPrepare]) -> Iterator[SeriesToPrepare]:
        for one in series:
            self.lease.check()
            yield one

    def _write_prepared(self, members: list[CohortMember], modalities: list[str]) -> None:
        measured = measured_split([member.split for member in members])
        # A generator's images are held against those that it was shown.
        whole = ("train", measured) if self.training.recipe == "generation" else (measured,)
        spec = input_spec(self.training.config, modalities)
        self.folder.prepare(lambda folder: write_prepared(folder, spec, self._series(members), whole=whole))

    def _series(self, members: list[CohortMember]) -> Iterator[SeriesToPrepare]:
        for number, member in enumerate(members):
            self.lease.report(progress=PREPARED_AT * number / len(members))
            yield replace(load_member(member), split=member.split)

    def _train(self, modalities: list[str]) -> Finished:
        """Watch the child until it has finished; leaving this function ends it in every case."""
        own = self.folder.begin_attempt(self.lease.attempt)
        shutil.rmtree(own / PACKAGE, ignore_errors=True)
        spec = self.spec(own, modalities)
        deadline = time.monotonic() + settings.TRAINING_TIME_LIMIT_S
        with TrainingChild(spec, own, threads=settings.TRAINING_THREADS) as child:
            for message in child.messages(poll_s=POLL_S):
                self.lease.check()
                if time.monotonic() > deadline:
                    hours = settings.TRAINING_TIME_LIMIT_S / 3600
                    raise UnavailableError("time_limit", f"The training reached its time limit of {hours:g} hours.")
                if message is not None and (finished := self.take(message)):
                    return finished
            code = child.exit_code()
            log.error("training.child_ended", job=str(self.lease.job.pk), code=code, words=child.last_words())
        raise UnavailableError("child_lost", _reason(code))

    def spec(self, own: Path, modalities: list[str]) -> dict[str, Any]:
        """Return what the child is told; `own` is the attempt's folder."""
        version, config = self.training.cohort_version, self.training.config
        cohort = version.cohort
        return {
            "recipe": self.training.recipe,
            "config": config,
            "data_dir": str(self.folder.prepared),
            "checkpoint_dir": str(own / CHECKPOINT),
            "output_dir": str(own / PACKAGE),
            "kind": version.kind,
            "classes": version.classes,
            "modalities": modalities,
            "model": {
                "name": self.training.model_name,
                "title": self.training.model_name.replace("-", " ").capitalize(),
            },
            "data": {
                "description": f"cohort {cohort.name}, version {version.number}: {cohort.description or cohort.title}",
                "cohort": cohort.name,
                "version": version.number,
                "content_hash": version.content_hash,
                "horizon_days": version.horizon_days,
                # Of the labels that were learnt from: a generator's images are labelled by it.
                "scheme": version.fingerprint.get("scheme", ""),
            },
        }

    def take(self, message: dict[str, Any]) -> Finished | None:
        """Pass on what the child says; returns what came of it when it has finished."""
        match message.pop("type"):
            case "stage":
                self._tell_stage(message["stage"], message.get("detail", ""))
            case "progress":
                self.lease.report(progress=PREPARED_AT + (TRAINED_AT - PREPARED_AT) * message["progress"])
            case "usage":
                self.lease.emit("training.usage", _finite(message))
            case "epoch":
                self._keep_epoch(_finite(message))
            case "previews":
                self.lease.emit("training.previews", {"previews": message["previews"]})
            case "log":
                self.lease.emit("training.log", {"message": str(message["message"])})
            case "failed":
                raise InvalidError(message["code"], message["detail"])
            case "finished":
                return Finished(_finite(message["metrics"]), _finite(message["document"]), Path(message["package"]))
        return None

    def _keep_epoch(self, figures: dict[str, Any]) -> None:
        """Write an epoch's figures and tell of them, once: a child that goes on repeats those of earlier attempts."""
        if figures["epoch"] <= self.epochs_told:
            return
        with transaction.atomic():
            self.lease.emit("epoch.finished", figures)
            history = TrainingRun.objects.select_for_update().get(pk=self.training.pk).history
            TrainingRun.objects.filter(pk=self.training.pk).update(history=[*history, figures])
        self.epochs_told = figures["epoch"]

    def keep(self, finished: Finished) -> None:
        """Enter the package, write the figures and end the job, in one transaction; the slow part comes before it."""
        self._tell_stage("registering")
        result = {"model": self.training.model_name, "version": None, "metrics": finished.metrics}
        if self.is_control:
            self.lease.succeed(result, within=lambda: self.write(result))
            return
        document = self._as_evaluation(finished.document)
        staged = packages.stage_package(self.training.team.slug, self.training.model_name, finished.package)
        try:
            self.lease.succeed(result, within=lambda: self._write_version(result, staged, document))
        finally:
            staged.discard()

    def _as_evaluation(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document with what the child does not know: each case's study, and what the training had seen of all."""
        rows = CohortMember.objects.filter(version=self.training.cohort_version, series__isnull=False)
        study_of = dict(rows.values_list("series_instance_uid", "series__study__study_instance_uid"))
        cases = [{**case, "study_uid": study_of.get(case["series_uid"], "")} for case in document["cases"]]
        cohort = self.training.cohort_version
        return {
            **document,
            "cases": cases,
            "cohort": cohort.cohort.name,
            "cohort_version": cohort.number,
            "horizon_days": cohort.horizon_days,
            "seen_in_training": seen_in_training(self.training, cohort, measured_by(self.training)),
        }

    def _write_version(self, result: dict[str, Any], staged: packages.StagedPackage, document: dict[str, Any]) -> None:
        """Enter the package as a version, with what was measured when it was trained as its first evaluation."""
        version = enter_package(
            staged,
            self.training.team,
            self.training.model_name,
            origin=Origin.TRAINED,
            metrics=result["metrics"],
            created_by=self.lease.job.created_by,
            job_id=self.lease.job.pk,
        )
        result["version"] = version.number
        named = {"model": self.training.model_name, "version": version.number, "sha256": version.sha256}
        Evaluation.objects.get_or_create(
            id=self.lease.job.pk,
            defaults={
                "job": self.lease.job,
                "team": self.training.team,
                "model_name": self.training.model_name,
                "model_version": version.number,
                "model_sha256": version.sha256,
                "cohort_version": self.training.cohort_version,
                "split": document["split"],
                "document": {**document, **named},
                "created_by": self.lease.job.created_by,
            },
        )
        self.write(result)

    def write(self, result: dict[str, Any]) -> None:
        """Write the figures beside the run, and tell of its end."""
        TrainingRun.objects.filter(pk=self.training.pk).update(version=result["version"], metrics=result["metrics"])
        self.lease.emit("training.finished", result)


def _finite(value: Any) -> Any:
    """Return JSON without NaN and infinity, which JSON does not have."""
    match value:
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list():
            return [_finite(one) for one in value]
        case float() if not math.isfinite(value):
            return None
    return value


def _reason(code: int) -> str:
    if code == -9:
        return "The training process was killed; most often that means that the machine ran out of memory."
    return f"The training process ended unexpectedly (exit code {code})."
