"""A model evaluated on a cohort's split: over HTTP, from the command line, cut off, with a torn series, cancelled."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import LiveSite
from tests.packages import register
from tests.processes import Site, wait_until
from tests.rails import People, this_process_on
from tests.working import client_of, ended, make_parted_cohort

KEYS = {"model", "version", "cohort", "split", "n", "groups", "metrics"}


@pytest.fixture(scope="module")
def site(live_site: LiveSite, django_db_blocker: Any) -> Iterator[Site]:
    """A site, whether or not an inference worker runs on it: where none does, the tests do its work themselves."""
    with this_process_on(live_site.site), django_db_blocker.unblock():
        yield live_site.site


@pytest.fixture(scope="module")
def people(site: Site) -> People:
    """A team for all tests of the module: storing its chests is what takes long."""
    return People()


@pytest.fixture(scope="module")
def model(people: People, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model that calls the bright chests cancer: it is always right."""
    return register(people.team, tmp_path_factory.mktemp("model"), output={"thresholds": [0.8]})


@pytest.fixture(scope="module")
def cohort(people: People, model: Any) -> Any:
    """A cohort of ten chests, of which two are for testing."""
    return make_parted_cohort(people.team)


def _start(people: People, **more: Any) -> Any:
    from medportal.training.evaluations.services import start_evaluation

    values: dict[str, Any] = {"id": uuid4(), "model": "bright", "cohort": "chests", "cohort_version": 1} | more
    return start_evaluation(people.member("researcher"), people.team.slug, **values)


def _waiting(people: People, **more: Any) -> Any:
    """An evaluation that no worker will do: it waits in a queue that none serves, whichever other tests have started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medportal.training.evaluations.services.QUEUE", "nobody")
        return _start(people, **more)


def _run(evaluation: Any) -> Any:
    """Do the worker's work, and return the evaluation as it is then."""
    from medportal.training.evaluations.run_evaluation import run_evaluation
    from medportal.training.models import Evaluation

    run_evaluation(evaluation.pk, worker="test")
    ended(evaluation.pk)
    return Evaluation.objects.select_related("job").get(pk=evaluation.pk)


def test_over_http_to_the_report(site: Site, people: People, cohort: Any) -> None:
    wanted = {"id": str(uuid4()), "model": "bright", "cohort": "chests", "cohort_version": 1}
    address = f"teams/{people.team.slug}/evaluations/"
    waiting = _waiting(people)
    with client_of(site, people, "researcher") as client, client_of(site, people, "viewer") as viewer:
        early = viewer.get(f"{address}{waiting.pk}/document/")
        first, again = client.post(address, json=wanted), client.post(address, json=wanted)
        assert first.status_code == again.status_code == 202, first.text
        assert first.json()["id"] == again.json()["id"] == wanted["id"]
        one = f"{address}{wanted['id']}/"
        assert (early.status_code, early.json()["code"]) == (409, "evaluation_not_finished")

        from medportal.audit.models import AuditEvent
        from medportal.training.models import Evaluation

        _run(Evaluation.objects.get(pk=wanted["id"]))
        listed = viewer.get(address, params={"model": "bright", "version": 1}).json()["results"]
        document = viewer.get(f"{one}document/").json()
        page = viewer.get(f"{one}report.html", headers={"Accept": "text/html"})
        pdf = viewer.get(f"{one}report.pdf", headers={"Accept": "application/pdf"})

    row = next(one for one in listed if one["id"] == wanted["id"])
    assert row["is_finished"]
    assert AuditEvent.objects.filter(action="evaluation.viewed", object_id=wanted["id"]).count() == 1
    assert row["metrics"]["accuracy"]["value"] == 1
    members = cohort.members.filter(split="test")
    assert document["n"] == members.count() == row["n"]
    assert document["metrics"]["auc"]["value"] == 1
    assert document["slices"]["n"] == 8 * document["n"]
    assert document["failed"] == []
    assert {case["series_uid"] for case in document["cases"]} <= set(
        members.values_list("series_instance_uid", flat=True)
    )
    assert page.headers["content-type"].startswith("text/html")
    assert f"/teams/{people.team.slug}/studies/{document['cases'][0]['study_uid']}" in page.text
    assert pdf.content.startswith(b"%PDF-")


def test_command_ends_with_the_figures(site: Site, people: People, cohort: Any, tmp_path: Path) -> None:
    people.member("researcher")
    report = tmp_path / "report.pdf"
    words = ["--team", people.team.slug, "--model", "bright", "--version", "1", "--cohort", "chests@1"]
    done = site.command("evaluate", *words, "--split", "validation", "--report", str(report), "--json")
    found = json.loads(done.stdout.splitlines()[-1])

    assert set(found) == KEYS
    assert (found["model"], found["version"], found["cohort"], found["split"]) == ("bright", 1, "chests", "validation")
    assert found["n"] == cohort.members.filter(split="validation").count()
    assert set(found["metrics"]["recall"]) == {"value", "low", "high"}
    assert found["metrics"]["recall"]["value"] == 1
    assert "measuring" in done.stderr
    assert report.read_bytes().startswith(b"%PDF-")


