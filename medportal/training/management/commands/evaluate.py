"""`manage.py evaluate`: how good a model is on a split of a cohort, from the command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role
from medportal.cohorts import access as cohort_access
from medportal.cohorts.models import CohortVersion, Split
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import see_through
from medportal.training.evaluations import services
from medportal.training.evaluations.controls import with_controls
from medportal.training.models import Evaluation

FORMATS = (".html", ".pdf", ".json")


class Command(BaseCommand):
    """Evaluates a model's version, and waits for it."""

    help = "Evaluate a version of a model on a split of a cohort; every figure has a bootstrap interval by group."

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument("--model", required=True, metavar="MODEL[@VERSION]")
        parser.add_argument(
            "--version",
            # In the place of Django's own, which nobody asks of this command.
            dest="model_version",
            metavar="VERSION",
            help="default: the one in production, or the newest where none is",
        )
        parser.add_argument("--cohort", required=True, metavar="COHORT[@VERSION]")
        parser.add_argument("--split", choices=Split.values, help="default: test, or validation where there is no test")
        parser.add_argument(
            "--worth",
            action="store_true",
            help="of a generator: let classifiers learn from real images, generated ones and both, which takes minutes",
        )
        parser.add_argument("--report", type=Path, help="also write the report there: .html, .pdf or .json")
        parser.add_argument("--id", type=UUID, help="id of the job: the same again is the same evaluation")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        report: Path | None = options["report"]
        if report is not None and report.suffix not in FORMATS:
            raise CommandError(f"--report {report.name!r} must end in {', '.join(FORMATS)}.")
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        model, _, version = options["model"].partition("@")
        cohort, _, cohort_version = options["cohort"].partition("@")
        with command_line.plain_errors():
            chosen = cohort_access.get_version(user, team.slug, cohort, _number(cohort_version))
            evaluation = services.start_evaluation(
                user,
                team.slug,
                id=options["id"] or uuid4(),
                model=model,
                version=_number(options["model_version"] or version),
                cohort=cohort,
                cohort_version=chosen.number,
                split=options["split"] or _usual_split(chosen),
                worth=options["worth"],
            )
            assert evaluation.job is not None
            evaluation = _see_through(evaluation.job)
            document = with_controls(evaluation)
            if report is not None:
                _write(report, document)
        _warn(document["failed"])
        _warn_of_seen(document)
        if options["json"]:
            print(json.dumps(summary_of(evaluation)))
        else:
            _tell(document)


def summary_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return what scripts rely on: the figures, and where there are several classes those of each beside."""
    document = evaluation.document
    names = ("model", "version", "cohort", "split", "n", "groups", "metrics")
    beside = {"per_class": document["per_class"]} if len(document["per_class"]) > 2 else {}
    beside |= {"worth": document["worth"]} if "worth" in document else {}
    return {name: document[name] for name in names} | beside


def _usual_split(version: CohortVersion) -> str:
    """Return the test split; validation, and say so, where that is the only other one."""
    there = set(version.members.values_list("split", flat=True))
    if Split.TEST in there or Split.VALIDATION not in there:
        return Split.TEST
    sys.stderr.write(f"{version} has no test split: this is of validation, by which thresholds may have been chosen.\n")
    return Split.VALIDATION


def _number(word: str | None) -> int | None:
    if word and not (word.isascii() and word.isdecimal()):
        raise CommandError(f"{word!r} is not the number of a version.")
    return int(word) if word else None


def _see_through(job: Job) -> Evaluation:
    """Wait for the end and tell how it goes; CommandError unless it goes well."""
    job = see_through(job, partial(_work, job), _Teller())
    if job.state != State.SUCCEEDED:
        raise CommandError(f"The evaluation {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")
    return Evaluation.objects.select_related("cohort_version__cohort").get(job=job)


def _work(job: Job) -> None:
    # Imported for this alone: they bring the numeric packages along.
    from medportal.training.evaluations.run_evaluation import run_evaluation
    from medportal.training.evaluations.run_worth import run_worth

    run = run_worth if job.params.get("worth") else run_evaluation
    run(job.pk, worker="manage.py evaluate")


class _Teller:
    """Tells the stages, and each tenth of the way, on standard error."""

    def __init__(self) -> None:
        self._told = ("", 0)

    def __call__(self, type_: str, told: dict[str, Any]) -> None:
        now = (told.get("stage", ""), int(10 * told.get("progress", 0)))
        if type_ == "job.changed" and told["stage"] and now != self._told:
            self._told = now
            sys.stderr.write(f"{told['stage']} {told['progress']:.0%}\n")


def _warn(failed: list[dict[str, str]]) -> None:
    """Say that some series are in no figure: a script that reads only the figures would not know."""
    if failed:
        first = failed[0]
        words = f"{len(failed)} series are in no figure. The first, {first['series_uid']}: {first['detail']}"
        sys.stderr.write(f"{words}\n")


def _warn_of_seen(document: dict[str, Any]) -> None:
    """Say that the figures are of what the model has learnt from."""
    seen = document.get("seen_in_training", {})
    if seen.get("groups"):
        words = f"{seen['series']} series and {seen['groups']} groups of these were in the model's training"
        sys.stderr.write(f"warning: {words}: the figures say nothing of other images.\n")


def _tell(document: dict[str, Any]) -> None:
    print(f"{document['n']} series of {document['groups']} groups, {len(document['failed'])} not evaluated")
    for name, figure in document["metrics"].items():
        print(f"{name:20} {_number_text(figure['value'])}{_interval(figure)}{_beside(document['controls'], name)}")

    for way, told in sorted(document.get("worth", {}).items(), reverse=True):
        print(f"a classifier that learnt from {told['training_images']} images ({way})")
        for name, figure in told["metrics"].items():
            print(f"  {name:18} {_number_text(figure['value'])}{_interval(figure)}")


def _interval(figure: dict[str, Any]) -> str:
    return f"  [{figure['low']:.3f}, {figure['high']:.3f}]" if figure["low"] is not None else ""


def _beside(controls: dict[str, Any], name: str) -> str:
    told = (
        f"{control} {_number_text(figures[name]['value'])}" for control, figures in controls.items() if name in figures
    )
    return "".join(f"  {one}" for one in told)


def _number_text(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _write(path: Path, document: dict[str, Any]) -> None:
    from medportal.learning.report import html_report, pdf_report

    match path.suffix:
        case ".html":
            path.write_text(html_report(document), encoding="utf-8")
        case ".pdf":
            path.write_bytes(pdf_report(document))
        case _:
            path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
