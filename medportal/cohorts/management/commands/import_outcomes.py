"""`manage.py import_outcomes CSV --scheme S --horizon-days D`: what became of patients, as labels of their studies."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from medportal.accounts import command_line
from medportal.accounts.models import Role


class Command(BaseCommand):
    """Imports outcomes."""

    help = (
        "Label the studies of a table's patients with whether the event came within "
        "the horizon. Patients lost sight of before it are left out and counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="CSV")
        parser.add_argument("--scheme", required=True, help="label scheme to write, for example death-1y")
        parser.add_argument("--horizon-days", required=True, type=float, metavar="D")
        parser.add_argument(
            "--patient-column", default="patient", help="of the PatientIDs (default: patient, or what others call it)"
        )
        parser.add_argument("--time-column", default="time_days", help="days until the event, or until the last sight")
        parser.add_argument("--event-column", default="event", help="1: the event came then; 0: last seen without it")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: it brings the numeric packages along.
        from medportal.cohorts.datasets.files import read_bytes
        from medportal.cohorts.datasets.tables import TABLE_BYTES
        from medportal.cohorts.outcomes import Columns, import_outcomes

        team = command_line.chosen_team(options)
        user = command_line.chosen_member(options, team, Role.RESEARCHER)
        with command_line.plain_errors():
            report = import_outcomes(
                team,
                user,
                name=options["path"].name,
                table=read_bytes(options["path"], TABLE_BYTES),
                scheme=options["scheme"],
                horizon_days=options["horizon_days"],
                columns=Columns(options["patient_column"], options["time_column"], options["event_column"]),
            )
        for refused in report["refused"]:
            print(f"refused   {refused['item']}: {refused['reason']}", file=sys.stderr)
        usual, found = Columns(), report["columns"]
        if found != asdict(usual):
            told = ", ".join(f"“{column}” as {what}" for what, column in found.items())
            print(f"columns   {told}: the times are taken for days", file=sys.stderr)
        if options["json"]:
            print(json.dumps(report))
        else:
            counted = f"{report['yes']} with the event, {report['no']} without, {report['censored']} censored before"
            print(f"{report['scheme']}: {report['patients']} patients at {report['horizon_days']:g} days: {counted}")
