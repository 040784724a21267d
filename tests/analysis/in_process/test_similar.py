"""Similar cases: series are placed by a model, and the nearest of the team's are found, exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from medportal.analysis import run_embedding
from medportal.analysis.models import Embedding, SimilarCases
from medportal.annotations.models import Source
from medportal.annotations.services import label_series
from medportal.archive.models import Series
from medportal.archive.reading import load_series_volume, object_path
from medportal.archive.run_thumbnail import make_thumbnail
from medportal.audit.models import AuditEvent
from medportal.inference.embed import embed
from medportal.inference.package import open_package
from medportal.inference.session import Session
from medportal.jobs import turns
from medportal.jobs.models import Job
from medportal.messaging.models import Event, PendingReaction
from medportal.zoo.packages import package_dir
from tests.chests import store_chest
from tests.packages import register
from tests.rails import People


@pytest.fixture
def placer(people: People, tmp_path: Path) -> Any:
    """An autoencoder in production that places series."""
    return register(people.team, tmp_path, name="placer", task="autoencoder")


@pytest.fixture
def chests(people: People) -> list[Any]:
    """Five patients' series."""
    return [store_chest(people.team, number, has_cancer=number % 2 == 0, slices=3) for number in range(1, 6)]


def client_of(user: Any) -> Any:
    client: Any = Client(raise_request_exception=False)
    client.force_login(user)
    client.user = user
    return client


def similar(client: Any, series: Any, **words: Any) -> Any:
    url = f"/api/v1/teams/{series.team.slug}/series/{series.series_instance_uid}/similar/"
    return client.get(url, words)


def work(job: Any) -> Job:
    key = job if isinstance(job, str) else str(job.pk)
    run_embedding.run_embedding(key, worker="test")
    return Job.objects.get(pk=key)


def post(client: Any, people: People, **words: Any) -> Any:
    url = f"/api/v1/teams/{people.team.slug}/similar-cases/embed/"
    return client.post(url, json.dumps({"id": str(uuid4())} | words), content_type="application/json")


def patch(client: Any, people: People, **words: Any) -> Any:
    url = f"/api/v1/teams/{people.team.slug}/similar-cases/"
    return client.patch(url, json.dumps(words), content_type="application/json")


@pytest.fixture
def place(people: People) -> Callable[..., Job]:
    """Return a function that has all series placed and gives the ended job."""
    researcher = client_of(people.member("researcher"))

    def place(**words: Any) -> Job:
        response = post(researcher, people, **words)
        assert response.status_code == 202, response.content
        return work(response.json()["id"])

    return place


def vectors_of(version: Any, series: list[Any]) -> Any:
    session = Session(open_package(package_dir(version)))
    return np.stack([embed(session, load_series_volume(one)) for one in series])


def uids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [case["series_instance_uid"] for case in response.json()["series"]]


def test_the_nearest_are_those_of_the_smallest_angle(
    people: People, reader: Any, placer: Any, chests: list[Any], place: Any
) -> None:
    job = place()
    assert (job.state, job.result["embedded"], job.result["series"]) == ("succeeded", 5, 5)
    vectors = vectors_of(placer, chests)
    cosines = vectors @ vectors[1]
    order = [int(i) for i in np.argsort(-cosines) if i != 1]
    response = similar(reader, chests[1])
    assert uids(response) == [chests[i].series_instance_uid for i in order]
    body = response.json()
    assert (body["model"], body["version"], body["compared"]) == ("placer", 1, 5)
    assert [case["similarity"] for case in body["series"]] == pytest.approx(
        [float(cosines[i]) for i in order], abs=1e-6
    )
    best = chests[order[0]]
    assert body["series"][0]["study_instance_uid"] == best.study.study_instance_uid
    assert body["series"][0]["patient_id"] == best.study.patient.patient_id
    assert len(uids(similar(reader, chests[1], limit=2))) == 2
    assert similar(reader, chests[1], limit=0).status_code == 400
    assert similar(reader, chests[1], limit=101).status_code == 400


def test_cases_come_with_the_labels_that_count(
    people: People, reader: Any, placer: Any, chests: list[Any], place: Any
) -> None:
    place()
    label_series(chests[0], scheme="lung-cancer", value="lung cancer", source=Source.PERSON, author=reader.user)
    found = {case["series_instance_uid"]: case["labels"] for case in similar(reader, chests[1]).json()["series"]}
    assert found[chests[0].series_instance_uid] == [
        {"scheme": "lung-cancer", "value": "lung cancer", "source": "person"}
    ]
    assert found[chests[3].series_instance_uid][0]["value"] == "lung cancer"


