"""A team's cohort of small chests, and its members' HTTP clients, on a running site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.chests import CLASSES, SCHEME, store_chests
from tests.processes import Site, wait_until
from tests.rails import People

FINAL = {"succeeded", "failed", "cancelled"}
# As little as the recipe allows: an epoch takes some tenths of a second.
SMALL = {"size": 32, "width": 4, "pixel_mm": 4.0, "epochs": 2, "repeats": 1, "high": 1000, "batch_size": 8}


def make_cohort(team: Any, *, patients: int = 8, name: str = "chests") -> Any:
    """Store patients and freeze them as a cohort's version."""
    from medportal.annotations.models import Label
    from medportal.cohorts.services import Choice, freeze_version, group_of

    choices = []
    for number, series in enumerate(store_chests(team, patients), start=1):
        labels = Label.objects.filter(series=series, scheme=SCHEME, instance__isnull=False).select_related("instance")
        choices.append(
            Choice(
                series,
                group_of(series.study.patient, series.study.study_instance_uid),
                CLASSES[number % 2 == 0],
                {label.instance.sop_instance_uid: label.value for label in labels if label.instance},
            )
        )
    return freeze_version(team, name=name, classes=CLASSES, choices=choices, actor=None)[0]


def make_parted_cohort(team: Any) -> Any:
    """Store ten patients and freeze them as a cohort's version, of each class one for testing and one for validation."""
    version = make_cohort(team, patients=10)
    for number, member in enumerate(version.members.order_by("label", "series_instance_uid")):
        member.split = ("test", "validation", "train", "train", "train")[number % 5]
        member.save()
    return version


@contextmanager
def client_of(site: Site, people: People, role: str = "reader", *, user: Any = None) -> Iterator[Any]:
    """Give an HTTP client of the API as a new member of the team; `client.user` and `client.token` are its own."""
    user = user or people.member(role)
    token = people.token(user)
    with httpx.Client(base_url=f"{site.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30) as one:
        one.user, one.token = user, token  # type: ignore[attr-defined]
        yield one


def ended(job_id: Any, timeout_s: float = 120.0) -> Any:
    """Wait for a job's end and return it."""
    from medportal.jobs.models import Job

    wait_until(lambda: Job.objects.get(pk=job_id).state in FINAL, timeout_s, "end of the job")
    return Job.objects.get(pk=job_id)


def told(job_id: Any, type_: str) -> list[dict[str, Any]]:
    """Return the data of a job's events of a type, in order."""
    from medportal.messaging.models import Event

    return list(
        Event.objects.filter(topic_id=f"job:{job_id}", type=type_).order_by("seq").values_list("data", flat=True)
    )


def child_of(job: str, module: str = "medportal.learning.child") -> int | None:
    """Return the process id of a training's child, or another's, if it runs."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if module.encode() in command and job.encode() in command:
                return int(folder.name)
    return None
