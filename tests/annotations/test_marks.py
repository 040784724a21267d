"""Labels keep their history and the newest counts; a result names what made it, and a job has one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from medportal.annotations.access import current_labels, visible_annotation_sets
from medportal.annotations.models import AnnotationSet, Label, Source
from medportal.annotations.services import label_instances, label_series, save_result
from medportal.audit.models import AuditEvent
from medportal.errors import MedportalError
from tests.chests import SCHEME, store_chest
from tests.factories import make_member, make_team


@pytest.fixture
def series(team: Any) -> Any:
    """A labelled series of three slices."""
    return store_chest(team, 2, has_cancer=True, slices=3)


def values(series: Any) -> dict[str, str]:
    """Return the current labels: of the series under "", of slices under their numbers."""
    labels = current_labels([series], SCHEME)
    return {str(label.instance.instance_number) if label.instance else "": label.value for label in labels}


def test_the_newest_label_counts_and_earlier_ones_stay(series: Any, team: Any) -> None:
    assert values(series) == {"": "lung cancer", "1": "lung cancer", "2": "lung cancer", "3": "normal"}
    author = make_member(team)
    assert label_series(series, scheme=SCHEME, value="normal", source=Source.PERSON, author=author) is True
    assert values(series)[""] == "normal"
    assert list(Label.objects.filter(series=series, instance=None).values_list("value", flat=True)) == [
        "lung cancer",
        "normal",
    ]
    assert current_labels([series], "another scheme") == []


def test_the_same_label_again_adds_nothing(series: Any) -> None:
    before = Label.objects.count(), AuditEvent.objects.filter(action="labels.saved").count()
    assert label_series(series, scheme=SCHEME, value="lung cancer", source=Source.PERSON, author=None) is False
    assert (Label.objects.count(), AuditEvent.objects.filter(action="labels.saved").count()) == before


def test_only_slices_of_the_series_can_be_labelled_in_it(series: Any, team: Any) -> None:
    other = store_chest(team, 3, has_cancer=False, slices=1).instances.get().sop_instance_uid
    before = Label.objects.filter(series=series).count()
    own = series.instances.first().sop_instance_uid
    with pytest.raises(MedportalError) as refused:
        marks: dict[str, tuple[str, dict[str, Any]]] = {own: ("normal", {}), other: ("normal", {})}
        label_instances(series, scheme=SCHEME, values=marks, source=Source.PERSON, author=None)
    assert refused.value.code == "instance_not_in_series"
    assert Label.objects.filter(series=series).count() == before


def save(series: Any, job: Any, **changes: Any) -> AnnotationSet:
    words: dict[str, Any] = {
        "job_id": job,
        "series": series,
        "author": None,
        "task": "classification",
        "model": "bright",
        "version": 3,
        "sha256": "0" * 64,
        "provider": "CPU",
        "parameters": {"threshold": 0.5},
        "verdict": {"value": "normal", "probability": 0.1, "threshold": 0.5, "positive": False},
        "slices": [],
    }
    return save_result(**words | changes)


def test_a_job_has_one_result_however_often_it_is_saved(series: Any) -> None:
    job = uuid4()
    first = save(series, job)
    again = save(series, job, model="other", version=9)
    assert again == first
    assert (again.model, again.version) == ("bright", 3)
    assert AuditEvent.objects.filter(action="result.saved", detail__job=str(job)).count() == 1


def test_a_result_outlives_its_model_and_is_seen_by_its_team_alone(series: Any, team: Any) -> None:
    result = save(series, uuid4())
    member, outsider = make_member(team, "viewer"), make_member(make_team())
    assert list(visible_annotation_sets(member, team.slug)) == [result]
    with pytest.raises(MedportalError):
        visible_annotation_sets(outsider, team.slug)
    assert (result.source, result.model, result.version, result.sha256) == ("model", "bright", 3, "0" * 64)
