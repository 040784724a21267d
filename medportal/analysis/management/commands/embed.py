"""`manage.py embed`: say where series lie among others, so that similar cases are found."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role
from medportal.analysis import similar
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import see_through


class Command(BaseCommand):
    """Has series embedded and waits for the end."""

    help = "Compute the embeddings of a cohort's series, or of all of the team's; what has one is left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument(
            "--model", default="", metavar="MODEL[@VERSION]", help="default: those in production that fit"
        )
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--cohort", default="", metavar="COHORT")
        which.add_argument("--all", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        model, _, number = options["model"].partition("@")
        if number and not number.isdecimal():
            raise CommandError(f"{options['model']!r} is not MODEL or MODEL@NUMBER.")
        with command_line.plain_errors():
            job = similar.start_embedding(
                user,
                team.slug,
                id=uuid4(),
                model=model,
                version=int(number) if number else None,
                cohort=options["cohort"],
            )
        result = _see_through(job)
        for one in result["reasons"]:
            print(f"{one['series_instance_uid']}: {one['detail']}", file=sys.stderr)
        if options["json"]:
            print(json.dumps({"job": str(job.pk), **result}))
        else:
            words = "{embedded} of {series} series placed, {failed} cannot be read, {passed_over} are not for the model"
            print(words.format(**result))


def _see_through(job: Job) -> dict[str, Any]:
    """Return the result; CommandError unless it goes well."""
    # Imported for this alone: it loads ONNX Runtime.
    from medportal.analysis.run_embedding import run_embedding

    work = partial(run_embedding, job.pk, worker="manage.py embed")
    job = see_through(job, work, lambda _type, _told: None)
    if job.state != State.SUCCEEDED or job.result is None:
        raise CommandError(f"It {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
    return dict(job.result)
