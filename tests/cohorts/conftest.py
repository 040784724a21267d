"""A command line for importing data sets, as somebody who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.factories import make_member


@pytest.fixture
def import_set(team: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that imports a data set by the command and returns the report."""
    user = make_member(team, "researcher")

    def import_set(path: Path, format_: str, *arguments: str, cohort: str = "set") -> dict[str, Any]:
        words = [str(path), "--format", format_, "--cohort", cohort, "--team", team.slug, "--json", *arguments]
        call_command("import_dataset", *words, "--user", user.username)
        report: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        return report

    return import_set
