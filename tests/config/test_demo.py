"""The demo made again adds nothing, and begins again what did not come to its end."""

from __future__ import annotations

from typing import Any

import pytest

from medportal.config import demo
from medportal.jobs.models import Job
from tests.factories import make_member
from tests.working import make_cohort


@pytest.fixture
def start(team: Any) -> Any:
    """Return a function that starts the demo's training, as `manage.py demo` does at its end."""
    cohort = make_cohort(team, patients=6, name=demo.COHORT)
    manager = make_member(team, "manager")
    return lambda: demo._start_training(team, manager, cohort)


def test_a_second_demo_waits_for_the_first_ones_training(start: Any) -> None:
    assert start() == start()
    assert Job.objects.count() == 1


def test_a_training_of_an_earlier_release_is_taken_as_it_is(start: Any) -> None:
    """The recipe's defaults may have changed since."""
    job = start().job
    Job.objects.filter(pk=job.pk).update(state="succeeded", params={"config": {"epochs": 99}})
    assert start().pk == job.pk


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_did_not_come_to_its_end_is_begun_again(start: Any, state: str) -> None:
    first = start()
    Job.objects.filter(pk=first.pk).update(state=state)
    second = start()
    assert second.pk != first.pk
    assert start() == second


@pytest.mark.parametrize("patients", [6, 7, 8, 60, 61])
def test_of_each_two_neighbours_one_has_cancer(patients: int) -> None:
    cases = demo.demo_cases(patients)
    assert [case.number for case in cases] == list(range(1, patients + 1))
    kinds = [case.kind for case in cases]
    assert all(set(kinds[n : n + 2]) == {"cancer", "normal"} for n in range(0, patients - 1, 2))
    # More patients are the same ones, and more.
    assert demo.demo_cases(patients + 4)[:patients] == cases


def test_real_files_are_all_in_pydicom_and_stored(team: Any) -> None:
    said: list[str] = []
    demo.import_real_files(team, make_member(team, "manager"), say=said.append)
    assert said == [f"{len(demo.REAL_FILES)} real images"]
