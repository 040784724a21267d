"""People label studies, series and slices; the newest label counts, and everybody of the team sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medportal.annotations.models import Label
from medportal.audit.models import AuditEvent
from tests.chests import SCHEME, store_chest
from tests.factories import make_team


@pytest.fixture
def series(team: Any) -> Any:
    """A series of two slices, labelled when it was made."""
    return store_chest(team, 2, has_cancer=True, slices=2)


@pytest.fixture
def put(client_for: Callable[..., Any], team: Any) -> Callable[..., Any]:
    """Return a function that labels, as a reader."""
    reader = client_for("reader")

    def put(client: Any = reader, **words: Any) -> Any:
        body = {"scheme": "grade", "value": "high", **words}
        return client.post(f"/api/v1/teams/{team.slug}/labels/", body, content_type="application/json")

    return put


def test_a_study_a_series_and_a_slice(put: Callable[..., Any], series: Any, team: Any, client_for: Any) -> None:
    study, uid = series.study.study_instance_uid, series.series_instance_uid
    instance = series.instances.first().sop_instance_uid
    assert put(study=study).status_code == 201
    assert put(series=uid, value="low").status_code == 201
    answer = put(series=uid, instance=instance, value="mid")
    assert (answer.status_code, answer.json()["sop_instance_uid"]) == (201, instance)
    viewer = client_for("viewer")
    rows = viewer.get(f"/api/v1/teams/{team.slug}/labels/?scheme=grade&study_instance_uid={study}").json()["results"]
    assert [(row["value"], bool(row["series_instance_uid"]), bool(row["sop_instance_uid"])) for row in rows] == [
        ("mid", True, True),
        ("low", True, False),
        ("high", False, False),
    ]
    of_series = viewer.get(f"/api/v1/teams/{team.slug}/labels/?series_instance_uid={uid}").json()
    assert of_series["count"] == 2 + 3
    read = AuditEvent.objects.get(action="labels.viewed", actor_id=viewer.user.pk)
    assert (read.object_type, read.object_id) == ("study", study)
    # Not of the whole team at once.
    assert viewer.get(f"/api/v1/teams/{team.slug}/labels/?scheme=grade").status_code == 400
    schemes = viewer.get(f"/api/v1/teams/{team.slug}/labels/schemes/").json()
    # What a slice alone is called can be chosen from as well; what a series is called is not counted by slices.
    assert {"scheme": "grade", "values": {"high": 1, "low": 1, "mid": 1}} in schemes
    assert {"scheme": SCHEME, "values": {"lung cancer": 1}} in schemes


def test_the_newest_counts_and_earlier_ones_stay(put: Callable[..., Any], series: Any, team: Any) -> None:
    uid = series.series_instance_uid
    assert [put(series=uid, value=value).status_code for value in ("a", "a", "b", "a")] == [201, 200, 201, 201]
    assert list(Label.objects.filter(scheme="grade").order_by("pk").values_list("value", flat=True)) == ["a", "b", "a"]
    answer = put(series=uid, value="a").json()
    assert (answer["value"], answer["source"]) == ("a", "person")
    assert AuditEvent.objects.filter(action="labels.saved", detail__scheme="grade").count() == 3


def test_what_cannot_be_labelled(put: Callable[..., Any], series: Any, client_for: Any) -> None:
    foreign = store_chest(make_team(), 3, has_cancer=False, slices=1)
    uid = series.series_instance_uid
    for words, status in (
        ({}, 422),
        ({"instance": series.instances.first().sop_instance_uid}, 422),
        ({"study": "1.2.3"}, 404),
        ({"series": foreign.series_instance_uid}, 404),
        ({"series": uid, "instance": foreign.instances.get().sop_instance_uid}, 404),
        ({"series": uid, "study": foreign.study.study_instance_uid}, 404),
        ({"series": uid, "scheme": ""}, 400),
        ({"series": uid, "value": "x" * 500}, 400),
    ):
        assert put(**words).status_code == status, words
    assert put(client_for("viewer"), series=uid).status_code == 403
    assert put(client_for("outsider"), series=uid).status_code == 404
    assert not Label.objects.filter(scheme="grade").exists()
