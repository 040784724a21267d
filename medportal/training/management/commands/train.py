"""`manage.py train`: start a training from the command line, and see it through."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import see_through
from medportal.training import services
from medportal.training.models import TrainingRun
from medportal.training.telling import tell_progress

CONTROLS = {name: {"control": name} for name in ("shuffled-labels", "image-border")}


class Command(BaseCommand):
    """Starts a training run."""

    help = "Train a model on a cohort with a recipe; with --wait, until it is in the zoo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument("--cohort", required=True, metavar="COHORT[@VERSION]")
        parser.add_argument("--recipe", default="classification")
        parser.add_argument("--model", required=True, help="name of the model whose next version this makes")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the recipe")
        parser.add_argument(
            "--control",
            choices=CONTROLS,
            help="train a control instead, whose figures are told and whose package is not kept",
        )
        parser.add_argument("--id", type=UUID, help="id of the job: the same again is the same training")
        parser.add_argument("--wait", action="store_true", help="wait for the end; the exit code tells how it went")

    def handle(self, *args: Any, **options: Any) -> None:
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        cohort, _, version = options["cohort"].partition("@")
        if version and not version.isdecimal():
            raise CommandError(f"{options['cohort']!r} is not COHORT or COHORT@NUMBER.")
        with command_line.plain_errors():
            training = services.start_training(
                user,
                team.slug,
                id=options["id"] or uuid4(),
                cohort=cohort,
                cohort_version=int(version) if version else None,
                recipe=options["recipe"],
                model=options["model"],
                settings=_settings(options["set"]) | CONTROLS.get(options["control"], {}),
            )
        if options["wait"]:
            training = _see_through(training.job)
        if options["json"]:
            report = {"model": training.model_name, "version": training.version, "metrics": training.metrics}
            print(json.dumps({"run": str(training.pk), **report}))
        elif not options["wait"]:
            print(training.pk)


def _settings(words: list[str]) -> dict[str, Any]:
    for word in words:
        if "=" not in word:
            raise CommandError(f"--set {word!r} is not KEY=VALUE.")
    return dict(word.split("=", 1) for word in words)


def _see_through(job: Job) -> TrainingRun:
    """Wait for the end and tell how it goes; CommandError unless it goes well."""
    # Imported for this alone: it brings the numeric packages along.
    from medportal.training.run_training import run_training

    job = see_through(job, partial(run_training, job.pk, worker="manage.py train"), tell_progress)
    if job.state != State.SUCCEEDED:
        raise CommandError(f"The training {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
    return TrainingRun.objects.get(pk=job.pk)
