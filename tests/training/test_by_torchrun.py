"""A training is prepared, run by two processes that torchrun starts, and taken in as one that the site ran."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from medportal.audit.models import AuditEvent
from medportal.jobs.models import Job
from medportal.training.models import Evaluation, TrainingRun
from medportal.zoo.models import ModelVersion
from tests.processes import Site, torchrun
from tests.rails import People
from tests.working import SMALL, make_cohort, told


def prepare(site: Site, people: People, *more: str) -> tuple[str, Path]:
    """Return (job, spec) of a training that waits for torchrun."""
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    words = ["--team", people.team.slug, "--cohort", "chests", "--model", "chests", *settings, *more]
    done = site.command("train", *words, "--prepare-only", "--json")
    report = json.loads(done.stdout.splitlines()[-1])
    return report["run"], Path(report["spec"])


def refused(people: People, job: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("train", "--team", people.team.slug, "--adopt", job)


def test_what_torchrun_has_trained_is_taken_in(site: Site, people: People) -> None:
    cohort = make_cohort(people.team)
    people.member("researcher")
    job, spec = prepare(site, people)
    # The same id again is the same training, prepared once.
    assert prepare(site, people, "--id", job) == (job, spec)
    refused(people, job, "not been started")

    assert torchrun(spec).returncode == 0
    manifest = spec.parent / "package" / "manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"epochs": 2', '"epochs": 3'))
    refused(people, job, "not of this training")
    manifest.write_text(whole)
    # All this time no worker has taken it, though one is there.
    assert Job.objects.get(pk=job).state == "queued"
    done = site.command("train", "--team", people.team.slug, "--adopt", job, "--json")

    report = json.loads(done.stdout.splitlines()[-1])
    assert (report["model"], report["version"]) == ("chests", 1)
    row = Job.objects.get(pk=job)
    assert (row.state, row.progress) == ("succeeded", 1.0)
    training = TrainingRun.objects.get(pk=job)
    assert [epoch["epoch"] for epoch in training.history] == [1, 2]
    assert training.history == told(job, "epoch.finished")
    version = ModelVersion.objects.get(model__team=people.team)
    assert (version.number, version.stage, str(version.job_id)) == (1, "candidate", job)
    assert version.manifest["trained"]["data"]["content_hash"] == cohort.content_hash
    evaluation = Evaluation.objects.get(team=people.team)
    assert evaluation.document["metrics"] == training.metrics == report["metrics"]
    assert all(case["study_uid"] for case in evaluation.document["cases"])
    assert AuditEvent.objects.filter(action="training.adopted", object_id=job).count() == 1
    (verified,) = json.loads(
        site.command("zoo", "verify", "--team", people.team.slug, "--json").stdout.splitlines()[-1]
    )
    assert verified["ok"], verified["reason"]
    assert not (site.folder / "jobs" / job).exists()
    refused(people, job, "it is succeeded")


@pytest.mark.slow
def test_what_failed_may_be_started_again(site: Site, people: People) -> None:
    make_cohort(people.team)
    people.member("researcher")
    job, spec = prepare(site, people, "--set", "epochs=1")
    index = Path(json.loads(spec.read_text())["data_dir"]) / "index.json"
    whole = index.read_bytes()
    index.write_bytes(b"")
    assert torchrun(spec).returncode != 0
    refused(people, job, "Start it again")
    index.write_bytes(whole)
    assert torchrun(spec).returncode == 0
    call_command("train", "--team", people.team.slug, "--adopt", job)
    assert TrainingRun.objects.get(pk=job).version == 1


def test_a_training_of_the_site_is_not_handed_out(site: Site, people: People) -> None:
    from medportal.training.services import start_training

    make_cohort(people.team)
    researcher = people.member("researcher")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medportal.training.services.QUEUE", "nobody")
        training = start_training(
            researcher, people.team.slug, id=uuid4(), cohort="chests", recipe="classification", model="chests"
        )
    job = str(training.pk)
    refused(people, job, "does not wait for torchrun")
    words = ["--team", people.team.slug, "--cohort", "chests", "--model", "chests", "--id", job, "--prepare-only"]
    with pytest.raises(CommandError, match="another request"):
        call_command("train", *words)
    with pytest.raises(CommandError, match="--cohort and --model"):
        call_command("train", "--team", people.team.slug)
