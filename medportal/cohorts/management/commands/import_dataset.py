"""`manage.py import_dataset PATH --format F --cohort C`: bring a data set in, and freeze it as a cohort."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from medportal.accounts import command_line
from medportal.accounts.models import Role

FORMATS = ("imagefolder", "csv", "masks", "voc", "coco", "npz", "nifti", "dicom")
_LINE_EVERY_S = 2.0


class Command(BaseCommand):
    """Imports a data set."""

    help = (
        "Import a data set and freeze it as a cohort's version. Each refused image is named with the reason on standard "
        "error, and the others go on. Importing the same again adds nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="PATH", help="a folder, a CSV, a JSON or an NPZ")
        parser.add_argument("--format", required=True, choices=FORMATS)
        parser.add_argument("--cohort", required=True, help="name of the cohort whose next version this makes")
        parser.add_argument(
            "--split",
            default="",
            metavar="RULE",
            help="train=.7,validation=.15,test=.15 | column:NAME | all:test "
            "(default: the data set's own, else these parts, by group)",
        )
        parser.add_argument("--seed", type=int, default=0, help="of the splits that are made")
        parser.add_argument(
            "--group-column", default="", help="column that says whose an image is (default: group, or patient)"
        )
        parser.add_argument("--path-column", default="path", help="default: path, or what others call it")
        parser.add_argument("--label-column", default="label", help="default: label, or what others call it")
        parser.add_argument(
            "--label-columns",
            default="",
            metavar="A,B",
            help="columns of 1 or 0 (−1: uncertain, absent): several labels at once",
        )
        parser.add_argument(
            "--where", action="append", default=[], metavar="COLUMN=VALUE", help="take these rows alone"
        )
        parser.add_argument("--root", type=Path, help="what paths are relative to (default: the table's folder)")
        parser.add_argument("--table", type=Path, help="a CSV beside a folder: path, group, split")
        parser.add_argument("--classes", default="", metavar="A,B", help="in this order, the negative one first")
        parser.add_argument("--instances", action="store_true", help="each number of a mask is one object")
        parser.add_argument(
            "--multi-label",
            action="store_true",
            help="columns of an NPZ's labels are several labels, even one-hot ones",
        )
        parser.add_argument("--images-only", action="store_true", help="leave labels, masks and boxes out")
        parser.add_argument(
            "--modality", default="", help="DICOM modality to write (default: OT; CT or MR for volumes)"
        )
        parser.add_argument("--synthetic", action="store_true", help="mark the images as made, not measured")
        parser.add_argument("--scheme", default="", help="label scheme (default: the cohort's name)")
        parser.add_argument(
            "--issuer", default="", help="data set within which groups are named (default: the cohort's name)"
        )
        parser.add_argument("--title", default="")
        parser.add_argument("--description", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: it brings the numeric packages along.
        from medportal.cohorts.datasets.requests import request_of
        from medportal.cohorts.run_dataset import import_dataset
        from medportal.cohorts.services import check_name

        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        with command_line.plain_errors():
            check_name(options["cohort"])
            report = import_dataset(team, user, request_of(options, options["path"]), _Teller())
        for refused in report["refused"]:
            print(f"refused   {refused['item']}: {refused['reason']}", file=sys.stderr)
        for line in (*report["notes"], *(f"{one['severity']}: {one['detail']}" for one in report["findings"])):
            print(line, file=sys.stderr)
        print(json.dumps(report) if options["json"] else _words(report))


class _Teller:
    """Says every few seconds how far the import is."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def __call__(self, done: int, total: int, stage: str) -> None:
        if time.monotonic() - self._at >= _LINE_EVERY_S:
            self._at = time.monotonic()
            print(f"{stage}: {done} of {total}" if total else stage, file=sys.stderr)


def _words(report: dict[str, Any]) -> str:
    """Return the report in a few lines for people."""
    version = f"{report['cohort']}@{report['version']}{'' if report['is_new'] else ' (was there already)'}"
    images = f"{report['images']} images of {report['groups']} groups, {len(report['refused'])} refused"
    lines = [f"{version}: {report['kind']}, {images}"]
    for split, number in report["splits"].items():
        counts = ", ".join(f"{name} {count}" for name, count in report["counts"][split].items())
        lines.append(f"  {split}: {number}" + (f" ({counts})" if counts else ""))
    return "\n".join(lines)
