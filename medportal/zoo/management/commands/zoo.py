"""`manage.py zoo …`: the models of a team, from the command line."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role, Team, User
from medportal.errors import MedportalError
from medportal.zoo import access, packages, services
from medportal.zoo.models import ModelVersion

ACTIONS = {
    "list": "list the models' versions",
    "show": "show one version: manifest and card",
    "verify": "check packages: digests, manifest, golden input and output, variants",
    "promote": "put a version into production",
    "rollback": "put the version into production that was there before",
    "archive": "take a version out of use",
    "export": "write a version's package as a zip",
    "import": "not in this release",
}


class Command(BaseCommand):
    """Shows and changes the team's models."""

    help = "List, show, verify, promote, roll back, archive and export the models of a team."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, what in ACTIONS.items():
            action = actions.add_parser(name, help=what, description=what)
            command_line.add_arguments(action)
            if name == "import":
                action.add_argument("path", type=Path)
            elif name != "list":
                optional = name == "verify"
                action.add_argument("model", nargs="?" if optional else None, metavar="MODEL[@VERSION]", default="")
            if name == "export":
                action.add_argument("--to", type=Path, default=Path(), help="folder (default: here)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "import":
            raise CommandError("Packages from elsewhere are not taken in this release: only those trained here.")
        team = command_line.chosen_team(options)
        role = Role.MANAGER if options["action"] in {"promote", "rollback", "archive"} else Role.VIEWER
        user = command_line.chosen_member(options, team, role)
        with command_line.plain_errors():
            report = getattr(self, f"_{options['action']}")(team, user, options)
        if options["json"]:
            print(json.dumps(report))

    def _list(self, team: Team, user: User, options: dict[str, Any]) -> list[dict[str, Any]]:
        versions = [v for model in access.visible_models(user, team.slug) for v in model.versions.all()]
        if not options["json"]:
            for v in versions:
                print(f"{v!s:40} {v.stage:11} {v.origin:8} {v.sha256[:12]}  {_figures(v.metrics)}")
        return [_row(version) for version in versions]

    def _show(self, team: Team, user: User, options: dict[str, Any]) -> dict[str, Any]:
        version = _version(team, user, options["model"])
        card = packages.read_card(version)
        if not options["json"]:
            print(json.dumps(version.manifest, indent=2))
            print(card)
        return {**_row(version), "manifest": version.manifest, "card": card}

    def _verify(self, team: Team, user: User, options: dict[str, Any]) -> list[dict[str, Any]]:
        versions = [v for model in access.visible_models(user, team.slug) for v in model.versions.all()]
        if options["model"]:
            versions = [_version(team, user, options["model"])]
        report = [_verified(version) for version in versions]
        if not options["json"]:
            for row in report:
                print(f"{row['model']}@{row['version']}: {'whole' if row['ok'] else row['reason']}")
        if bad := [row for row in report if not row["ok"]]:
            if options["json"]:
                print(json.dumps(report))
            raise CommandError(f"{len(bad)} of {len(report)} packages do not hold.")
        return report

    def _promote(self, team: Team, user: User, options: dict[str, Any]) -> dict[str, Any]:
        return _told(services.promote(_named_version(team, user, options["model"]), actor=user), options)

    def _archive(self, team: Team, user: User, options: dict[str, Any]) -> dict[str, Any]:
        return _told(services.archive_version(_named_version(team, user, options["model"]), actor=user), options)

    def _rollback(self, team: Team, user: User, options: dict[str, Any]) -> dict[str, Any]:
        model = access.get_model(user, team.slug, options["model"], Role.MANAGER)
        return _told(services.roll_back(model, actor=user), options)

    def _export(self, team: Team, user: User, options: dict[str, Any]) -> dict[str, Any]:
        version = _version(team, user, options["model"])
        target = options["to"] / f"{version.model.name}-{version.number}.zip"
        try:
            with services.export_package(version, actor=user) as archive, target.open("wb") as file:
                shutil.copyfileobj(archive, file)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror}.") from error
        if not options["json"]:
            print(target)
        return {**_row(version), "path": str(target)}


def _version(team: Team, user: User, words: str) -> ModelVersion:
    """Return the version that `MODEL@VERSION` names, or the one of `MODEL` in production."""
    name, _, number = words.partition("@")
    if number and not number.isdecimal():
        raise CommandError(f"{words!r} is not MODEL or MODEL@NUMBER.")
    return access.get_version(user, team.slug, name, int(number) if number else None)


def _named_version(team: Team, user: User, words: str) -> ModelVersion:
    if "@" not in words:
        raise CommandError("Name the version: MODEL@VERSION.")
    return _version(team, user, words)


def _verified(version: ModelVersion) -> dict[str, Any]:
    """Check a package as it lies on disk, and run its golden input through the network and its variants."""
    # Loads ONNX Runtime, which no other action needs.
    from medportal.inference.session import check_golden, check_variants

    row = {"team": version.model.team.slug, "model": version.model.name, "version": version.number}
    try:
        package = packages.open_version(version)
        told = {"difference": check_golden(package), "variants": check_variants(package)}
        return {**row, "ok": True, "reason": "", **told}
    except MedportalError as error:
        return {**row, "ok": False, "reason": error.detail, "difference": None, "variants": {}}


def _row(version: ModelVersion) -> dict[str, Any]:
    return {
        "team": version.model.team.slug,
        "model": version.model.name,
        "version": version.number,
        "stage": version.stage,
        "sha256": version.sha256,
        "metrics": version.metrics,
    }


def _told(version: ModelVersion, options: dict[str, Any]) -> dict[str, Any]:
    if not options["json"]:
        print(f"{version} is now {version.get_stage_display().lower()}.")
    return _row(version)


def _figures(metrics: dict[str, Any]) -> str:
    values = {name: one.get("value") if isinstance(one, dict) else one for name, one in metrics.items()}
    return " ".join(f"{name} {value:.3f}" for name, value in values.items() if isinstance(value, float))
