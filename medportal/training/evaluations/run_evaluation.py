"""Runs a claimed evaluation: the package on every series of the split, then the document of all answers."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import structlog

from medportal.cohorts.models import CohortMember
from medportal.cohorts.reading import load_member
from medportal.errors import MedportalError
from medportal.inference.manifest import Manifest
from medportal.inference.session import Session
from medportal.jobs.leases import Lease, claim
from medportal.jobs.turns import Turn
from medportal.learning.evaluation import Record, TaskEvaluation, build_document, evaluation_of
from medportal.training.evaluations.evaluated import header_of, version_of
from medportal.training.evaluations.records import RecordLog
from medportal.training.models import Evaluation
from medportal.zoo.packages import open_version

log = structlog.get_logger(__name__)
# The part of the progress bar that reading takes; the rest is for the figures.
READ_AT = 0.95


def run_evaluation(job_id: UUID | str, *, worker: str) -> None:
    """Claim the job and bring it to its end; nothing happens where it is not there to be claimed."""
    with claim(job_id, worker=worker) as lease:
        if lease is not None:
            _Run(lease).run()


class _Run:
    """One attempt at an evaluation."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.turn = Turn(lease)
        self.started = time.monotonic()
        rows = Evaluation.objects.select_related("team", "cohort_version__cohort")
        self.row = rows.get(job=lease.job)

    def run(self) -> None:
        """Bring the evaluation to its end."""
        self.lease.report(stage="loading")
        version = version_of(self.row)
        package = open_version(version)
        evaluation = self._evaluation(package.manifest)
        session = Session(evaluation.package_to_run(package))
        with RecordLog(self.lease.job.pk, self.lease.attempt) as log_of_records:
            failed = self._read(evaluation, session, log_of_records)
            records, earlier_s = log_of_records.records, log_of_records.earlier_s
        self.lease.report(stage="measuring", progress=READ_AT)
        mine = [one for _, one in sorted(records.items()) if one["split"] == self.row.split]
        reference = [one for _, one in sorted(records.items()) if one["split"] != self.row.split]
        if mine:
            evaluation.complete(session, reference, mine)
        header = header_of(self.row, version, {one["series_uid"] for one in mine})
        header |= {"provider": session.provider, "seconds": round(earlier_s + time.monotonic() - self.started, 3)}
        self._keep(build_document(evaluation, mine, header=header, failed=failed))

    def _evaluation(self, manifest: Manifest) -> TaskEvaluation:
        version = self.row.cohort_version
        # Images without a spacing have been given one of 1 mm; their distances are told in pixels.
        has_spacing = not version.fingerprint or version.fingerprint.get("spacing_mm_zyx") is not None
        return evaluation_of(
            manifest,
            kind=version.kind,
            classes=version.classes,
            distance_unit="mm" if has_spacing else "px",
        )

    def _members(self, evaluation: TaskEvaluation) -> list[CohortMember]:
        splits = {str(self.row.split), evaluation.reference_split}
        rows = CohortMember.objects.filter(version=self.row.cohort_version, split__in=splits)
        related = ("version__cohort", "series__team", "series__study__patient")
        return list(rows.select_related(*related).order_by("series_instance_uid"))

    def _read(self, evaluation: TaskEvaluation, session: Session, done: RecordLog) -> list[dict[str, str]]:
        """Read every series that no attempt has read; return those that cannot be read, with the reason."""
        members = self._members(evaluation)
        failed = []
        self.lease.report(stage="running")
        for number, member in enumerate(members):
            self.lease.report(progress=READ_AT * number / len(members))
            if member.series_instance_uid in done.records:
                continue
            self.turn.check()
            try:
                one = load_member(member)
                record = evaluation.read(session, one, check=self.turn.check)
            except MedportalError as error:
                uid = member.series_instance_uid
                log.info("evaluation.series_failed", job=str(self.lease.job.pk), series=uid, code=error.code)
                failed.append({"series_uid": uid, "code": error.code, "detail": error.detail})
                continue
            done.add(_base_of(member, one.attributes) | record)
            self.turn.keep()
        return failed

    def _keep(self, document: dict[str, Any]) -> None:
        def write() -> None:
            Evaluation.objects.filter(pk=self.row.pk).update(document=document)

        result = {name: document[name] for name in ("n", "groups", "metrics")}
        self.lease.succeed(result, within=write)


def _base_of(member: CohortMember, attributes: dict[str, str]) -> Record:
    """Return what is known of a series beside its images."""
    series = member.series
    return {
        "series_uid": member.series_instance_uid,
        "study_uid": series.study.study_instance_uid if series is not None else "",
        "group": member.group,
        "split": member.split,
        "attributes": attributes,
    }
