"""`manage.py predict`: run a model from the command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role, Team, User
from medportal.analysis import services
from medportal.analysis.models import Analysis
from medportal.annotations.serializers import AnnotationSetSerializer
from medportal.archive import storage
from medportal.archive.services import store_instance
from medportal.errors import MedportalError
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import see_through


class Command(BaseCommand):
    """Runs a model on a series and waits for the result."""

    help = "Run a model on a series of the archive, or on DICOM files, which are imported first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument(
            "--model",
            required=True,
            metavar="MODEL[@VERSION]",
            help="by default the one in production, or the newest where none is",
        )
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--series", metavar="UID")
        what.add_argument("--path", type=Path, help="a DICOM file, or a folder that holds one series")

    def handle(self, *args: Any, **options: Any) -> None:
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.READER)
        model, _, version = options["model"].partition("@")
        if version and not version.isdecimal():
            raise CommandError(f"{options['model']!r} is not MODEL or MODEL@NUMBER.")
        with command_line.plain_errors():
            analysis = services.start_analysis(
                user,
                team.slug,
                id=uuid4(),
                series_instance_uid=options["series"] or _imported(options["path"], team, user),
                model=model,
                version=int(version) if version else None,
            )
        _see_through(analysis.job)
        analysis = Analysis.objects.select_related("annotation_set", "model_version").get(pk=analysis.pk)
        assert analysis.annotation_set is not None
        result = AnnotationSetSerializer(analysis.annotation_set).data
        if options["json"]:
            words = {"job": str(analysis.pk), "model": model, "version": analysis.model_version.number}
            print(json.dumps({**words, "provider": result["provider"], "result": result}))
        else:
            verdict = result["verdict"]
            print(f"{verdict['value']} ({verdict['probability']:.3f}, threshold {verdict['threshold']:.3f})")
            print("Not for diagnosis.")


def _imported(path: Path, team: Team, user: User) -> str:
    """Import the files at a path and return the UID of the one series that they are of."""
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()) if path.is_dir() else [path]
    found: set[str] = set()
    for file in files:
        if not file.is_file():
            raise CommandError(f"There is nothing at {path}.")
        try:
            stored = store_instance(team=team, path=storage.copy_in(file), actor=user, door="import")
        except MedportalError as error:
            print(f"{file}: {error.detail}", file=sys.stderr)
            continue
        found.add(stored.series.series_instance_uid)
    if len(found) != 1:
        names = ", ".join(sorted(found)) or "none"
        raise CommandError(f"The path must hold one series; it holds {len(found)} ({names}). Name one with --series.")
    return found.pop()


def _see_through(job: Job) -> None:
    """Wait for the end; CommandError unless it goes well."""
    # Imported for this alone: it loads ONNX Runtime.
    from medportal.analysis.run_analysis import run_analysis

    work = partial(run_analysis, job.pk, worker="manage.py predict")
    job = see_through(job, work, lambda _type, _told: None)
    if job.state != State.SUCCEEDED:
        raise CommandError(f"The analysis {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
