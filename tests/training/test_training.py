"""Real trainings of a tiny network: told epoch by epoch, stopped, cancelled, entered in the zoo, run on a series."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from medportal.jobs.models import Job
from medportal.training.models import Evaluation, TrainingRun
from medportal.zoo.models import ModelVersion
from tests.chests import CLASSES, SCHEME, store_chest, store_chests
from tests.processes import Site, wait_until
from tests.rails import People
from tests.sockets import Socket
from tests.working import SMALL, child_of, client_of, ended, make_cohort, told

FIGURES = {"validation_loss", "accuracy", "recall", "specificity", "precision", "f1", "auc"}


@pytest.fixture
def cohort(people: People) -> Any:
    """Eight patients' small chests."""
    return make_cohort(people.team)


@pytest.fixture
def client(site: Site, people: People) -> Iterator[Callable[..., Any]]:
    """Return a function that gives an HTTP client of a new member."""
    with ExitStack() as stack:
        yield lambda role="researcher": stack.enter_context(client_of(site, people, role))


def start(client: Any, people: People, **settings: Any) -> str:
    words = {"id": str(uuid4()), "cohort": "chests", "recipe": "classification", "model": "chests"}
    answer = client.post(f"teams/{people.team.slug}/trainings/", json=words | {"settings": SMALL | settings})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job"]["id"])


def look(client: Any, people: People, job: str) -> dict[str, Any]:
    return dict(client.get(f"teams/{people.team.slug}/trainings/{job}/").json())


def test_from_the_cohort_to_a_model_that_runs(
    site: Site, people: People, client: Callable[..., Any], cohort: Any
) -> None:
    """Epochs stream in order to whoever looks on; then the version is in the zoo, whole, and reads a series."""
    researcher, viewer = client(), client("viewer")
    job = start(researcher, people)
    with Socket(site, token=viewer.token) as socket:
        socket.follow(f"job:{job}", after=0)
        frames: list[dict[str, Any]] = []
        while not (frames and frames[-1]["data"].get("state") in {"succeeded", "failed", "cancelled"}):
            frames.append(socket.take(120))
    assert frames[-1]["data"]["state"] == "succeeded", frames[-1]["data"]["error_detail"]
    epochs = [frame["data"] for frame in frames if frame["type"] == "epoch.finished"]
    assert [(epoch["epoch"], epoch["epochs"]) for epoch in epochs] == [(1, 2), (2, 2)]
    assert all(set(epoch["figures"]) >= FIGURES for epoch in epochs)
    stages = [frame["data"]["stage"] for frame in frames if frame["type"] == "training.stage"]
    assert stages == ["preparing", "loading", "training", "exporting", "evaluating", "shrinking", "registering"]
    progress = [frame["data"]["progress"] for frame in frames if frame["type"] == "job.changed"]
    assert progress == sorted(progress)

    training = look(viewer, people, job)
    assert training["history"] == epochs
    assert training["version"] == 1
    assert set(training["metrics"]) >= {"accuracy", "recall", "precision", "f1", "auc"}
    assert all(set(figure) == {"value", "low", "high"} for figure in training["metrics"].values())
    version = ModelVersion.objects.get(model__team=people.team)
    assert (version.number, version.stage, str(version.job_id)) == (1, "candidate", job)
    manifest = version.manifest
    assert manifest["trained"]["data"]["content_hash"] == cohort.content_hash
    assert manifest["trained"]["parity"]["largest_logits_difference"] < manifest["trained"]["parity"]["tolerance"]
    assert manifest["input"]["size"] == [32, 32]

    evaluation = Evaluation.objects.get(team=people.team)
    assert (evaluation.model_name, evaluation.model_version, evaluation.split) == ("chests", 1, "test")
    assert evaluation.document["metrics"] == training["metrics"]
    assert all(case["study_uid"] for case in evaluation.document["cases"])
    assert evaluation.document["seen_in_training"] == {"series": 0, "groups": 0}

    team = ["--team", people.team.slug, "--json"]
    (verified,) = json.loads(site.command("zoo", "verify", *team).stdout.splitlines()[-1])
    assert verified["ok"], verified["reason"]
    series = cohort.members.first().series_instance_uid
    done = site.command("predict", "--model", "chests@1", "--series", series, *team)
    predicted = json.loads(done.stdout.splitlines()[-1])
    assert (predicted["model"], predicted["version"]) == ("chests", 1)
    assert len(predicted["result"]["slices"]) == 8
    # What was only needed for the training is gone.
    assert not (site.folder / "jobs" / job).exists()