def test_the_series_itself_and_its_patient_are_left_out(
    people: People, reader: Any, placer: Any, chests: list[Any], place: Any
) -> None:
    patient = chests[0].study.patient
    own = store_chest(people.team, 9, has_cancer=False)
    own.study.patient = patient
    own.study.save()
    place()
    assert own.series_instance_uid not in uids(similar(reader, chests[0]))
    mine = uids(similar(reader, chests[0], same_patient="true"))
    assert own.series_instance_uid in mine
    assert chests[0].series_instance_uid not in mine


def test_a_series_without_a_place_is_placed_first(people: People, reader: Any, placer: Any, chests: list[Any]) -> None:
    response = similar(reader, chests[0])
    assert response.status_code == 202
    job = response.json()["job"]
    assert (job["kind"], job["state"]) == ("embedding", "queued")
    assert similar(reader, chests[0]).json()["job"]["id"] == job["id"]
    assert Job.objects.filter(team=people.team).count() == 1
    done = work(job["id"])
    assert (done.state, done.result["model"], done.result["version"]) == ("succeeded", "placer", 1)
    answer = similar(reader, chests[0])
    assert (uids(answer), answer.json()["compared"]) == ([], 1)
    # One that comes later is among them at once, and one that is deleted no more.
    work(similar(reader, chests[1]).json()["job"]["id"])
    assert uids(similar(reader, chests[0])) == [chests[1].series_instance_uid]
    Embedding.objects.filter(series=chests[1]).delete()
    assert uids(similar(reader, chests[0])) == []


def test_a_series_that_grew_is_placed_anew(
    people: People, reader: Any, placer: Any, chests: list[Any], place: Any
) -> None:
    place()
    Series.objects.filter(pk=chests[0].pk).update(revision=chests[0].revision + 1)
    assert uids(similar(reader, chests[1]))
    response = similar(reader, chests[0])
    assert response.status_code == 202
    work(response.json()["job"]["id"])
    assert Embedding.objects.filter(series=chests[0]).count() == 1
    assert len(uids(similar(reader, chests[0]))) == 4


def test_a_job_that_is_delivered_again_changes_nothing(
    people: People, placer: Any, chests: list[Any], place: Any
) -> None:
    job = place()
    before = list(Embedding.objects.filter(team=people.team).order_by("pk").values_list("pk", flat=True))
    work(job)
    again = place()
    assert again.result["embedded"] == 5
    assert list(Embedding.objects.filter(team=people.team).order_by("pk").values_list("pk", flat=True)) == before


def test_who_may_look_and_who_may_have_series_placed(
    people: People, placer: Any, chests: list[Any], place: Any
) -> None:
    viewer, outsider = client_of(people.member("viewer")), client_of(people.outsider())
    answer = similar(viewer, chests[0])
    assert (answer.status_code, answer.json()["code"]) == (409, "no_embedding")
    assert similar(outsider, chests[0]).status_code == 404
    for role, status in (("viewer", 403), ("reader", 403)):
        assert post(client_of(people.member(role)), people).status_code == status
    assert post(outsider, people).status_code == 404
    assert not Job.objects.filter(team=people.team).exists()
    place()
    assert len(uids(similar(viewer, chests[0]))) == 4
    read = AuditEvent.objects.filter(action="similar.searched", team=people.team.slug)
    assert [event.object_id for event in read] == [chests[0].study.study_instance_uid]


def test_another_teams_series_are_never_found(
    people: People, placer: Any, chests: list[Any], place: Any, tmp_path: Path
) -> None:
    other = People()
    register(other.team, tmp_path / "other", name="placer", task="autoencoder")
    theirs = store_chest(other.team, 101, has_cancer=False)
    own = client_of(other.member("researcher"))
    work(post(own, other).json()["id"])
    place()
    assert uids(similar(own, theirs)) == []
    assert theirs.series_instance_uid not in uids(similar(client_of(people.member()), chests[1]))
    url = f"/api/v1/teams/{other.team.slug}/series/{chests[1].series_instance_uid}/similar/"
    assert own.get(url).json()["code"] == "series_not_found"


