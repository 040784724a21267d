"""Versions entered at once, on either database."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from medportal.zoo.models import ModelVersion, Origin
from medportal.zoo.services import register_package
from tests.packages import make_package
from tests.processes import Site
from tests.rails import People
from tests.threads import in_threads


def test_each_gets_a_number_of_its_own(site: Site, people: People, tmp_path: Path) -> None:
    sources = [make_package(tmp_path / str(n), turns=n) for n in range(4)]

    def enter(source: Path) -> None:
        register_package(people.team, "bright", source, origin=Origin.TRAINED, metrics={}, created_by=None)

    in_threads(*[lambda source=source: enter(source) for source in sources])
    versions = ModelVersion.objects.filter(model__team=people.team)
    assert sorted(versions.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert versions.values("sha256").distinct().count() == 4


def test_a_job_entered_twice_at_once_gives_one(site: Site, people: People, tmp_path: Path) -> None:
    source, job, given = make_package(tmp_path / "p"), uuid4(), []

    def enter() -> None:
        version = register_package(
            people.team, "bright", source, origin=Origin.TRAINED, metrics={}, created_by=None, job_id=job
        )
        given.append(version.number)

    in_threads(enter, enter, enter)
    assert given == [1, 1, 1]