def test_a_prognosis_says_its_horizon_wherever_its_figures_stand(
    site: Site, people: People, client: Callable[..., Any]
) -> None:
    """The horizon of the outcomes goes with them: into the cohort, the card, and every evaluation."""
    store_chests(people.team, 8)
    researcher, base = client(), f"teams/{people.team.slug}"
    # Every second patient died within the horizon, the others later.
    lines = [f"PHANTOM-{number:04},{100 if number % 2 else 900},1" for number in range(1, 9)]
    table = {"file": ("follow-up.csv", "\n".join(["patient,time_days,event", *lines]))}
    asked = {"scheme": "death-1y", "horizon_days": "365"}
    assert researcher.post(f"{base}/outcomes/", data=asked, files=table).json()["yes"] == 4
    words = {
        "name": "chests",
        "scheme": "death-1y",
        "search": {},
        "split": {"train": 0.5, "validation": 0, "test": 0.5},
    }
    version = researcher.post(f"{base}/cohorts/", json=words).json()
    assert version["fingerprint"]["horizon_days"] == 365
    job = ended(start(researcher, people, epochs=1))
    assert job.state == "succeeded", job.error_detail

    shown = researcher.get(f"{base}/models/chests/versions/1/").json()
    assert shown["manifest"]["trained"]["data"]["horizon_days"] == 365
    assert "| outcome at 365 days |" in shown["card"]
    site.command("evaluate", "--team", people.team.slug, "--model", "chests@1", "--cohort", "chests")
    evaluations = list(Evaluation.objects.filter(team=people.team))
    assert [one.document["horizon_days"] for one in evaluations] == [365, 365]
    page = researcher.get(f"{base}/evaluations/{evaluations[0].pk}/report.html", headers={"Accept": "text/html"})
    assert "outcome at 365 days" in page.text


@pytest.mark.parametrize(
    "patients",
    [
        pytest.param(range(1, 9), id="either", marks=pytest.mark.slow),
        pytest.param(range(2, 17, 2), id="all with a finding"),
    ],
)
def test_what_slices_alone_say_is_learnt_and_measured(
    people: People, client: Callable[..., Any], patients: range
) -> None:
    from medportal.annotations.models import Label

    series = [store_chest(people.team, n, has_cancer=n % 2 == 0) for n in patients]
    Label.objects.filter(series__in=series, instance=None).delete()
    researcher = client()
    words = {"name": "chests", "scheme": SCHEME, "series": [one.series_instance_uid for one in series]}
    frozen = researcher.post(f"teams/{people.team.slug}/cohorts/", json=words)
    assert frozen.json()["classes"] == list(CLASSES), frozen.text
    job = start(researcher, people)
    done = ended(job)
    assert done.state == "succeeded", done.error_detail
    document = Evaluation.objects.get(team=people.team).document
    tested = frozen.json()["fingerprint"]["series_of_split"]["test"]
    assert (document["n"], document["slices"]["n"]) == (tested, 8 * tested)
    assert document["slices"]["metrics"]["auc"]["value"] is not None
    assert {case["truth"] for case in document["cases"]} == {CLASSES[n % 2 == 0] for n in patients}


