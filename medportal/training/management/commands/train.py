"""`manage.py train`: start a training from the command line, and see it through."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role, User
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import see_through, wait_for
from medportal.training import access, services
from medportal.training.folders import SPEC, TrainingFolder
from medportal.training.models import TrainingRun
from medportal.training.telling import Teller

CONTROLS = {name: {"control": name} for name in ("shuffled-labels", "image-border")}


# For one machine; docs/training.md says what several take.
HOW_TO_TRAIN = """{run} waits. Train it:
  torchrun --standalone --nproc-per-node PROCESSES -m medportal.learning.child {spec}
Then take it in:
  manage.py train --adopt {run}"""


class Command(BaseCommand):
    """Starts a training run."""

    help = "Train a model on a cohort with a recipe; with --wait, until it is in the zoo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument("--cohort", metavar="COHORT[@VERSION]")
        parser.add_argument("--recipe", default="classification")
        parser.add_argument("--model", help="name of the model whose next version this makes")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the recipe")
        parser.add_argument(
            "--control",
            choices=CONTROLS,
            help="train a control instead, whose figures are told and whose package is not kept",
        )
        parser.add_argument("--id", type=UUID, help="id of the job: the same again is the same training")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--wait", action="store_true", help="wait for the end; the exit code tells how it went")
        how.add_argument(
            "--prepare-only", action="store_true", help="prepare data and spec, and say how to train by torchrun"
        )
        how.add_argument("--adopt", type=UUID, metavar="JOB", help="take in what torchrun has come to")

    def handle(self, *args: Any, **options: Any) -> None:
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        job_id = options["adopt"]
        training = _adopt(user, team.slug, job_id) if job_id else _start(user, team.slug, options)
        if options["wait"]:
            training = _see_through(training.job)
        report: dict[str, Any] = {"run": str(training.pk)}
        if options["prepare_only"]:
            report["spec"] = str(_hand_out(training))
        else:
            report |= {"model": training.model_name, "version": training.version, "metrics": training.metrics}
        if options["json"]:
            print(json.dumps(report))
        elif options["prepare_only"]:
            print(HOW_TO_TRAIN.format(**report))
        elif not options["wait"] and not options["adopt"]:
            print(training.pk)


def _start(user: User, team_slug: str, options: dict[str, Any]) -> TrainingRun:
    if not options["cohort"] or not options["model"]:
        raise CommandError("--cohort and --model are required.")
    cohort, _, version = options["cohort"].partition("@")
    if version and not version.isdecimal():
        raise CommandError(f"{options['cohort']!r} is not COHORT or COHORT@NUMBER.")
    with command_line.plain_errors():
        return services.start_training(
            user,
            team_slug,
            id=options["id"] or uuid4(),
            cohort=cohort,
            cohort_version=int(version) if version else None,
            recipe=options["recipe"],
            model=options["model"],
            settings=_settings(options["set"]) | CONTROLS.get(options["control"], {}),
            by_torchrun=options["prepare_only"],
        )


def _hand_out(training: TrainingRun) -> Path:
    """Return the spec, written if it is not there yet; CommandError where the data cannot be prepared."""
    from medportal.training.run_by_torchrun import hand_out

    folder = TrainingFolder(training.pk)
    if folder.handed_out() is None:
        hand_out(training.pk)
    own = folder.handed_out()
    if own is None:
        job = Job.objects.get(pk=training.pk)
        raise CommandError(f"The training {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
    return own / SPEC


def _adopt(user: User, team_slug: str, job_id: UUID) -> TrainingRun:
    """Take a finished training in; CommandError unless that goes well."""
    from medportal.training.run_by_torchrun import adopt

    with command_line.plain_errors():
        training = access.get_training(user, team_slug, job_id)
        adopt(training, user)
    return _ended_well(wait_for(training.job, Teller()))


def _settings(words: list[str]) -> dict[str, Any]:
    for word in words:
        if "=" not in word:
            raise CommandError(f"--set {word!r} is not KEY=VALUE.")
    return dict(word.split("=", 1) for word in words)


def _see_through(job: Job) -> TrainingRun:
    """Wait for the end and tell how it goes; CommandError unless it goes well."""
    # Imported for this alone: it brings the numeric packages along.
    from medportal.training.run_training import run_training

    job = see_through(job, partial(run_training, job.pk, worker="manage.py train"), Teller())
    return _ended_well(job)


def _ended_well(job: Job) -> TrainingRun:
    if job.state != State.SUCCEEDED:
        raise CommandError(f"The training {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
    return TrainingRun.objects.get(pk=job.pk)
