"""A model run on a series: asked for over HTTP, done by a real worker, told slice by slice to all who look on."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from medportal.annotations.models import AnnotationSet
from medportal.audit.models import AuditEvent
from medportal.jobs.models import Job
from medportal.messaging.models import Event
from medportal.zoo.packages import package_dir
from tests.chests import store_chest
from tests.packages import make_package
from tests.processes import Site, wait_until
from tests.rails import People
from tests.sockets import Socket
from tests.threads import in_threads

Client = Callable[..., Any]
FINAL = {"succeeded", "failed", "cancelled"}


def ask(client: Any, people: People, series: Any, *, model: str = "bright", **more: Any) -> httpx.Response:
    words = {"id": str(uuid4()), "series_instance_uid": series.series_instance_uid, "model": model} | more
    return client.post(f"teams/{people.team.slug}/analyses/", json=words)


def look(client: Any, people: People, job: str) -> dict[str, Any]:
    return dict(client.get(f"teams/{people.team.slug}/analyses/{job}/").json())


def ended(job: str) -> Job:
    wait_until(lambda: Job.objects.get(pk=job).state in FINAL, 60, "end of the analysis")
    return Job.objects.get(pk=job)


def followed(socket: Socket) -> list[dict[str, Any]]:
    """Return what the socket is told of a job until its end."""
    told: list[dict[str, Any]] = []
    while not (told and told[-1]["type"] == "job.changed" and told[-1]["data"]["state"] in FINAL):
        told.append(socket.take(30))
    return told


def slices(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame for frame in told if frame["type"] == "slice.predicted"]


def test_each_slice_is_told_in_order_with_probability_and_map(
    site: Site, people: People, client: Client, series: Any, model: Any
) -> None:
    reader = client("reader")
    answer = ask(reader, people, series)
    assert answer.status_code == 202
    job = answer.json()["job"]["id"]
    with Socket(site, token=reader.token) as socket:
        socket.follow(f"job:{job}", after=0)
        told = followed(socket)
    assert [frame["seq"] for frame in told] == list(range(1, len(told) + 1))
    pieces = slices(told)
    assert [piece["index"] for piece in pieces] == list(range(20))
    for piece in pieces:
        assert (piece["count"], piece["shape"], piece["dtype"]) == (20, [8, 8], "uint8")
        raw = zlib.decompress(piece["payload"]) if piece["encoding"] == "deflate" else piece["payload"]
        assert np.frombuffer(raw, np.uint8).size == 64
        assert (np.frombuffer(raw, np.uint8).max() > 200) == (piece["index"] in (9, 10))
    assert [piece["index"] for piece in pieces if piece["probability"] > 0.9] == [9, 10]
    (verdict,) = [frame["data"] for frame in told if frame["type"] == "series.verdict"]
    assert (verdict["value"], verdict["positive"], verdict["threshold"]) == ("lung cancer", True, 0.8)
    assert (verdict["model"], verdict["version"]) == ("bright", 1)
    states = [frame["data"]["state"] for frame in told if frame["type"] == "job.changed"]
    assert (states[0], states[-1]) == ("queued", "succeeded")


def test_the_result_says_what_made_it(people: People, client: Client, series: Any, model: Any) -> None:
    reader = client("reader")
    job = ask(reader, people, series).json()["job"]["id"]
    ended(job)
    analysis = look(client("viewer"), people, job)
    result = analysis["result"]
    assert (analysis["model"], analysis["version"]) == ("bright", 1)
    assert (result["job_id"], result["source"], result["author"]) == (job, "model", reader.user.username)
    assert (result["model"], result["version"], result["sha256"]) == ("bright", 1, model.sha256)
    assert result["provider"] in {"CPU", "CUDA"}
    assert result["parameters"]["output"]["thresholds"] == [0.8]
    assert (result["is_for_diagnosis"], result["is_synthetic"]) == (False, True)
    assert result["verdict"]["value"] == "lung cancer"
    assert len(result["slices"]) == 20
    top = sorted(piece["probability"] for piece in result["slices"])[-2:]
    assert result["verdict"]["probability"] == pytest.approx(sum(top) / 2)
    listed = reader.get(f"teams/{people.team.slug}/analyses/", params={"series": series.series_instance_uid}).json()
    assert listed["results"] == [analysis]
    reads = AuditEvent.objects.filter(purpose="results", actor_id=reader.user.pk)
    assert series.study.study_instance_uid in reads.values_list("object_id", flat=True)
    assert reader.get(f"teams/{people.team.slug}/analyses/", params={"study": "1.2.3"}).json()["results"] == []


def test_a_normal_chest_is_normal(people: People, client: Client, model: Any) -> None:
    job = ask(client(), people, store_chest(people.team, 1, has_cancer=False)).json()["job"]["id"]
    assert ended(job).result["value"] == "normal"


def test_a_double_click_is_one_job(people: People, client: Client, series: Any, model: Any) -> None:
    reader, job = client("reader"), str(uuid4())
    answers: list[httpx.Response] = []
    in_threads(*[lambda: answers.append(ask(reader, people, series, id=job)) for _ in range(4)])
    assert {(answer.status_code, answer.json()["job"]["id"]) for answer in answers} == {(202, job)}
    ended(job)
    assert ask(reader, people, series, id=job).status_code == 202
    assert Job.objects.filter(team=people.team, kind="analysis").count() == 1
    assert AnnotationSet.objects.filter(team=people.team).count() == 1
    assert Event.objects.filter(topic_id=f"job:{job}", type="slice.predicted").count() == 20
    other = ask(reader, people, store_chest(people.team, 1, has_cancer=False), id=job)
    assert (other.status_code, other.json()["code"]) == (409, "job_id_taken")


def test_all_who_look_on_see_the_same_and_a_cut_off_one_goes_on(
    site: Site, people: People, client: Client, series: Any, slow_model: Any
) -> None:
    """While it runs: a second browser, and a third that is cut off twice, are told exactly what the first is."""
    reader, viewer = client("reader"), client("viewer")
    job = ask(reader, people, series, model="slow").json()["job"]["id"]
    topic, pieced = f"job:{job}", []
    with Socket(site, token=reader.token) as first, Socket(site, token=viewer.token) as second:
        first.follow(topic, after=0)
        second.follow(topic, after=0)
        for count in (2, 5):
            with Socket(site, token=viewer.token) as cut_off:
                cut_off.follow(topic, after=pieced[-1]["seq"] if pieced else 0)
                pieced += cut_off.take_many(count, 30)
                cut_off.connection.close_socket()
        assert Job.objects.get(pk=job).state in {"queued", "running"}
        with Socket(site, token=viewer.token) as again:
            again.follow(topic, after=pieced[-1]["seq"])
            pieced += followed(again)
        seen = followed(first)
        assert followed(second) == seen
    assert pieced == seen
    assert [piece["index"] for piece in slices(seen)] == list(range(20))


def test_those_who_have_the_study_open_and_the_worklist_are_told(
    site: Site, people: People, client: Client, series: Any, model: Any
) -> None:
    viewer = client("viewer")
    study = series.study.study_instance_uid
    with Socket(site, token=viewer.token) as socket:
        socket.follow(f"study:{people.team.slug}/{study}")
        job = ask(client("reader"), people, series).json()["job"]["id"]
        told = []
        while not told or told[-1]["data"]["analysis"]["job"]["state"] not in FINAL:
            frame = socket.take(30)
            told += [frame] if frame["type"] == "analysis.changed" else []
    states = [frame["data"]["analysis"]["job"]["state"] for frame in told]
    assert states == ["queued", "running", "succeeded"]
    assert told[-1]["data"]["analysis"]["result"]["verdict"]["value"] == "lung cancer"
    assert told[-1]["data"]["analysis"]["job"]["id"] == job
    (row,) = viewer.get(f"teams/{people.team.slug}/studies/").json()["results"]
    assert row["ai_status"] == "succeeded"
    assert (row["ai_summary"]["value"], row["ai_summary"]["version"]) == ("lung cancer", 1)


def test_who_waits_knows_its_place_and_a_cancelled_one_ends(
    people: People, client: Client, series: Any, slow_model: Any
) -> None:
    reader = client("reader")
    other = store_chest(people.team, 4, has_cancer=True, slices=20)
    running = ask(reader, people, series, model="slow").json()["job"]["id"]
    wait_until(lambda: Event.objects.filter(topic_id=f"job:{running}", type="slice.predicted").exists(), 30)
    waiting = ask(reader, people, other, model="slow").json()["job"]
    assert (waiting["state"], waiting["queue_place"]) == ("queued", 1)
    # Pieces are told first, and then how far the work is.
    wait_until(lambda: Job.objects.get(pk=running).progress, 5, "progress")
    assert Job.objects.get(pk=running).progress < 1
    for job in (waiting["id"], running):
        assert reader.post(f"teams/{people.team.slug}/jobs/{job}/cancel/").status_code == 200
        wait_until(lambda job=job: Job.objects.get(pk=job).state == "cancelled", 5, "cancellation")
    assert look(reader, people, running)["result"] is None
    assert not AnnotationSet.objects.filter(team=people.team).exists()
    statuses = {row["ai_status"] for row in reader.get(f"teams/{people.team.slug}/studies/").json()["results"]}
    assert statuses == {""}


def test_who_may_run_models(people: People, client: Client, series: Any, model: Any) -> None:
    assert ask(client("viewer"), people, series).status_code == 403
    for role in ("reader", "researcher", "manager"):
        answer = ask(client(role), people, series)
        assert answer.status_code == 202, role
        ended(answer.json()["job"]["id"])
    job = answer.json()["job"]["id"]
    outsider = client(user=people.outsider())
    assert ask(outsider, people, series).status_code == 404
    assert outsider.get(f"teams/{people.team.slug}/analyses/").status_code == 404
    assert outsider.get(f"teams/{people.team.slug}/analyses/{job}/").status_code == 404


def test_another_teams_series_and_models_are_not_found(
    site: Site, client: Client, people: People, series: Any, model: Any
) -> None:
    other = People()
    stranger = client(user=people.member(team=other.team))
    answer = ask(stranger, other, series)
    assert (answer.status_code, answer.json()["code"]) == (404, "series_not_found")
    own = store_chest(other.team, 2, has_cancer=True)
    answer = ask(stranger, other, own)
    assert (answer.status_code, answer.json()["code"]) == (404, "model_not_found")
    job = ask(client(), people, series).json()["job"]["id"]
    with Socket(site, token=stranger.token) as socket:
        assert socket.follow(f"job:{job}", after=0)["code"] == "not_found"
    ended(job)


def test_a_model_that_does_not_fit_is_refused_with_the_reason(
    people: People, client: Client, model: Any, tmp_path: Path
) -> None:
    reader = client("reader")
    for attributes, slices, reason in (
        ({"Modality": "MR"}, 4, "reads CT; this series is MR"),
        ({}, 2, "at least 3 slices; this series has 2"),
    ):
        one = store_chest(people.team, 60 + slices, has_cancer=False, slices=slices, **attributes)
        answer = ask(reader, people, one)
        assert (answer.status_code, answer.json()["code"]) == (422, "package_does_not_fit")
        assert reason in answer.json()["detail"]
    fitting = store_chest(people.team, 70, has_cancer=False)
    assert ask(reader, people, fitting, version=7).json()["code"] == "model_version_not_found"
    model.model.versions.update(stage="archived")
    assert ask(reader, people, fitting, version=1).json()["code"] == "model_archived"
    assert ask(reader, people, fitting).status_code == 404
    assert ask(reader, people, fitting, id="no uuid").status_code == 400
    assert not Job.objects.filter(team=people.team).exists()


def test_a_package_that_was_changed_on_disk_is_not_run(people: People, client: Client, series: Any, model: Any) -> None:
    make_package(package_dir(model), turns=1)
    reader = client("reader")
    job = ended(ask(reader, people, series).json()["job"]["id"])
    assert (job.state, job.error_code) == ("failed", "digest_mismatch")
    (row,) = reader.get(f"teams/{people.team.slug}/studies/").json()["results"]
    assert row["ai_status"] == "failed"
