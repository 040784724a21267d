"""A training that torchrun runs, not the site: prepared and handed out, and what has come of it taken in."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from medportal.accounts.models import User
from medportal.audit.services import record
from medportal.errors import ConflictError
from medportal.inference.package import open_package
from medportal.jobs.leases import Lease, claim
from medportal.jobs.models import State
from medportal.learning.told import told_in
from medportal.training.folders import PACKAGE, SPEC, TrainingFolder
from medportal.training.models import TrainingRun
from medportal.training.run_training import Run

WORKER = "manage.py train"


def hand_out(job_id: UUID) -> None:
    """Claim the job, prepare its data and its spec, and put it back: it waits until it is adopted."""
    with claim(job_id, worker=WORKER) as lease:
        if lease is None:
            return
        run = Run(lease)
        modalities = run.prepare()
        own = run.folder.begin_attempt(lease.attempt)
        (own / SPEC).write_text(json.dumps(run.spec(own, modalities)))
        lease.emit("training.log", {"message": "prepared: it waits for torchrun, and for manage.py train --adopt"})
        lease.hand_back()


def adopt(training: TrainingRun, actor: User) -> None:
    """Claim the job, and end it with what torchrun has come to, as a training that the site ran ends.

    Raises ConflictError, with the job left waiting: `not_handed_out`, `training_not_finished`, `training_failed` with
    the reason, `other_training` where the package is of another spec; InvalidError where it is damaged.
    """
    if training.job.state != State.QUEUED or not training.job.params.get("by_torchrun"):
        state = training.job.get_state_display().lower()
        raise ConflictError("not_handed_out", f"This training does not wait for torchrun: it is {state}.")
    own = _finished(training)
    with claim(training.pk, worker=WORKER) as lease:
        if lease is not None:
            _Adoption(lease, actor).take_in(own)


class _Adoption(Run):
    """A run whose child has spoken before."""

    def __init__(self, lease: Lease, actor: User) -> None:
        super().__init__(lease)
        self.actor = actor

    def take_in(self, own: Path) -> None:
        """Take what was told as if it were told now."""
        for message in told_in(own):
            if finished := self.take(message):
                # Where other machines have it may be called otherwise.
                self.keep(replace(finished, package=own / PACKAGE))
                return

    def write(self, result: dict[str, Any]) -> None:
        """Put on record who has taken it in, too."""
        job = self.lease.job
        record(
            actor=self.actor,
            action="training.adopted",
            team=self.training.team.slug,
            object_type="job",
            object_id=str(job.pk),
            detail={"model": self.training.model_name, "version": result["version"]},
        )
        super().write(result)


def _finished(training: TrainingRun) -> Path:
    """Return the folder of an attempt whose package is whole and of this training; raises as `adopt`."""
    own = TrainingFolder(training.pk).handed_out()
    end = deque(told_in(own) if own is not None else (), maxlen=1)
    last = end[0] if end else {}
    if last.get("type") == "failed":
        raise ConflictError("training_failed", f"{last['detail']} Start it again by its spec, or cancel the job.")
    if own is None or last.get("type") != "finished":
        raise ConflictError("training_not_finished", "The training has not been started by torchrun, or not finished.")
    trained = open_package(own / PACKAGE, last["sha256"]).manifest.trained
    wanted = (training.recipe, training.config, training.cohort_version.content_hash)
    if (trained["recipe"], trained["config"], trained["data"].get("content_hash")) != wanted:
        raise ConflictError("other_training", "The package is not of this training: its spec has been changed.")
    return own
