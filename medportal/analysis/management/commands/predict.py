"""`manage.py predict`: run a model from the command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role, Team, User
from medportal.analysis import services
from medportal.analysis.models import Analysis
from medportal.analysis.told import lines_of, result_of, write_images, write_mask
from medportal.jobs.models import Job, State
from medportal.jobs.waiting import see_through
from medportal.zoo import access as zoo_access
from medportal.zoo.models import ModelVersion


class Command(BaseCommand):
    """Runs a model on a series and waits for the result."""

    help = (
        "Run a model on a series of the archive, or on a DICOM file or folder, a picture or a volume, which is imported "
        "first; or have a model make images."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument(
            "--model",
            required=True,
            metavar="MODEL[@VERSION]",
            help="by default the one in production, or the newest where none is",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--series", metavar="UID")
        what.add_argument(
            "--path",
            type=Path,
            help="a DICOM file, a folder that holds one series, a PNG, JPEG, BMP, TIFF or GIF picture, a NIfTI or NRRD volume",
        )
        parser.add_argument("--precision", choices=["fp16", "int8"], help="run one of the version's variants")
        parser.add_argument("--mask", type=_file(".npz"), metavar="OUT.npz", help="write the mask of a segmentation")
        made = parser.add_argument_group("models that generate")
        made.add_argument("--count", type=int, help="number of images")
        made.add_argument("--class", dest="label", help="their class (default: all in turn)")
        made.add_argument("--seed", type=int, help="the same seed gives the same images")
        made.add_argument("--out", type=Path, metavar="FOLDER", help="write the images as PNG files")

    def handle(self, *args: Any, **options: Any) -> None:
        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.READER)
        with command_line.plain_errors():
            version = _version(team, user, options["model"])
            _require_sense(version, options)
            analysis = services.start_analysis(user, team.slug, **_wish(version, team, user, options))
        _see_through(analysis.job)
        rows = Analysis.objects.select_related("job", "series", "annotation_set__label_map", "model_version__model")
        analysis = rows.get(pk=analysis.pk)
        with command_line.plain_errors():
            files = _write(analysis, options)
        result = result_of(analysis)
        if options["json"]:
            words = {"job": str(analysis.pk), "model": version.model.name, "version": version.number}
            print(json.dumps({**words, "provider": result["provider"], "result": result, **files}))
            return
        for line in lines_of(analysis, result):
            print(line)
        print("Not for diagnosis.")


def _file(suffix: str) -> Any:
    """Return what reads an argument as a file of a suffix, in a folder that is there."""

    def path(text: str) -> Path:
        if not text.endswith(suffix) or not Path(text).resolve().parent.is_dir():
            raise ArgumentTypeError(f"{text!r} is no file that ends in {suffix}, in a folder that is there")
        return Path(text)

    return path


def _version(team: Team, user: User, words: str) -> ModelVersion:
    name, _, number = words.partition("@")
    if number and not number.isdecimal():
        raise CommandError(f"{words!r} is not MODEL or MODEL@NUMBER.")
    return zoo_access.get_version(user, team.slug, name, int(number) if number else None)


def _require_sense(version: ModelVersion, options: dict[str, Any]) -> None:
    """Refuse options that the model's task has no use for, before anything is done."""
    task = version.model.task
    if task == "generation":
        unused = [name for name in ("series", "path", "mask") if options[name]]
    else:
        unused = [name for name in ("count", "label", "seed", "out") if options[name] is not None]
        unused += ["mask"] if options["mask"] and task != "segmentation" else []
        if not (options["series"] or options["path"]):
            raise CommandError("Name a series with --series, or files with --path.")
    if unused:
        raise CommandError(f"{version} is for {task}: it has no use for --{unused[0].replace('label', 'class')}.")


def _wish(version: ModelVersion, team: Team, user: User, options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `services.start_analysis`; files are imported first."""
    wish = {
        "id": uuid4(),
        "model": version.model.name,
        "version": version.number,
        "precision": options["precision"] or "",
    }
    if version.model.task == "generation":
        named = {"count": options["count"], "seed": options["seed"], "class": options["label"]}
        return {**wish, "parameters": {name: value for name, value in named.items() if value is not None}}
    return {**wish, "series_instance_uid": options["series"] or _imported(version, team, user, options["path"])}


def _imported(version: ModelVersion, team: Team, user: User, path: Path) -> str:
    # Imported for this alone: it loads what reads pictures and volumes.
    from medportal.analysis.given_files import import_series

    refused: list[str] = []
    modalities = version.manifest["input"]["modalities"]
    try:
        return import_series(path, team=team, actor=user, modalities=modalities, refused=refused)
    finally:
        for line in refused:
            print(line, file=sys.stderr)


def _see_through(job: Job) -> None:
    """Wait for the end; CommandError unless it goes well."""
    # Imported for this alone: it loads ONNX Runtime.
    from medportal.analysis.run_analysis import run_analysis

    work = partial(run_analysis, job.pk, worker="manage.py predict")
    job = see_through(job, work, lambda _type, _told: None)
    if job.state != State.SUCCEEDED:
        raise CommandError(f"The analysis {job.get_state_display().lower()}: {job.error_detail or 'no reason given'}")


def _write(analysis: Analysis, options: dict[str, Any]) -> dict[str, Any]:
    """Write what is wanted as files; return what of it is told in JSON."""
    try:
        if options["mask"]:
            return {"mask": str(write_mask(analysis, options["mask"]))}
        if options["out"]:
            return {"files": [str(path) for path in write_images(analysis, options["out"])]}
    except OSError as error:
        raise CommandError(f"The result cannot be written: {error.strerror or error}.") from error
    return {}
