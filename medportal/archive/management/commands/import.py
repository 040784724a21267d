"""`manage.py import PATH…`: bring DICOM files and folders in."""  # noqa: N999 - the command is called so

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts.models import Team
from medportal.archive import storage
from medportal.archive.services import store_instance
from medportal.errors import MedportalError

# What lies in folders beside objects, and is no reason to fail.
NO_OBJECTS = ("not_dicom", "dicomdir")


@dataclass(frozen=True)
class Line:
    """What became of a file."""

    path: str
    status: str
    code: str = ""
    detail: str = ""


class Command(BaseCommand):
    """Imports files through the same door as everything else."""

    help = "Import DICOM files and folders into a team. Each refused file is named with the reason; exit code 1 then."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--team", default="", help="slug of the team (default: the only one, or `demo`)")
        parser.add_argument("--json", action="store_true", help="end with one JSON line on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, report, and fail where a file was refused or nothing was there."""
        team = _team(options["team"])
        lines = []
        for path, is_named in _files(options["paths"]):
            line = _import(team, path, is_named=is_named)
            lines.append(line)
            print(f"{line.status:9} {path} {line.detail}".rstrip(), file=sys.stderr)
        counts = {status: sum(line.status == status for line in lines) for status in STATUSES}
        if options["json"]:
            files = [asdict(line) for line in lines if line.status in ("ignored", "rejected")]
            print(json.dumps({"team": team.slug, **counts, "files": files}))
        else:
            print(", ".join(f"{count} {status}" for status, count in counts.items()))
        if counts["rejected"] or not (counts["stored"] or counts["duplicate"]):
            raise CommandError("Some files were rejected." if counts["rejected"] else "Nothing was imported.")


STATUSES = ("stored", "duplicate", "ignored", "rejected")


def _import(team: Team, path: Path, *, is_named: bool) -> Line:
    try:
        result = store_instance(team=team, path=storage.copy_in(path), actor=None, door="import")
    except MedportalError as error:
        is_ignored = error.code in NO_OBJECTS and not is_named
        return Line(str(path), "ignored" if is_ignored else "rejected", error.code, error.detail)
    return Line(str(path), result.status)


def _team(slug: str) -> Team:
    """Return the named team, the only one, or `demo`."""
    teams = list(Team.objects.filter(slug=slug) if slug else Team.objects.all()[:2])
    if len(teams) > 1:
        teams = list(Team.objects.filter(slug="demo"))
    if not teams:
        raise CommandError(f"There is no team {slug!r}." if slug else "Name a team with --team.")
    return teams[0]


def _files(paths: list[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield the files, and whether each was named itself."""
    for path in paths:
        if path.is_dir():
            files = sorted(child for child in path.rglob("*") if child.is_file() and not child.is_symlink())
            yield from ((file, False) for file in files)
        elif path.is_file():
            yield path, True
        else:
            raise CommandError(f"There is nothing at {path}.")