def test_a_team_without_such_a_model_is_told(people: People, reader: Any, chests: list[Any], tmp_path: Path) -> None:
    answer = similar(reader, chests[0])
    assert (answer.status_code, answer.json()["code"]) == (404, "no_embedding_model")
    register(people.team, tmp_path)
    assert similar(reader, chests[0]).json()["code"] == "no_embedding_model"
    named = similar(reader, chests[0], model="bright")
    assert (named.status_code, named.json()["code"]) == (422, "no_embedding")
    assert similar(reader, chests[0], model="nothing").json()["code"] == "model_not_found"


def test_the_model_is_one_that_reads_the_series(people: People, reader: Any, chests: list[Any], tmp_path: Path) -> None:
    register(people.team, tmp_path, name="mr", task="autoencoder", input={"modalities": ["MR"]})
    answer = similar(reader, chests[0])
    assert (answer.status_code, answer.json()["code"]) == (422, "package_does_not_fit")
    register(people.team, tmp_path, name="ct", has_embedding=True)
    assert similar(reader, chests[0]).json()["job"]["params"]["model"] == "ct"


def test_autoencoders_go_before_others_and_the_teams_choice_before_all(
    people: People, reader: Any, placer: Any, chests: list[Any], tmp_path: Path
) -> None:
    register(people.team, tmp_path, name="classes", has_embedding=True)
    manager = client_of(people.member("manager"))
    url = f"/api/v1/teams/{people.team.slug}/similar-cases/"
    state = reader.get(url).json()
    assert state == {
        "is_on_arrival": False,
        "wanted_model": "",
        "model": "placer",
        "version": 1,
        "embedded": 0,
        "series": 5,
    }
    changed = patch(manager, people, wanted_model="classes")
    assert (changed.status_code, changed.json()["model"]) == (200, "classes")
    assert similar(reader, chests[0]).json()["job"]["params"]["model"] == "classes"
    assert similar(reader, chests[0], model="placer").json()["job"]["params"]["model"] == "placer"
    register(people.team, tmp_path, name="blind")
    assert patch(manager, people, wanted_model="blind").json()["code"] == "no_embedding"
    assert patch(manager, people, wanted_model="nothing").status_code == 404
    for client, status in ((reader, 403), (client_of(people.outsider()), 404)):
        assert patch(client, people, wanted_model="").status_code == status
    assert patch(manager, people, wanted_model="").json()["model"] == "placer"


def test_a_version_by_another_network_has_its_own_places(
    people: People, reader: Any, placer: Any, chests: list[Any], place: Any, tmp_path: Path
) -> None:
    place()
    register(people.team, tmp_path / "two", name="placer", task="autoencoder", output={"threshold": 0.3})
    assert similar(reader, chests[0]).status_code == 202
    job = place()
    assert job.result["embedded"] == 5
    assert set(Embedding.objects.filter(team=people.team).values_list("version", flat=True)) == {1, 2}
    assert similar(reader, chests[0]).json()["version"] == 2


def spoil(series: Any) -> None:
    """Let the archive have lost an object."""
    object_path(series.instances.first()).unlink()


def cut(series: Any) -> None:
    """Let an object have lost its end."""
    path = object_path(series.instances.first())
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def test_a_series_that_cannot_be_read_keeps_no_other_from_its_place(
    people: People, reader: Any, placer: Any, chests: list[Any], place: Any
) -> None:
    spoil(chests[2])
    store_chest(people.team, 8, has_cancer=False, Modality="MR")
    job = place()
    counts = {name: job.result[name] for name in ("series", "embedded", "failed", "passed_over")}
    assert counts == {"series": 6, "embedded": 4, "failed": 1, "passed_over": 1}
    ((reason,),) = [job.result["reasons"]]
    assert reason["series_instance_uid"] == chests[2].series_instance_uid
    assert "lost" in reason["detail"]
    # That may be over the next time: it is no word on the series.
    assert not Embedding.objects.filter(series=chests[2]).exists()
    assert len(uids(similar(reader, chests[0]))) == 3
    for number in range(7):
        one = similar(reader, chests[2]).json()["job"]
        if number < 5:
            assert work(one["id"]).error_code == "object_lost"
    # After some tries the last one is told of.
    assert one["state"] == "failed"
    assert Job.objects.filter(team=people.team, kind="embedding").count() == 6


