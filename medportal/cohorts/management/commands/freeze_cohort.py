"""`manage.py freeze_cohort --name C --scheme S`: freeze studies of the worklist, with what is known of them, as a cohort."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medportal.accounts import command_line
from medportal.accounts.models import Role
from medportal.cohorts.models import CohortVersion, Kind

# Of `archive.access.Filter`.
_FIELDS = ("search", "modality", "ai_status", "date_from", "date_to")


class Command(BaseCommand):
    """Freezes a cohort."""

    help = (
        "Freeze the series of the worklist, or of a part of it, as a cohort's next version, with their labels of a scheme, "
        "their newest masks or boxes. The same again is the version that there is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument("--name", required=True, help="the cohort whose next version this makes")
        parser.add_argument("--kind", default=Kind.CLASSES, choices=Kind.values, help="what is to be learnt")
        parser.add_argument("--scheme", default="", help="label scheme, for classes and multi_label")
        parser.add_argument("--classes", default="", metavar="A,B", help="in this order (default: those that occur)")
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help=f"take these studies alone, as the worklist finds them: {', '.join(_FIELDS)}",
        )
        parser.add_argument(
            "--split", default="", metavar="RULE", help="train=.6,validation=.15,test=.25 (the default) | all:test"
        )
        parser.add_argument("--seed", type=int, default=0, help="of the splits")
        parser.add_argument("--model-marks", action="store_true", help="take what models have marked for true, too")
        parser.add_argument("--title", default="")
        parser.add_argument("--description", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: it brings the numeric packages along.
        from medportal.cohorts.services import check_name, choose_version

        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        if options["kind"] in (Kind.CLASSES, Kind.MULTI_LABEL) and not options["scheme"]:
            raise CommandError(f"Of the kind {options['kind']} name the label scheme with --scheme.")
        with command_line.plain_errors():
            version, is_new = choose_version(
                user,
                team.slug,
                name=check_name(options["name"]),
                kind=options["kind"],
                scheme=options["scheme"],
                classes=[word.strip() for word in options["classes"].split(",") if word.strip()],
                search=_search(options["where"]),
                split=_parts(options["split"]),
                seed=options["seed"],
                title=options["title"],
                description=options["description"],
                include_model_marks=options["model_marks"],
            )
        for one in version.check_report.get("findings", []):
            print(f"{one['severity']}: {one['detail']}", file=sys.stderr)
        print(
            json.dumps({**version.summary(), "is_new": is_new}) if options["json"] else _words(version, is_new=is_new)
        )


def _search(conditions: list[str]) -> dict[str, str]:
    pairs = [condition.partition("=")[::2] for condition in conditions]
    for field, _ in pairs:
        if field not in _FIELDS:
            raise CommandError(f"“{field}” is no field of the worklist: they are {', '.join(_FIELDS)}.")
    return dict(pairs)


def _parts(text: str) -> dict[str, float] | None:
    from medportal.cohorts.datasets.requests import split_rule

    rule = split_rule(text)
    if rule.column:
        raise CommandError("The worklist has no columns: say train=.6,validation=.15,test=.25 or all:test.")
    return {rule.all_in: 1.0} if rule.all_in else rule.parts


def _words(version: CohortVersion, *, is_new: bool) -> str:
    report = version.summary()
    lines = [f"{report['cohort']}@{report['version']}{'' if is_new else ' (was there already)'}: {report['kind']}"]
    for split, number in report["splits"].items():
        counts = ", ".join(f"{name} {count}" for name, count in report["counts"][split].items())
        lines.append(f"  {split}: {number}" + (f" ({counts})" if counts else ""))
    return "\n".join(lines)
