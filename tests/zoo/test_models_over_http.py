"""Models over HTTP: everyone of the team sees them, managers promote, archive and roll back, packages can be taken along."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medportal.messaging.models import Event
from medportal.zoo.packages import package_dir
from tests.packages import register

Clients = Callable[..., Any]


@pytest.fixture
def versions(team: Any, tmp_path: Path) -> list[Any]:
    """Three versions of `bright`, the second in production after the first."""
    stages = ("production", "production", "candidate")
    return [register(team, tmp_path / str(n), turns=n, stage=stage) for n, stage in enumerate(stages)]


def stages(client: Any, team: Any) -> dict[int, str]:
    (model,) = client.get(f"/api/v1/teams/{team.slug}/models/").json()
    return {version["number"]: version["stage"] for version in model["versions"]}


def act(client: Any, team: Any, path: str) -> Any:
    return client.post(f"/api/v1/teams/{team.slug}/models/bright/{path}/")


def test_the_team_sees_models_with_their_versions(client_for: Clients, team: Any, versions: list[Any]) -> None:
    (model,) = client_for("viewer").get(f"/api/v1/teams/{team.slug}/models/").json()
    assert (model["team"], model["name"], model["task"]) == (team.slug, "bright", "classification")
    assert [version["number"] for version in model["versions"]] == [3, 2, 1]
    newest = model["versions"][0]
    assert newest["sha256"] == versions[2].sha256
    assert newest["classes"] == ["normal", "lung cancer"]
    assert newest["modalities"] == ["CT"]
    assert newest["metrics"]["auc"]["value"] == 1.0


def test_a_version_comes_with_manifest_and_card(client_for: Clients, team: Any, versions: list[Any]) -> None:
    url = f"/api/v1/teams/{team.slug}/models/bright/versions"
    client = client_for("viewer")
    version = client.get(f"{url}/2/").json()
    assert version["manifest"]["model"]["sha256"] == versions[1].sha256
    assert "Not for diagnosis" in version["card"]
    assert client.get(f"{url}/9/").status_code == 404


def test_promoting_puts_the_one_before_out(client_for: Clients, team: Any, versions: list[Any]) -> None:
    manager = client_for("manager")
    assert stages(manager, team) == {1: "candidate", 2: "production", 3: "candidate"}
    answer = act(manager, team, "versions/3/promote")
    assert (answer.status_code, answer.json()["stage"]) == (200, "production")
    assert stages(manager, team) == {1: "candidate", 2: "candidate", 3: "production"}
    again = act(manager, team, "versions/3/promote")
    assert (again.status_code, again.json()["code"]) == (409, "is_production")


def test_rolling_back_goes_one_further_each_time(client_for: Clients, team: Any, versions: list[Any]) -> None:
    manager = client_for("manager")
    act(manager, team, "versions/3/promote")
    assert act(manager, team, "rollback").json()["number"] == 2
    assert act(manager, team, "rollback").json()["number"] == 1
    nothing = act(manager, team, "rollback")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_before")
    assert stages(manager, team) == {1: "production", 2: "candidate", 3: "candidate"}


def test_what_is_archived_is_kept_and_passed_over(client_for: Clients, team: Any, versions: list[Any]) -> None:
    manager = client_for("manager")
    refused = act(manager, team, "versions/2/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_production")
    assert act(manager, team, "versions/1/archive").json()["stage"] == "archived"
    assert act(manager, team, "versions/1/archive").json()["code"] == "is_archived"
    assert act(manager, team, "versions/1/promote").json()["code"] == "is_archived"
    assert act(manager, team, "rollback").json()["code"] == "nothing_before"
    assert package_dir(versions[0]).is_dir()


@pytest.mark.parametrize("path", ["versions/3/promote", "versions/1/archive", "rollback"])
def test_only_managers_change_stages(client_for: Clients, team: Any, versions: list[Any], path: str) -> None:
    for role in ("viewer", "reader", "researcher"):
        answer = act(client_for(role), team, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_too_small")
    for role in ("outsider", "admin"):
        assert act(client_for(role), team, path).status_code == 404
    assert stages(client_for("viewer"), team) == {1: "candidate", 2: "production", 3: "candidate"}
    assert act(client_for("manager"), team, path).status_code == 200


def test_each_change_is_told_to_the_team_and_put_on_record(client_for: Clients, team: Any, versions: list[Any]) -> None:
    from medportal.audit.models import AuditEvent

    manager = client_for("manager")
    act(manager, team, "versions/3/promote")
    told = Event.objects.filter(topic_id=f"team:{team.slug}", type="model.changed").order_by("seq").last()
    assert told is not None
    assert told.data["model"] == manager.get(f"/api/v1/teams/{team.slug}/models/").json()[0]
    recorded = AuditEvent.objects.filter(action="model.promoted", object_id="bright@3").last()
    assert recorded is not None


def test_a_package_can_be_taken_along(client_for: Clients, team: Any, versions: list[Any]) -> None:
    url = f"/api/v1/teams/{team.slug}/models/bright/versions/2/package/"
    answer = client_for("viewer").get(url, headers={"Accept": "application/zip"})
    assert answer["Content-Type"] == "application/zip"
    assert 'filename="bright-2.zip"' in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        found = {Path(name).name: archive.read(name) for name in archive.namelist()}
        assert {Path(name).parent.as_posix() for name in archive.namelist()} == {"bright-2"}
    assert found == {path.name: path.read_bytes() for path in package_dir(versions[1]).iterdir()}
    assert client_for("outsider").get(url).status_code == 404
    assert client_for("anonymous").get(url).status_code == 401


def test_the_version_meant_where_none_is_named(client_for: Clients, team: Any, versions: list[Any]) -> None:
    from medportal.zoo.access import get_version

    user = client_for("viewer").user
    assert get_version(user, team.slug, "bright").number == 2
    versions[0].model.versions.update(stage="candidate")
    assert get_version(user, team.slug, "bright").number == 3