def test_a_cohorts_series_are_placed_and_no_others(people: People, placer: Any, chests: list[Any], place: Any) -> None:
    from medportal.cohorts.models import Cohort, CohortMember, CohortVersion

    cohort = Cohort.objects.create(team=people.team, name="some")
    version = CohortVersion.objects.create(cohort=cohort, number=1, content_hash="x")
    for one in chests[:2]:
        CohortMember.objects.create(
            version=version, series=one, series_instance_uid=one.series_instance_uid, group="g", split="train"
        )
    job = place(cohort="some")
    assert (job.result["series"], job.result["embedded"], job.result["cohort_version"]) == (2, 2, 1)
    assert set(Embedding.objects.filter(team=people.team).values_list("series", flat=True)) == {
        one.pk for one in chests[:2]
    }
    assert post(client_of(people.member("researcher")), people, cohort="other").status_code == 404


def test_a_long_job_gives_way_to_those_who_wait(
    people: People, reader: Any, placer: Any, chests: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = post(client_of(people.member("researcher")), people).json()["id"]
    waiting = similar(reader, chests[4]).json()["job"]["id"]
    monkeypatch.setattr(turns, "TURN_S", 0.0)
    monkeypatch.setattr(turns, "has_worker", lambda _queue: True)
    assert work(job).state == "queued"
    assert work(waiting).state == "succeeded"
    monkeypatch.undo()
    done = work(job)
    assert (done.state, done.result["embedded"]) == ("succeeded", 5)


def arrive(people: People, number: int) -> tuple[Any, list[int]]:
    """Store a series, make its picture, and return it with the events that ask for a place."""
    series = store_chest(people.team, number, has_cancer=False, slices=2)
    make_thumbnail(series.pk)
    events = Event.objects.filter(team_id=people.team.pk, type="series.changed").order_by("pk")
    return series, list(events.values_list("pk", flat=True))


def test_series_are_placed_as_they_come_in_where_the_team_wants_that(
    people: People, reader: Any, placer: Any, chests: list[Any]
) -> None:
    def waiting() -> list[Job]:
        return list(Job.objects.filter(team=people.team, kind="embedding", state="queued"))

    _, events = arrive(people, 11)
    for event in events:
        assert PendingReaction.objects.filter(
            event=event, task_name="medportal.analysis.tasks.embed_after_change"
        ).exists()
        run_embedding.after_change(event)
    assert waiting() == []
    assert not PendingReaction.objects.filter(event__in=events, queue="inference").exists()
    manager = client_of(people.member("manager"))
    assert patch(manager, people, is_on_arrival=True).json()["is_on_arrival"] is True
    since = SimilarCases.objects.get(team=people.team).on_arrival_since
    series, events = arrive(people, 12)
    for event in events * 3:
        run_embedding.after_change(event)
    (job,) = waiting()
    assert job.created_by is None
    done = work(job)
    assert (done.state, done.result["embedded"]) == ("succeeded", 1)
    assert Embedding.objects.get(team=people.team).series_id == series.pk
    spoiled, events = arrive(people, 13)
    cut(spoiled)
    for event in events:
        run_embedding.after_change(event)
    # The events of before are done: they ask for nothing again.
    (job,) = waiting()
    assert work(job).result["failed"] == 1
    # What could not be read is not tried for ever.
    _, events = arrive(people, 14)
    run_embedding.after_change(events[-1])
    (job,) = waiting()
    assert (work(job).result["embedded"], job.result) == (2, None)
    assert Embedding.objects.get(series=spoiled).vector == b""
    assert patch(manager, people, is_on_arrival=True).status_code == 200
    assert SimilarCases.objects.get(team=people.team).on_arrival_since == since
    patch(manager, people, is_on_arrival=False)
    _, events = arrive(people, 15)
    run_embedding.after_change(events[-1])
    assert waiting() == []


def test_the_command_places_series_and_says_how_many(
    people: People, placer: Any, chests: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    people.member("researcher")
    spoil(chests[1])
    call_command("embed", "--model", "placer", "--all", "--team", people.team.slug, "--json")
    told = capsys.readouterr()
    report = json.loads(told.out.strip().splitlines()[-1])
    assert (report["embedded"], report["failed"], report["model"]) == (4, 1, "placer")
    assert chests[1].series_instance_uid in told.err
    call_command("embed", "--all", "--team", people.team.slug)
    assert "4 of 5 series placed" in capsys.readouterr().out
    for words in (("--model", "nothing", "--all"), ("--cohort", "nothing"), ("--model", "placer@9", "--all"), ()):
        with pytest.raises(CommandError):
            call_command("embed", *words, "--team", people.team.slug)
