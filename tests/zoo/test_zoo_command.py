"""`manage.py zoo …`: JSON at the end of standard output, and exit codes that tell the truth."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from medportal.zoo.packages import package_dir
from tests.packages import make_package, register

Zoo = Callable[..., Any]


@pytest.fixture
def zoo(team: Any, client_for: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Zoo:
    """Return a function that runs `zoo …` for the team and returns the JSON line; two versions are there."""
    client_for("manager")
    for number in (1, 2):
        register(team, tmp_path / f"source-{number}", turns=number)
    capsys.readouterr()

    def zoo(*words: str) -> Any:
        call_command("zoo", *words, "--team", team.slug, "--json")
        return json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    return zoo


def test_list_says_what_there_is(zoo: Zoo, team: Any) -> None:
    newest, oldest = zoo("list")
    assert set(newest) == {"team", "model", "version", "stage", "sha256", "metrics"}
    assert (newest["team"], newest["model"], newest["version"], newest["stage"]) == (
        team.slug,
        "bright",
        2,
        "production",
    )
    assert (oldest["version"], oldest["stage"]) == (1, "candidate")


def test_show_promote_archive_and_rollback(zoo: Zoo) -> None:
    assert zoo("show", "bright")["version"] == 2
    assert zoo("show", "bright@1")["manifest"]["title"] == "What is bright"
    assert zoo("rollback", "bright")["version"] == 1
    assert zoo("archive", "bright@2")["stage"] == "archived"
    for words in (("promote", "bright@2"), ("promote", "bright"), ("show", "bright@9"), ("show", "bright@x")):
        with pytest.raises(CommandError):
            zoo(*words)
    assert [row["stage"] for row in zoo("list")] == ["archived", "production"]


def test_verify_runs_the_golden_input(zoo: Zoo, team: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["ok"] for row in zoo("verify")] == [True, True]
    version = team.models.get().versions.get(number=1)
    make_package(package_dir(version), turns=5)
    with pytest.raises(CommandError, match="1 of 2 packages do not hold"):
        zoo("verify")
    report = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert [(row["version"], row["ok"]) for row in report] == [(2, True), (1, False)]
    assert zoo("verify", "bright@2")[0]["ok"] is True


def test_verify_runs_the_variants_too(zoo: Zoo, team: Any, tmp_path: Path) -> None:
    version = register(team, tmp_path / "variants", variants=("fp16", "int8"))
    (row,) = zoo("verify", "bright@3")
    assert (row["ok"], row["variants"]) == (True, {"fp16": pytest.approx(1.0), "int8": pytest.approx(1.0)})
    (package_dir(version) / "model.int8.onnx").write_bytes(b"another")
    with pytest.raises(CommandError, match="1 of 1 packages do not hold"):
        zoo("verify", "bright@3")


def test_no_package_from_elsewhere_is_taken(zoo: Zoo, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not taken in this release"):
        zoo("import", str(make_package(tmp_path / "foreign")))


def test_export_writes_a_zip(zoo: Zoo, tmp_path: Path) -> None:
    told = zoo("export", "bright@1", "--to", str(tmp_path))
    assert told["path"] == str(tmp_path / "bright-1.zip")
    with zipfile.ZipFile(told["path"]) as archive:
        assert "bright-1/model.onnx" in archive.namelist()
    with pytest.raises(CommandError, match="cannot be written"):
        zoo("export", "bright@1", "--to", str(tmp_path / "nowhere"))


def test_it_acts_with_a_members_rights(zoo: Zoo, team: Any) -> None:
    from tests.factories import make_member

    reader = make_member(team, "reader")
    with pytest.raises(CommandError, match="no active manager"):
        zoo("promote", "bright@1", "--user", reader.username)
    assert zoo("list", "--user", reader.username)[0]["version"] == 2
