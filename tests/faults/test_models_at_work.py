"""Training and inference when their worker dies, or the broker forgets: each job goes on where it was, and ends once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from medportal.analysis.services import start_analysis
from medportal.annotations.models import AnnotationSet
from medportal.jobs.models import Job
from medportal.messaging.models import Event
from medportal.messaging.services import enqueue
from medportal.training.evaluations.services import start_evaluation
from medportal.training.models import Evaluation, TrainingRun
from medportal.training.services import start_training
from medportal.zoo.models import ModelVersion
from tests.chests import store_chest
from tests.packages import register
from tests.processes import Child, Site, wait_until
from tests.rails import People
from tests.working import SMALL, child_of, ended, make_cohort, told

pytestmark = pytest.mark.faults
Start = Callable[..., Child]
SLICES = 24


@pytest.fixture
def analysis(people: People, tmp_path: Path) -> Job:
    """A queued analysis of many slices that takes some seconds."""
    register(people.team, tmp_path, name="slow", turns=3000)
    series = store_chest(people.team, 99, has_cancer=True, slices=SLICES)
    uid = series.series_instance_uid
    user = people.member("reader")
    return start_analysis(user, people.team.slug, id=uuid4(), series_instance_uid=uid, model="slow").job


def train(people: People, **settings: Any) -> Job:
    make_cohort(people.team)
    user = people.member("researcher")
    words = {"cohort": "chests", "recipe": "classification", "model": "chests"}
    return start_training(user, people.team.slug, id=uuid4(), settings=SMALL | settings, **words).job


def ends(job: Job) -> int:
    finals = ("succeeded", "failed", "cancelled")
    return Event.objects.filter(topic_id=job.topic, type="job.changed", data__state__in=finals).count()


def has_whole_result(job: Job) -> None:
    """Assert that the analysis has one result, with each slice once, in order, whoever made which of them."""
    indices = [piece["index"] for piece in told(job.pk, "slice.predicted")]
    assert indices == list(range(SLICES))
    result = AnnotationSet.objects.get(job_id=job.pk)
    pieces = {piece["sop_instance_uid"]: piece["probability"] for piece in told(job.pk, "slice.predicted")}
    assert {one["sop_instance_uid"]: one["probability"] for one in result.slices} == pieces
    assert len(told(job.pk, "series.verdict")) == 1
    assert ends(job) == 1


def test_inference_worker_that_is_killed(worker: Start, analysis: Job) -> None:
    worker("default")
    first = worker("inference")
    wait_until(lambda: len(told(analysis.pk, "slice.predicted")) > 5, 30, "pieces")
    first.kill()
    done = len(told(analysis.pk, "slice.predicted"))
    assert done < SLICES
    worker("inference")
    job = ended(analysis.pk)
    assert (job.state, job.attempt) == ("succeeded", 2)
    has_whole_result(job)


def test_analysis_that_is_delivered_ten_times(worker: Start, analysis: Job) -> None:
    worker("default")
    worker("inference")
    worker("inference")
    for _ in range(10):
        enqueue("medportal.analysis.tasks.run_analysis", queue="inference", job_id=str(analysis.pk))
    job = ended(analysis.pk)
    assert (job.state, job.attempt) == ("succeeded", 1)
    has_whole_result(job)


def test_an_evaluation_lets_analyses_go_first(people: People, worker: Start, tmp_path: Path) -> None:
    """Within a turn, however long it takes; and it ends with what it would have said without a break."""
    register(people.team, tmp_path / "slow", name="slow", turns=6000)
    quick = register(people.team, tmp_path / "quick", name="quick")
    cohort = make_cohort(people.team)
    cohort.members.update(split="test")
    user = people.member("researcher")

    def evaluate(model: str) -> Any:
        words = {"model": model, "cohort": "chests", "split": "test"}
        return start_evaluation(user, people.team.slug, id=uuid4(), **words)

    worker("default")
    worker("inference", include="tests.jobs.short_turns")
    whole = evaluate("quick")
    assert ended(whole.pk).attempt == 1
    evaluation = evaluate("slow")
    wait_until(lambda: Job.objects.get(pk=evaluation.pk).progress > 0, 30, "a series that has been read")
    uid = cohort.members.first().series_instance_uid
    asked_at = time.monotonic()
    analysis = start_analysis(user, people.team.slug, id=uuid4(), series_instance_uid=uid, model=quick.model.name).job
    job = ended(analysis.pk)
    assert time.monotonic() - asked_at < 8
    assert job.state == "succeeded"
    assert Job.objects.get(pk=evaluation.pk).state in {"queued", "running"}

    job = ended(evaluation.pk)
    assert (job.state, ends(job)) == ("succeeded", 1)
    assert job.attempt > 1
    documents = [Evaluation.objects.get(pk=one.pk).document for one in (whole, evaluation)]
    told_of_run = {"model", "sha256", "evaluated_at", "seconds"}
    ours, theirs = ({name: part for name, part in one.items() if name not in told_of_run} for one in documents)
    assert ours == theirs
    # All of its turns.
    assert documents[1]["seconds"] > 2


def test_training_worker_that_is_killed(site: Site, people: People, worker: Start) -> None:
    """No child is left behind; the next attempt goes on from the checkpoint, and no epoch is told twice."""
    job = train(people, epochs=8)
    worker("default")
    first = worker("training")
    wait_until(lambda: len(told(job.pk, "epoch.finished")) >= 2, 90, "two epochs")
    first.kill()
    wait_until(lambda: child_of(str(job.pk)) is None, 10, "end of the child")
    before = told(job.pk, "epoch.finished")
    assert 2 <= len(before) < 8
    worker("training")

    checkpoint = site.folder / "jobs" / str(job.pk) / "attempt-2" / "checkpoint" / "state.json"
    resumed = wait_until(lambda: _history_beyond(checkpoint, len(before) + 1), 90, "an epoch of the second attempt")
    # To the second's fraction that each took: they were not run again.
    assert resumed[: len(before)] == before
    job = ended(job.pk)
    assert (job.state, job.attempt) == ("succeeded", 2)
    epochs = told(job.pk, "epoch.finished")
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 9))
    assert TrainingRun.objects.get(pk=job.pk).history == epochs
    assert ModelVersion.objects.get(job_id=job.pk).number == 1
    assert ends(job) == 1


def _history_beyond(checkpoint: Path, count: int) -> list[dict[str, Any]] | None:
    """Return the epochs that the checkpoint knows of, once there are more than so many."""
    try:
        history = json.loads(checkpoint.read_text())["history"]
    except (OSError, ValueError):
        # It is just being exchanged.
        return None
    return list(history) if len(history) > count else None


def test_broker_that_forgets_queued_work(site: Site, people: People, worker: Start, analysis: Job) -> None:
    training = train(people, epochs=1)
    assert site.broker.client.llen("inference")
    assert site.broker.client.llen("training")
    site.broker.client.flushall()
    worker("inference")
    worker("training")
    worker("default")
    for job in (analysis, training):
        done = ended(job.pk)
        assert (done.state, done.attempt) == ("succeeded", 1)
        assert ends(done) == 1
    has_whole_result(analysis)
