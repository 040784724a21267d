"""The command line freezes studies of the worklist, so that what is labelled there can be trained on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from medportal.cohorts.models import CohortVersion
from tests.chests import CLASSES, SCHEME, store_chest
from tests.factories import make_member


def freeze(team: Any, capsys: Any, *words: str) -> dict[str, Any]:
    call_command("freeze_cohort", "--team", team.slug, "--name", "chests", "--json", *words)
    report: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return report


def test_a_cohort_of_the_worklist(team: Any, capsys: Any) -> None:
    make_member(team, "researcher")
    for n in range(1, 9):
        store_chest(team, n, has_cancer=n % 2 == 0, slices=1, StudyDate="20200101" if n < 7 else "20210101")
    report = freeze(team, capsys, "--scheme", SCHEME)
    assert (report["version"], report["is_new"], report["classes"]) == (1, True, list(CLASSES))
    assert report["splits"] == {"train": 4, "validation": 2, "test": 2}
    assert freeze(team, capsys, "--scheme", SCHEME)["is_new"] is False
    part = freeze(team, capsys, "--scheme", SCHEME, "--where", "date_to=20200601", "--split", "train=.5,test=.5")
    assert part["splits"] == {"train": 4, "test": 2}
    assert freeze(team, capsys, "--kind", "images", "--split", "all:test")["splits"] == {"test": 8}
    assert CohortVersion.objects.count() == 3


def test_what_cannot_be_frozen_is_told(team: Any, capsys: Any) -> None:
    make_member(team, "researcher")
    store_chest(team, 1, has_cancer=True, slices=1)
    for words, reason in (
        ((), "--scheme"),
        (("--scheme", SCHEME), "too few"),
        (("--scheme", "age"), "no series"),
        (("--scheme", SCHEME, "--where", "age=3"), "no field"),
        (("--scheme", SCHEME, "--split", "column:x"), "no columns"),
    ):
        with pytest.raises(CommandError, match=reason):
            freeze(team, capsys, *words)
    with pytest.raises(CommandError, match="letters"):
        call_command("freeze_cohort", "--team", team.slug, "--name", "../x", "--scheme", SCHEME)
