"""`manage.py import PATH…`: bring DICOM files and folders in."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts.models import Team
from medportal.archive import storage
from medportal.archive.services import store_instance
from medportal.errors import MedportalError


class Command(BaseCommand):
    """Imports files through the same door as everything else."""

    help = "Import DICOM files and folders into a team; each refused file is named with the reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--team", default="", help="slug of the team (default: the only one, or `demo`)")
        parser.add_argument("--json", action="store_true", help="end with one JSON line on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        team = _team(options["team"])
        counts: Counter[str] = Counter()
        rejected: list[dict[str, str]] = []
        for path in _files(options["paths"]):
            try:
                result = store_instance(team=team, path=storage.copy_in(path), actor=None, door="import")
                counts[result.status] += 1
            except MedportalError as error:
                counts["rejected"] += 1
                rejected.append({"path": str(path), "code": error.code, "detail": error.detail})
                print(f"{path}: {error.detail}", file=sys.stderr)
        report = {"team": team.slug, **{k: counts[k] for k in ("stored", "duplicate", "rejected")}}
        if options["json"]:
            print(json.dumps({**report, "files": rejected}))
        else:
            print(", ".join(f"{n} {word}" for word, n in report.items() if word != "team"))
        if not counts["stored"] and not counts["duplicate"]:
            raise CommandError("Nothing was imported.")


def _team(slug: str) -> Team:
    teams = list(Team.objects.filter(slug=slug) if slug else Team.objects.all()[:2])
    if len(teams) > 1:
        teams = list(Team.objects.filter(slug="demo"))
    if not teams:
        raise CommandError(f"There is no team {slug!r}." if slug else "Name a team with --team.")
    return teams[0]


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(child for child in path.rglob("*") if child.is_file() and not child.is_symlink())
        elif path.is_file():
            yield path
        else:
            raise CommandError(f"There is nothing at {path}.")
