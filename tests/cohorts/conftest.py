"""A command line for importing data sets, as somebody who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from medportal.cohorts.datasets.items import DataSet, Loaded
from medportal.cohorts.datasets.reading import read_dataset
from medportal.cohorts.datasets.requests import request_of
from medportal.imaging.decoder import Decoder
from tests.factories import make_member


class Read:
    """A data set that was read, and its items' pixels and marks."""

    def __init__(self, data: DataSet, decoder: Decoder) -> None:
        self.data, self._decoder = data, decoder
        self.notes = "\n".join(data.notes)
        self.refused = dict(data.refused)
        self.splits = {item.name: item.split for item in data.items}

    def __getitem__(self, name: str) -> Loaded:
        return next(item for item in self.data.items if item.name == name).load(self._decoder)


@pytest.fixture
def read_set(decoder: Decoder) -> Callable[..., Read]:
    """Return a function that reads a data set as an import does, and stores nothing."""

    def read_set(path: Path, format_: str, **words: Any) -> Read:
        return Read(read_dataset(request_of({"format": format_, "cohort": "set", **words}, path), decoder), decoder)

    return read_set


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
