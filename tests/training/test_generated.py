"""What a model has made up is learnt from: a generator, its images, a cohort with them, a classifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.chests import CLASSES, SCHEME, store_chests
from tests.processes import Site
from tests.rails import People
from tests.working import SMALL, client_of, ended

PAINTED = {"size": 32, "pixel_mm": 4.0, "width": 4, "latent": 4, "batch_size": 16, "epochs": 1, "high": 1000}


@pytest.fixture
def researcher(site: Site, people: People) -> Iterator[Any]:
    with client_of(site, people, "researcher") as client:
        yield client


def learn(client: Any, people: People, recipe: str, model: str, settings: dict[str, Any]) -> Any:
    words = {"id": str(uuid4()), "cohort": "chests", "recipe": recipe, "model": model, "settings": settings}
    answer = client.post(f"teams/{people.team.slug}/trainings/", json=words)
    assert answer.status_code == 202, answer.text
    job = ended(words["id"])
    assert job.state == "succeeded", job.error_detail
    return job


def paint(client: Any, people: People, **parameters: Any) -> Any:
    """Have images made, by a worker if the site has one, and return their series."""
    from medportal.analysis.models import Analysis
    from medportal.analysis.run_analysis import run_analysis

    words = {"id": str(uuid4()), "model": "painter", "parameters": parameters}
    answer = client.post(f"teams/{people.team.slug}/analyses/", json=words)
    assert answer.status_code == 202, answer.text
    run_analysis(words["id"], worker="test")
    job = ended(words["id"])
    assert job.state == "succeeded", job.error_detail
    return Analysis.objects.select_related("series__study").get(pk=job.pk).series


def freeze(client: Any, people: People, **words: Any) -> Any:
    answer = client.post(f"teams/{people.team.slug}/cohorts/", json={"name": "chests", "scheme": SCHEME, **words})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_from_a_generator_to_a_classifier_that_learns_from_its_images(researcher: Any, people: People) -> None:
    from medportal.cohorts import generators
    from medportal.cohorts.models import CohortMember

    store_chests(people.team, 8)
    first = freeze(researcher, people, search={})
    learn(researcher, people, "generation", "painter", PAINTED)
    mixed, sick = paint(researcher, people, count=4), paint(researcher, people, **{"count": 2, "class": CLASSES[1]})

    version = freeze(researcher, people, search={})
    assert (version["number"], version["classes"]) == (2, first["classes"])
    made = {
        member.series_id: member
        for member in CohortMember.objects.filter(version__cohort__team=people.team, version__number=2)
        if member.series_id in (mixed.pk, sick.pk)
    }
    assert {member.split for member in made.values()} == {"train"}
    assert (made[mixed.pk].label, sorted(made[mixed.pk].slice_labels.values())) == (CLASSES[1], sorted(CLASSES * 2))
    assert (made[sick.pk].label, made[sick.pk].slice_labels) == (CLASSES[1], {})
    assert version["check"]["sources"] == {"model": 2, "phantom": 8}
    assert "model_marks" in {one["code"] for one in version["check"]["findings"]}
    # Real patients stay where they were.
    assert {split: version["patients"][split] - first["patients"][split] for split in version["patients"]} == {
        "train": 1,
        "validation": 0,
        "test": 0,
    }
    assert not [one for one in version["check"]["findings"] if one["code"].startswith("generator")]
    assert learn(researcher, people, "classification", "chests", SMALL).result["version"] == 1

    # Split otherwise, patients are tested that the generator has learnt from.
    turned = freeze(researcher, people, search={}, seed=3)
    seen = [one for one in turned["check"]["findings"] if one["code"] == "generator_has_seen"]
    assert {one["severity"] for one in seen} == {"error"}
    assert any("test split" in one["detail"] for one in seen)
    words = {"id": str(uuid4()), "cohort": "chests", "recipe": "classification", "model": "chests"}
    refused = researcher.post(f"teams/{people.team.slug}/trainings/", json=words)
    assert refused.json()["code"] == "cohort_check"
    taught = generators.taught_makers([mixed.pk])
    assert len(taught.by) == first["fingerprint"]["series_of_split"]["train"]
    assert not taught.unknown
