"""Runs a claimed evaluation of a generator's worth: prepares the cohort, watches the child whose classifiers learn."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings

from medportal.cohorts.models import CohortMember, Split
from medportal.cohorts.reading import load_member
from medportal.errors import InvalidError, UnavailableError
from medportal.inference.package import Package
from medportal.jobs.leases import Lease, claim
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.splits import with_validation
from medportal.training.child import TrainingChild
from medportal.training.evaluations.evaluated import header_of, version_of
from medportal.training.folders import TrainingFolder
from medportal.training.models import Evaluation
from medportal.zoo.packages import open_version

log = structlog.get_logger(__name__)
MODULE = "medportal.learning.worth"
POLL_S = 0.25
# The part of the progress bar that preparing the data takes.
PREPARED_AT = 0.1


def run_worth(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            _Run(lease).run()


class _Run:
    """One attempt at an evaluation with classifiers."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.started = time.monotonic()
        self.row = Evaluation.objects.select_related("team", "cohort_version__cohort").get(job=lease.job)
        self.folder = TrainingFolder(lease.job.pk)

    def run(self) -> None:
        """Bring the evaluation to its end."""
        version = version_of(self.row)
        package = open_version(version)
        members = self._members(package)
        if not self.folder.prepared.exists():
            self._prepare(members, package)
        found = self._measure(package)
        uids = {member.series_instance_uid for member in members if member.split == self.row.split}
        header = header_of(self.row, version, uids) | {"seconds": round(time.monotonic() - self.started, 3)}
        document = {**found, **header, "worth": self._known()}

        def write() -> None:
            Evaluation.objects.filter(pk=self.row.pk).update(document=document)

        self.lease.succeed({name: document[name] for name in ("n", "groups", "metrics", "worth")}, within=write)

    def _members(self, package: Package) -> list[CohortMember]:
        """Return what is measured and learnt from; where there is no validation split, as the generator's training made one."""
        rows = CohortMember.objects.filter(version=self.row.cohort_version)
        if self.row.split != Split.TEST:
            rows = rows.exclude(split=Split.TEST)
        members = list(rows.select_related("version__cohort", "series__team", "series__study__patient"))
        known = [(member.group, member.label, member.split) for member in members]
        seed = package.manifest.trained.get("config", {}).get("seed", 0)
        for member, split in zip(members, with_validation(known, seed=seed), strict=True):
            member.split = split
        return members

    def _prepare(self, members: Sequence[CohortMember], package: Package) -> None:
        self.lease.report(stage="preparing")
        series, whole = self._series(members), ("train", self.row.split)
        self.folder.prepare(lambda folder: write_prepared(folder, package.manifest.input, series, whole=whole))

    def _series(self, members: Sequence[CohortMember]) -> Iterator[SeriesToPrepare]:
        for number, member in enumerate(members):
            self.lease.report(progress=PREPARED_AT * number / len(members))
            yield replace(load_member(member), split=member.split)

    def _measure(self, package: Package) -> dict[str, Any]:
        """Watch the child until it has finished, and return its document; leaving this function ends it in every case."""
        own = self.folder.begin_attempt(self.lease.attempt)
        spec = {
            "package": str(package.path),
            "data_dir": str(self.folder.prepared),
            "kind": self.row.cohort_version.kind,
            "work_dir": str(own / "work"),
            "known": list(self._known()),
        }
        deadline = time.monotonic() + settings.TRAINING_TIME_LIMIT_S
        with TrainingChild(spec, own, threads=settings.TRAINING_THREADS, module=MODULE) as child:
            for message in child.messages(poll_s=POLL_S):
                self.lease.check()
                if time.monotonic() > deadline:
                    hours = settings.TRAINING_TIME_LIMIT_S / 3600
                    raise UnavailableError("time_limit", f"The evaluation reached its time limit of {hours:g} hours.")
                if message is not None and (document := self._take(message)):
                    return document
            log.error("worth.child_ended", job=str(self.lease.job.pk), code=child.exit_code(), words=child.last_words())
        raise UnavailableError("child_lost", "The process that trains the classifiers ended unexpectedly.")

    def _take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Pass on what the child says; returns its document when it has finished."""
        match message["type"]:
            case "stage":
                self.lease.report(stage=message["stage"])
            case "progress":
                self.lease.report(progress=PREPARED_AT + (1 - PREPARED_AT) * message["progress"])
            case "way":
                self._keep_way(message["way"], message["told"])
            case "failed":
                raise InvalidError(message["code"], message["detail"])
            case "finished":
                return dict(message["document"])
        return None

    def _keep_way(self, way: str, told: dict[str, Any]) -> None:
        """Keep what a classifier has reached: an attempt goes on with those that are missing."""
        unfinished = self.folder.root / f".way-{uuid4().hex}"
        unfinished.write_text(json.dumps(told))
        unfinished.rename(self.folder.root / f"way-{way}.json")

    def _known(self) -> dict[str, Any]:
        """Return what the classifiers that have ended have reached; what a power cut has left empty is learnt again."""
        found = {}
        for path in sorted(self.folder.root.glob("way-*.json")):
            with contextlib.suppress(ValueError):
                found[path.stem.removeprefix("way-")] = json.loads(path.read_text())
        return found