def test_an_empty_split_is_refused_by_name(people: People, cohort: Any) -> None:
    from medportal.errors import InvalidError

    type(cohort).objects.create(cohort=cohort.cohort, number=2, content_hash="empty", classes=cohort.classes)
    with pytest.raises(InvalidError, match="chests@2 has no series in the split test; it has none at all"):
        _start(people, cohort_version=2)


def test_a_series_that_cannot_be_read_is_named_and_the_others_are_told(people: People, cohort: Any) -> None:
    from medportal.archive.reading import object_path

    torn = cohort.members.filter(split="train").first().series
    object_path(torn.instances.first()).unlink()
    evaluation = _run(_start(people, split="train"))

    document = evaluation.document
    assert evaluation.job.state == "succeeded", evaluation.job.error_detail
    assert [one["series_uid"] for one in document["failed"]] == [torn.series_instance_uid]
    assert document["n"] == cohort.members.filter(split="train").count() - 1


def test_a_model_that_does_not_fit_fails_with_the_reason(people: People, cohort: Any, tmp_path: Path) -> None:
    register(people.team, tmp_path, name="boxes", task="detection")
    register(people.team, tmp_path, name="magnetic", input={"modalities": ["MR"]})
    boxes, magnetic = (_run(_start(people, model=name)) for name in ("boxes", "magnetic"))

    assert (boxes.job.state, boxes.job.error_code) == ("failed", "cohort_does_not_fit")
    assert (magnetic.job.state, magnetic.job.error_code) == ("failed", "empty_split")
    assert "CT" in magnetic.job.error_detail


def test_an_attempt_goes_on_where_the_last_was_cut_off(people: People, cohort: Any) -> None:
    from medportal.training.evaluations.records import folder_of

    job = uuid4()
    known = cohort.members.filter(split="test").order_by("series_instance_uid").first()
    record = {
        "series_uid": known.series_instance_uid,
        "study_uid": "1",
        "group": known.group,
        "split": "test",
        "truth": known.label,
        "prediction": "from before",
        "score": 0.5,
        "loss": 9.0,
        "slice": 0,
        "data": {"truth": [int(known.label != "normal")], "probabilities": [0.5, 0.5]},
    }
    folder = folder_of(job)
    folder.mkdir(parents=True)
    (folder / "records-0.jsonl").write_text(json.dumps(record) + '\n{"series_uid": "1.2.3", "torn')
    finished = _run(_start(people, id=job))

    assert finished.job.state == "succeeded", finished.job.error_detail
    assert finished.document["cases"][0]["prediction"] == "from before"
    assert finished.document["n"] == cohort.members.filter(split="test").count()
    assert not folder.exists()


def test_one_that_is_cancelled_stops_and_leaves_nothing(people: People, cohort: Any, tmp_path: Path) -> None:
    from django.db import connection

    from medportal.jobs.models import Job
    from medportal.jobs.services import cancel_job
    from medportal.training.evaluations.records import folder_of

    register(people.team, tmp_path, name="slow", turns=3000)
    evaluation = _start(people, model="slow", split="train")

    def work() -> None:
        _run(evaluation)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: Job.objects.get(pk=evaluation.pk).stage == "running", what="the evaluation")
    cancel_job(Job.objects.get(pk=evaluation.pk), actor=people.member("manager"))
    thread.join(timeout=5)

    assert not thread.is_alive()
    assert Job.objects.get(pk=evaluation.pk).state == "cancelled"
    assert not folder_of(evaluation.pk).exists()


def _ended_run(people: People, version: Any, value: float = 0.5, *, seed: int = 0, **more: Any) -> Any:
    """Return a training that has ended with an accuracy."""
    from medportal.jobs.models import Job
    from medportal.training.models import TrainingRun

    job = Job.objects.create(team=people.team, kind="training", task_name="-", queue="nobody", state="succeeded")
    return TrainingRun.objects.create(
        job=job,
        team=people.team,
        cohort_version=version,
        recipe=more.get("recipe", "classification"),
        config={"control": more.get("control", "image-border"), "seed": seed},
        model_name=more.get("model", "bright"),
        metrics={"accuracy": {"value": value, "low": None, "high": None}},
    )


def _controls(evaluation: Any) -> dict[str, float]:
    from medportal.training.evaluations.controls import with_controls

    return {name: one["accuracy"]["value"] for name, one in with_controls(evaluation)["controls"].items()}