def test_near_duplicates_are_looked_for_when_a_training_prepares(
    people: People, cohort: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may have looked at the cohort's page: what is learnt from is compared all the same."""
    from medportal.cohorts.models import CohortVersion, PerceptualHash
    from medportal.jobs.leases import claim
    from medportal.training import run_training, services

    monkeypatch.setattr(services, "QUEUE", "nobody")
    words: dict[str, Any] = {"cohort": "chests", "recipe": "classification", "model": "chests", "settings": SMALL}
    training = services.start_training(people.member("researcher"), people.team.slug, id=uuid4(), **words)
    # As if a picture were in two splits.
    monkeypatch.setattr("medportal.cohorts.hashing._hashes_of", lambda _: ["0" * 32])
    with claim(training.pk, worker="test") as lease:
        assert lease is not None
        run_training.Run(lease).prepare()
    assert PerceptualHash.objects.filter(series__team=people.team).count() == 8
    lines = [one["message"] for one in told(str(training.pk), "training.log")]
    assert any(line.startswith("warning: ") and "look alike" in line for line in lines)
    assert CohortVersion.objects.get(pk=cohort.pk).check_report["unhashed"] == 0


def test_it_stops_at_a_preset_figure_and_the_next_training_is_the_next_version(
    people: People, client: Callable[..., Any], cohort: Any
) -> None:
    researcher = client()
    jobs = [start(researcher, people, epochs=6, stop_metric="accuracy", stop_value=0.0) for _ in range(2)]
    for job in jobs:
        assert ended(job).state == "succeeded"
        assert [epoch["epoch"] for epoch in told(job, "epoch.finished")] == [1]
    assert {look(researcher, people, job)["version"] for job in jobs} == {1, 2}


def test_figures_of_what_chose_the_thresholds_say_so(people: People, client: Callable[..., Any], cohort: Any) -> None:
    cohort.members.filter(split="test").update(split="train")
    job = start(client(), people, epochs=1)
    assert ended(job).state == "succeeded"
    document = Evaluation.objects.get(pk=job).document

    assert document["split"] == "validation"
    assert document["seen_in_training"] == {"series": document["n"], "groups": document["groups"]}


def test_trainings_take_turns_and_what_is_short_waits_for_none(
    people: People, client: Callable[..., Any], cohort: Any
) -> None:
    """One at a time, whatever else is asked for; those that wait are told their place, and can be cancelled."""
    researcher = client()
    first, second, third = jobs = [start(researcher, people, epochs=epochs) for epochs in (1000, 1000, 1)]
    wait_until(lambda: told(first, "epoch.finished"), 60, "first epoch")
    words = {"id": str(uuid4()), "cohort": "chests", "recipe": "classification", "settings": SMALL}
    researcher.post(f"teams/{people.team.slug}/previews/", json=words).raise_for_status()
    assert ended(words["id"]).state == "succeeded"
    waiting = [look(researcher, people, job)["job"] for job in jobs]
    assert [(job["state"], job["queue_place"]) for job in waiting] == [("running", 0), ("queued", 1), ("queued", 2)]

    answer = researcher.post(f"teams/{people.team.slug}/jobs/{second}/cancel/").json()
    assert (answer["state"], answer["attempt"]) == ("cancelled", 0)
    wait_until(lambda: told(third, "job.changed")[-1]["queue_place"] == 1, 5, "moving up")
    assert look(researcher, people, third)["job"]["state"] == "queued"
    researcher.post(f"teams/{people.team.slug}/jobs/{first}/cancel/").raise_for_status()
    assert ended(third).state == "succeeded"


def test_it_is_cancelled_within_five_seconds_and_leaves_nothing(
    site: Site, people: People, client: Callable[..., Any], cohort: Any
) -> None:
    researcher = client()
    job = start(researcher, people, epochs=1000)
    wait_until(lambda: told(job, "epoch.finished"), 60, "first epoch")
    child = child_of(job)
    assert child is not None
    assert researcher.post(f"teams/{people.team.slug}/jobs/{job}/cancel/").status_code == 200
    wait_until(lambda: Job.objects.get(pk=job).state == "cancelled", 5, "cancellation")
    wait_until(lambda: child_of(job) is None, 5, "end of the child")
    assert not ModelVersion.objects.filter(model__team=people.team).exists()
    wait_until(lambda: not (site.folder / "jobs" / job).exists(), 5, "folder")


def test_a_child_that_is_killed_fails_the_training_with_the_reason(
    people: People, client: Callable[..., Any], cohort: Any
) -> None:
    researcher = client()
    job = start(researcher, people, epochs=1000)
    wait_until(lambda: told(job, "epoch.finished"), 60, "first epoch")
    child = child_of(job)
    assert child is not None
    os.kill(child, signal.SIGKILL)
    done = ended(job, 20)
    assert (done.state, done.error_code) == ("failed", "child_lost")
    assert "out of memory" in done.error_detail


def test_the_control_is_measured_and_not_kept(site: Site, people: People, cohort: Any) -> None:
    """From the command line, as a script would: the last line is JSON, logs are elsewhere."""
    people.member("researcher")
    small = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    words = ["--cohort", "chests", "--model", "chests", "--team", people.team.slug, "--json", "--wait", *small]
    done = site.command("train", *words, "--control", "shuffled-labels", "--set", "epochs=1")
    (line,) = done.stdout.splitlines()
    report = json.loads(line)
    assert (report["model"], report["version"]) == ("chests", None)
    assert report["metrics"]["accuracy"]["value"] is not None
    assert "epoch 1/1" in done.stderr
    assert TrainingRun.objects.get(pk=report["run"]).config["control"] == "shuffled-labels"
    assert not ModelVersion.objects.filter(model__team=people.team).exists()


def test_a_preview_shows_varied_samples_and_trains_nothing(
    people: People, client: Callable[..., Any], cohort: Any
) -> None:
    words = {"id": str(uuid4()), "cohort": "chests", "recipe": "classification", "settings": SMALL}
    answer = client().post(f"teams/{people.team.slug}/previews/", json=words)
    assert answer.status_code == 202, answer.text
    done = ended(words["id"])
    assert (done.state, done.result) == ("succeeded", {"count": 12}), done.error_detail
    (event,) = told(words["id"], "training.previews")
    pictures = event["previews"]
    assert {"flip", "rotate_degrees", "scale_fraction"} <= {row["setting"] for row in event["rows"]}
    assert {picture["caption"] for picture in pictures} == {"normal", "lung cancer"}
    assert all(base64.b64decode(picture["png"]).startswith(b"\x89PNG") for picture in pictures)
    assert not TrainingRun.objects.filter(team=people.team).exists()
