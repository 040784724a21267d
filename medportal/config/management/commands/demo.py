"""`manage.py demo`: fill a team with data that may be shown, and train its model."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role
from medportal.config.demo import make_demo
from medportal.jobs.models import State
from medportal.jobs.waiting import see_through
from medportal.training.models import TrainingRun
from medportal.training.telling import Teller

# Of each class one patient for training, validation and test.
FEWEST = 6


class Command(BaseCommand):
    """Makes the demo."""

    help = "Import phantoms and a few real images, freeze a cohort, install the shipped model, and train the next one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument(
            "--patients", type=int, default=60, help=f"phantom patients, at least {FEWEST} (default: 60)"
        )
        parser.add_argument("--wait", action="store_true", help="wait until the trained model is in the zoo")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["patients"] < FEWEST:
            raise CommandError(f"The demo needs at least {FEWEST} patients: fewer cannot be split.")
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.MANAGER)
        with command_line.plain_errors():
            training = make_demo(team, user, patients=options["patients"], say=_say)
        _say(f"training {training.pk} {training.job.get_state_display().lower()}")
        if options["wait"]:
            training = _see_through(training)
        if options["json"]:
            report = {"model": training.model_name, "version": training.version, "run": str(training.pk)}
            print(json.dumps({**report, "metrics": training.metrics}))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _see_through(training: TrainingRun) -> TrainingRun:
    # Imported for this alone: it brings the numeric packages along.
    from medportal.training.run_training import run_training

    job = see_through(training.job, partial(run_training, training.pk, worker="manage.py demo"), Teller())
    if job.state != State.SUCCEEDED:
        raise CommandError(f"The training {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
    return TrainingRun.objects.get(pk=job.pk)