def test_controls_that_end_later_stand_beside_the_figures(
    site: Site, people: People, cohort: Any, tmp_path: Path
) -> None:
    evaluation, other_split = _run(_start(people)), _run(_start(people, split="validation"))
    assert _controls(evaluation) == {}
    _ended_run(people, cohort, 0.4)
    _ended_run(people, cohort, 0.5)
    _ended_run(people, cohort, 1.0, control="none")
    _ended_run(people, cohort, 0.9, recipe="autoencoder")
    _ended_run(people, cohort, 0.9, control="shuffled-labels", model="another")

    assert _controls(evaluation) == {"image-border": 0.5}
    assert _controls(other_split) == {}
    one = f"teams/{people.team.slug}/evaluations/{evaluation.pk}/"
    with client_of(site, people, "viewer") as viewer:
        document = viewer.get(f"{one}document/").json()
        page = viewer.get(f"{one}report.html", headers={"Accept": "text/html"}).text
    assert document["controls"]["image-border"]["accuracy"]["value"] == 0.5
    assert "image-border" in page
    words = ["--team", people.team.slug, "--model", "bright", "--version", "1", "--cohort", "chests@1"]
    report = tmp_path / "report.json"
    done = site.command("evaluate", *words, "--id", str(evaluation.pk), "--report", str(report))
    assert "image-border 0.500" in done.stdout
    assert json.loads(report.read_text())["controls"] == document["controls"]


def test_without_a_test_split_controls_are_of_the_same_validation(people: People, cohort: Any) -> None:
    from medportal.cohorts.models import CohortMember
    from medportal.training.models import Evaluation

    frozen = type(cohort).objects.create(cohort=cohort.cohort, number=3, content_hash="no test", classes=cohort.classes)
    for member in cohort.members.all():
        member.pk, member.version, member.split = None, frozen, "train"
        member.save()
    assert CohortMember.objects.filter(version=frozen).count() == 10
    run = _ended_run(people, frozen, 1.0, control="none", seed=1)
    # As `run_training` writes it; each seed makes a validation split of its own.
    evaluation = Evaluation.objects.create(
        id=run.pk,
        job=run.job,
        team=people.team,
        model_name="bright",
        model_version=1,
        cohort_version=frozen,
        split="validation",
        document={"task": "classification"},
    )
    _ended_run(people, frozen, 0.6, seed=1)
    _ended_run(people, frozen, 0.7, seed=4, control="shuffled-labels")

    assert _controls(evaluation) == {"image-border": 0.6}


def test_what_the_training_had_seen_is_told(people: People, cohort: Any, tmp_path: Path, capsys: Any) -> None:
    from medportal.cohorts.models import Cohort, CohortMember, CohortVersion
    from medportal.jobs.models import Job
    from medportal.training.management.commands.evaluate import _warn_of_seen
    from medportal.training.models import TrainingRun

    version = register(people.team, tmp_path, name="learnt", output={"thresholds": [0.8]})
    job = Job.objects.create(team=people.team, kind="training", task_name="-", queue="nobody", state="succeeded")
    config = {"control": "none", "seed": 0}
    TrainingRun.objects.create(
        job=job, team=people.team, cohort_version=cohort, recipe="classification", config=config, model_name="learnt"
    )
    type(version).objects.filter(pk=version.pk).update(job_id=job.pk)
    # Another cohort of the same patients, under other names, and split otherwise.
    other = Cohort.objects.create(team=people.team, name="others")
    frozen = CohortVersion.objects.create(cohort=other, number=1, content_hash="o", classes=cohort.classes)
    for number, member in enumerate(cohort.members.filter(split__in=("validation", "test"))):
        CohortMember.objects.create(
            version=frozen,
            series=member.series,
            series_instance_uid=member.series_instance_uid,
            group=f"other {number}",
            split="test",
            label=member.label,
        )
    own = _run(_start(people, model="learnt")).document
    assert own["seen_in_training"] == {"series": 0, "groups": 0}
    _warn_of_seen(own)
    assert capsys.readouterr().err == ""
    again = _run(_start(people, model="learnt", cohort="others")).document
    seen = cohort.members.filter(split="validation").count()
    assert (again["seen_in_training"], again["n"] > seen) == ({"series": seen, "groups": seen}, True)
    _warn_of_seen(again)
    assert "were in the model's training" in capsys.readouterr().err


def test_a_version_that_has_left_the_zoo_is_not_another(people: People, cohort: Any, tmp_path: Path) -> None:
    left = register(people.team, tmp_path, name="left")
    evaluation = _waiting(people, model="left")
    type(left).objects.filter(pk=left.pk).delete()
    finished = _run(evaluation)

    assert (finished.job.state, finished.job.error_code) == ("failed", "model_version_not_found")


def test_ages_and_makers_come_from_the_tags(people: People, model: Any) -> None:
    from medportal.cohorts.reading import _attributes_of
    from tests.chests import store_chest

    series = store_chest(people.team, 77, has_cancer=False, slices=3, PatientAge="045Y", Manufacturer="Maker")

    found = _attributes_of(series)
    assert found["age"] == "40–59"
    assert found["sex"] == "F"
    assert found["manufacturer"] == "Maker"
