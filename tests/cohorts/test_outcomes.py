"""Outcomes of patients become labels at a horizon; who was lost sight of before it is left out and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from medportal.annotations import services as services_of_labels
from medportal.annotations.models import Label
from medportal.audit.models import AuditEvent
from medportal.cohorts import services
from tests.chests import store_chest
from tests.factories import make_member

ROWS = {
    "PHANTOM-0001": (100, 1),
    "PHANTOM-0002": (500, 1),
    "PHANTOM-0003": (100, 0),
    "PHANTOM-0004": (365, 0),
    "PHANTOM-0005": (365, 1),
    "NOBODY": (10, 1),
}


def table(path: Path, rows: dict[str, Any] = ROWS) -> Path:
    lines = ["patient,time_days,event", *(f"{name},{time},{event}" for name, (time, event) in rows.items())]
    path.write_text("\n".join(lines))
    return path


def run(team: Any, path: Path, capsys: Any, **options: Any) -> dict[str, Any]:
    words = ["--scheme", "death-1y", "--horizon-days", "365", "--team", team.slug, "--json"]
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    call_command("import_outcomes", str(path), *words)
    report: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return report


def test_labels_at_a_horizon(team: Any, tmp_path: Path, capsys: Any) -> None:
    user = make_member(team, "researcher")
    series = [store_chest(team, n, has_cancer=False, slices=1) for n in range(1, 7)]
    report = run(team, table(tmp_path / "t.csv"), capsys)
    assert (report["patients"], report["yes"], report["no"], report["censored"]) == (4, 2, 2, 1)
    assert [one["item"] for one in report["refused"]] == ["NOBODY"]
    values = dict(Label.objects.filter(scheme="death-1y").values_list("study__patient__patient_id", "value"))
    assert values == {"PHANTOM-0001": "yes", "PHANTOM-0002": "no", "PHANTOM-0004": "no", "PHANTOM-0005": "yes"}
    assert run(team, table(tmp_path / "t.csv"), capsys)["new_labels"] == 0
    # They are labels as others: of the study, and so of its series.
    version, _ = services.choose_version(
        user,
        team.slug,
        name="prognosis",
        scheme="death-1y",
        studies=[one.study.study_instance_uid for one in series],
        split={"train": 0.5, "test": 0.5},
    )
    assert version.classes == ["no", "yes"]
    assert version.members.count() == 4
    assert version.horizon_days == 365


def test_the_same_labels_at_another_horizon_are_another_version(team: Any, tmp_path: Path, capsys: Any) -> None:
    user = make_member(team, "researcher")
    for number in range(1, 5):
        store_chest(team, number, has_cancer=False, slices=1)
    rows = {f"PHANTOM-{number:04}": (10 if number % 2 else 9000, 1) for number in range(1, 5)}
    versions = []
    for days in (30, 365):
        scheme = f"death-{days}d"
        run(team, table(tmp_path / "t.csv", rows), capsys, scheme=scheme, **{"horizon-days": days})
        version, is_new = services.choose_version(
            user, team.slug, name="prognosis", scheme=scheme, search={}, split={"train": 0.5, "test": 0.5}
        )
        assert is_new
        versions.append(version)
    assert [(version.number, version.fingerprint["horizon_days"]) for version in versions] == [(1, 30), (2, 365)]
    # Labels that are no outcomes have none.
    images, _ = services.choose_version(user, team.slug, name="images", kind="images", search={}, split={"train": 1})
    assert images.horizon_days is None


def test_bad_rows_are_named(team: Any, tmp_path: Path, capsys: Any) -> None:
    make_member(team, "researcher")
    store_chest(team, 1, has_cancer=False, slices=1)
    path = table(tmp_path / "t.csv")
    lines = ["PHANTOM-0001,5,0", "X,soon,1", "Y,-3,1", "Z,3,maybe", ",3,1", "W,inf,1"]
    path.write_text(path.read_text() + "\n" + "\n".join(lines))
    refused = {one["item"]: one["reason"] for one in run(team, path, capsys)["refused"]}
    assert "twice" in refused["PHANTOM-0001"]
    assert {"X", "Y", "Z", "W", "line 12"} <= set(refused)
    with pytest.raises(CommandError, match="another"):
        run(team, path, capsys, **{"horizon-days": 30})
    with pytest.raises(CommandError, match="above 0"):
        run(team, path, capsys, **{"horizon-days": -1})
    (tmp_path / "none.csv").write_text("patient,weeks,event\n1,2,1\n")
    with pytest.raises(CommandError, match="time_days"):
        run(team, tmp_path / "none.csv", capsys)


@pytest.fixture
def send(client_for: Callable[..., Any], team: Any) -> Callable[..., Any]:
    """Return a function that sends a table of outcomes, as a researcher."""
    researcher = client_for("researcher")

    def send(content: str, *, client: Any = researcher, **fields: Any) -> Any:
        words = {"scheme": "death-1y", "horizon_days": "365", **fields}
        file = SimpleUploadedFile("follow-up.csv", content.encode())
        return client.post(f"/api/v1/teams/{team.slug}/outcomes/", words | {"file": file})

    return send


def test_the_page_imports_as_the_command_does(send: Callable[..., Any], team: Any, tmp_path: Path) -> None:
    for n in range(1, 7):
        store_chest(team, n, has_cancer=False, slices=1)
    content = table(tmp_path / "t.csv").read_text() + "\nX,soon,1"
    answer = send(content)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "scheme": "death-1y",
        "horizon_days": 365.0,
        "patients": 4,
        "yes": 2,
        "no": 2,
        "censored": 1,
        "studies": 4,
        "new_labels": 4,
        "refused": [
            {"item": "X", "reason": "line 8: “soon” is no number of days."},
            {"item": "NOBODY", "reason": "line 7: the team has no study of this patient."},
        ],
        "refused_in_all": 2,
    }
    event = AuditEvent.objects.get(action="outcomes.imported")
    assert (event.team, event.object_id) == (team.slug, "death-1y")
    assert {"horizon_days": 365.0, "yes": 2, "no": 2, "censored": 1, "refused": 2}.items() <= event.detail.items()
    # Somebody corrects one by hand: the scheme is of its horizon all the same.
    label = Label.objects.filter(scheme="death-1y", value="yes").first()
    assert label is not None
    assert label.author is not None
    services_of_labels.put_label(
        label.author, team.slug, scheme="death-1y", value="no", study=label.study.study_instance_uid
    )
    assert send(content).status_code == 200


def test_columns_may_be_called_anything(send: Callable[..., Any], team: Any) -> None:
    store_chest(team, 1, has_cancer=False, slices=1)
    content = "ID;Days;Died\nPHANTOM-0001;20;1"
    answer = send(content)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_column")
    assert "follow-up.csv" in answer.json()["detail"]
    answer = send(content, patient="ID", time_days="Days", event="Died")
    assert (answer.json()["yes"], answer.json()["refused"]) == (1, [])


def test_what_cannot_be_imported_is_told_and_leaves_nothing(send: Callable[..., Any], team: Any) -> None:
    store_chest(team, 1, has_cancer=False, slices=1)
    content = "patient,time_days,event\nPHANTOM-0001,20,1"
    answer = send(content, horizon_days="-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "horizon")
    assert send(content, horizon_days="nan").status_code == 400
    assert send(content, scheme="x" * 61).status_code == 400
    assert send(content).status_code == 200
    answer = send(content, horizon_days="30")
    assert (answer.status_code, answer.json()["code"]) == (422, "other_horizon")
    answer = send("x" * services.OUTCOMES_BYTES)
    assert (answer.status_code, answer.json()["code"]) == (413, "dataset_size")
    assert Label.objects.filter(scheme="death-1y").count() == 1


def test_columns_as_public_tables_call_them(team: Any, tmp_path: Path, capsys: Any) -> None:
    make_member(team, "researcher")
    for n in (1, 2):
        store_chest(team, n, has_cancer=False, slices=1)
    path = tmp_path / "t.csv"
    path.write_text("PatientID,age,Survival.time,deadstatus.event\nPHANTOM-0001,60,100,1\nPHANTOM-0002,60,500,0\n")
    report = run(team, path, capsys)
    assert (report["yes"], report["no"]) == (1, 1)
    assert report["columns"] == {"patient": "PatientID", "time_days": "Survival.time", "event": "deadstatus.event"}
    path.write_text("case_id,OS_DAYS,OS_STATUS\nPHANTOM-0001,100,1:DECEASED\nPHANTOM-0002,500,0:LIVING\n")
    assert run(team, path, capsys, scheme="other")["yes"] == 1
    path.write_text("patient,OS_MONTHS,OS_STATUS\nPHANTOM-0001,100,1:DECEASED\n")
    with pytest.raises(CommandError, match="no column “time_days”"):
        run(team, path, capsys, scheme="months")
