"""Classifiers that learn from a generator's images: measured by an evaluation that is asked to, cut off, cancelled, refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import LiveSite
from tests.networks import flat_model
from tests.packages import register
from tests.processes import Site, wait_until
from tests.rails import People, this_process_on
from tests.working import child_of, client_of, make_parted_cohort


@pytest.fixture(scope="module")
def site(live_site: LiveSite, django_db_blocker: Any) -> Iterator[Site]:
    """A site whose workers do nothing here: the tests do their work themselves."""
    with this_process_on(live_site.site), django_db_blocker.unblock():
        yield live_site.site


@pytest.fixture(scope="module")
def people(site: Site) -> People:
    """A team for all tests of the module."""
    return People()


@pytest.fixture(scope="module")
def cohort(people: People) -> Any:
    """A cohort of ten chests, of which two are for testing."""
    return make_parted_cohort(people.team)


def _start(people: People, queue: str, **more: Any) -> Any:
    """Ask for an evaluation that no worker will do."""
    from medportal.training.evaluations import services

    values: dict[str, Any] = {"id": uuid4(), "cohort": "chests"} | more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, queue, "nobody")
        return services.start_evaluation(people.member("researcher"), people.team.slug, **values)


def test_what_generated_images_are_worth_is_told_beside_the_other_figures(
    site: Site, people: People, cohort: Any, tmp_path: Path
) -> None:
    from medportal.training.evaluations.run_evaluation import run_evaluation
    from medportal.training.evaluations.run_worth import run_worth
    from medportal.training.folders import TrainingFolder

    register(people.team, tmp_path, name="painter", task="generation")
    plain, asked = (
        _start(people, "QUEUE", model="painter"),
        _start(people, "WORTH_QUEUE", model="painter", worth=True),
    )
    run_evaluation(plain.pk, worker="test")
    plain.refresh_from_db()
    # An earlier attempt was cut off when the first classifier had learnt.
    figure = {"value": 0.75, "low": None, "high": None}
    known = {"training_images": 48, "measured_images": 16, "metrics": {"balanced_accuracy": figure}}
    folder = TrainingFolder(asked.pk).root
    folder.mkdir(parents=True)
    (folder / "way-real.json").write_text(json.dumps(known))
    # A power cut has left this one empty.
    (folder / "way-both.json").touch()
    for _ in range(2):
        # The second time there is nothing to do.
        run_worth(asked.pk, worker="test")
    asked.refresh_from_db()
    asked.job.refresh_from_db()

    assert asked.job.state == "succeeded", asked.job.error_detail
    assert not folder.exists()
    document = asked.document
    assert {**document, "worth": 0, "seconds": 0, "evaluated_at": ""} == {
        **plain.document,
        "worth": 0,
        "seconds": 0,
        "evaluated_at": "",
    }
    assert set(document["worth"]) == {"real", "generated", "both"}
    assert document["worth"]["real"] == known
    slices = 8 * cohort.members.filter(split="train").count()
    assert {way: told["training_images"] for way, told in document["worth"].items()} == {
        "real": 48,
        "generated": slices,
        "both": 2 * slices,
    }
    both = document["worth"]["both"]
    assert both["measured_images"] == 8 * document["n"]
    assert set(both["metrics"]["balanced_accuracy"]) == {"value", "low", "high"}
    words = ["--team", people.team.slug, "--model", "painter@1", "--cohort", "chests@1", "--worth"]
    report = tmp_path / "report.html"
    done = site.command("evaluate", *words, "--id", str(asked.pk), "--report", str(report), "--json")
    assert json.loads(done.stdout.splitlines()[-1])["worth"] == document["worth"]
    assert "generated images alone" in report.read_text()


def test_classifiers_that_learn_from_generated_images_stop_when_they_are_told(
    people: People, cohort: Any, tmp_path: Path
) -> None:
    from django.db import connection

    from medportal.jobs.models import Job
    from medportal.jobs.services import cancel_job
    from medportal.training.evaluations.run_worth import run_worth
    from medportal.training.folders import TrainingFolder

    register(people.team, tmp_path, name="stopped", task="generation")
    evaluation = _start(people, "WORTH_QUEUE", worth=True, model="stopped", split="validation")

    def work() -> None:
        run_worth(evaluation.pk, worker="test")
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: Job.objects.get(pk=evaluation.pk).stage == "training", 60, what="the classifiers")
    cancel_job(Job.objects.get(pk=evaluation.pk), actor=people.member("manager"))
    thread.join(timeout=5)

    assert not thread.is_alive()
    assert Job.objects.get(pk=evaluation.pk).state == "cancelled"
    assert child_of(str(evaluation.pk), "medportal.learning.worth") is None
    assert not TrainingFolder(evaluation.pk).root.exists()


def test_what_no_classifier_can_tell_is_refused_beforehand(
    site: Site, people: People, cohort: Any, tmp_path: Path
) -> None:
    from medportal.errors import InvalidError

    one_class = flat_model(classes=1).SerializeToString()
    register(people.team, tmp_path, name="grey", task="generation", classes=["normal"], network=one_class)
    register(people.team, tmp_path, name="teacher", task="generation")
    register(people.team, tmp_path, name="bright")
    for words, why in (
        ({"model": "bright"}, "does not generate"),
        ({"model": "grey"}, "of several classes"),
        ({"model": "teacher", "split": "train"}, "choose another"),
    ):
        with pytest.raises(InvalidError, match=why) as caught:
            _start(people, "WORTH_QUEUE", worth=True, **words)
        assert caught.value.code == "no_worth"
    wanted = {"id": str(uuid4()), "model": "bright", "cohort": "chests", "worth": True}
    with client_of(site, people, "researcher") as client:
        answer = client.post(f"teams/{people.team.slug}/evaluations/", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_worth")
