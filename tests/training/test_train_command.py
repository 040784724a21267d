"""`manage.py train` and `predict` that are told something wrong: one plain sentence, and nothing begun."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from medportal.jobs.models import Job
from tests.chests import store_chest
from tests.factories import make_member
from tests.packages import register
from tests.working import make_cohort

TRAIN = {"--cohort": "chests", "--model": "chests"}


def words(options: dict[str, str]) -> list[str]:
    return [word for option in options.items() for word in option if word]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--cohort": "nothing"}, "no cohort “nothing”"),
        ({"--cohort": "chests@9"}, "no such version"),
        ({"--cohort": "chests@x"}, "not COHORT or COHORT@NUMBER"),
        ({"--recipe": "astrology"}, "no recipe"),
        ({"--model": "../chests"}, "small letters"),
        ({"--set": "epochs"}, "not KEY=VALUE"),
        ({"--set": "epochs=0"}, "epochs must be between"),
        ({"--set": "layers=3"}, "no setting 'layers'"),
        ({"--team": "nobody"}, "no team 'nobody'"),
        ({"--user": "nobody"}, "no active researcher"),
    ],
)
def test_train_says_what_is_wrong(team: Any, changes: dict[str, str], message: str) -> None:
    make_member(team, "researcher")
    make_cohort(team, patients=6)
    with pytest.raises(CommandError, match=message):
        call_command("train", *words({"--team": team.slug} | TRAIN | changes))
    assert not Job.objects.exists()


def test_a_reader_cannot_train(team: Any) -> None:
    reader = make_member(team, "reader")
    with pytest.raises(CommandError, match="no active researcher"):
        call_command("train", *words({"--team": team.slug, "--user": reader.username} | TRAIN))


def test_predict_says_what_is_wrong(team: Any, tmp_path: Path) -> None:
    make_member(team, "reader")
    register(team, tmp_path)
    short = store_chest(team, 1, has_cancer=False, slices=2).series_instance_uid
    (tmp_path / "text.dcm").write_text("not DICOM")
    for options, message in (
        ({"--model": "bright", "--series": "1.2.3"}, "no such series"),
        ({"--model": "nothing", "--series": short}, "no model “nothing”"),
        ({"--model": "bright@7", "--series": short}, "no version 7"),
        ({"--model": "bright@new", "--series": short}, "not MODEL or MODEL@NUMBER"),
        ({"--model": "bright", "--series": short}, "at least 3 slices"),
        ({"--model": "bright", "--path": str(tmp_path / "nowhere")}, "nothing at"),
        ({"--model": "bright", "--path": str(tmp_path / "text.dcm")}, "must hold one series"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command("predict", *words({"--team": team.slug} | options))
    assert not Job.objects.exists()
