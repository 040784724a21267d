"""`manage.py audit verify`: is the trail whole?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from medportal.audit.services import verify


class Command(BaseCommand):
    """Checks the hash chain of the audit trail."""

    help = "Check the audit trail: `audit verify` names the first number that does not hold, and exits with 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["verify"])
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify()
        if options["json"]:
            print(json.dumps(asdict(verdict)))
        else:
            print(f"{verdict.sealed} events sealed, {verdict.unsealed} not yet; {'whole' if verdict.ok else 'BROKEN'}")
        if not verdict.ok:
            raise CommandError(f"The chain does not hold from number {verdict.first_bad_seq} on.")
