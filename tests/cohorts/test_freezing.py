"""Cohorts over HTTP: chosen by label, split by patient, frozen; the same content again adds nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medportal.annotations.models import Label, Source
from medportal.annotations.services import label_instances
from medportal.cohorts import services
from medportal.cohorts.models import CohortMember, CohortVersion
from medportal.errors import ConflictError, MedportalError
from tests.chests import CLASSES, SCHEME, store_chest
from tests.factories import make_team

PATIENTS = 8


@pytest.fixture
def series(team: Any) -> list[Any]:
    """Eight patients' series, every other one with cancer."""
    return [store_chest(team, n, has_cancer=n % 2 == 0, slices=2) for n in range(1, PATIENTS + 1)]


@pytest.fixture
def freeze(client_for: Callable[..., Any], team: Any, series: list[Any]) -> Callable[..., Any]:
    """Return a function that asks for a version; by default of all series, as a researcher."""
    researcher = client_for("researcher")

    def freeze(client: Any = researcher, **changes: Any) -> Any:
        words = {
            "name": "chests",
            "scheme": SCHEME,
            "classes": list(CLASSES),
            "series": [one.series_instance_uid for one in series],
        }
        url = f"/api/v1/teams/{team.slug}/cohorts/"
        said = {name: value for name, value in (words | changes).items() if value is not None}
        return client.post(url, said, content_type="application/json")

    return freeze


def members(version: dict[str, Any]) -> dict[str, CohortMember]:
    rows = CohortMember.objects.filter(version__content_hash=version["content_hash"])
    return {row.series_instance_uid: row for row in rows}


def test_a_version_says_what_is_in_it(freeze: Callable[..., Any], client_for: Callable[..., Any], team: Any) -> None:
    answer = freeze(title="Chests")
    version = answer.json()
    assert (answer.status_code, version["number"], version["is_trainable"]) == (201, 1, True)
    assert version["classes"] == list(CLASSES)
    assert version["counts"] == {
        "train": {"normal": 2, "lung cancer": 2},
        "validation": {"normal": 1, "lung cancer": 1},
        "test": {"normal": 1, "lung cancer": 1},
    }
    assert version["patients"] == {"train": 4, "validation": 2, "test": 2}
    url = f"/api/v1/teams/{team.slug}/cohorts/"
    viewer = client_for("viewer")
    (listed,) = viewer.get(url).json()
    findings = {"findings": version["check"]["findings"]}
    assert (listed["title"], listed["versions"]) == ("Chests", [version | {"check": findings}])
    assert viewer.get(f"{url}chests/").json() == listed | {"versions": [version]}
    assert viewer.get(f"{url}nothing/").status_code == 404


def test_labels_of_slices_are_frozen_too(freeze: Callable[..., Any], series: list[Any]) -> None:
    frozen = members(freeze().json())[series[1].series_instance_uid]
    assert (frozen.label, sorted(frozen.slice_labels.values())) == ("lung cancer", ["lung cancer", "lung cancer"])
    normal = members(freeze().json())[series[0].series_instance_uid]
    assert set(normal.slice_labels.values()) == {"normal"}


def test_series_of_which_slices_alone_are_labelled_take_part(freeze: Callable[..., Any], team: Any) -> None:
    """A series is of the last class among its slices; a class that slices alone have is there as well."""
    series = [store_chest(team, n, has_cancer=n % 2 == 0, slices=4) for n in range(201, 209)]
    Label.objects.filter(series__in=series, instance=None).delete()
    unlabelled = store_chest(team, 210, has_cancer=True, slices=4)
    Label.objects.filter(series=unlabelled).delete()
    every = [one.study.study_instance_uid for one in [*series, unlabelled]]
    version = freeze(name="slices", series=[], studies=every, classes=None).json()
    rows = members(version)
    assert version["classes"] == list(CLASSES)
    assert [rows[one.series_instance_uid].label for one in series] == [CLASSES[n % 2] for n in (0, 1) * 4]
    assert sorted(rows[series[1].series_instance_uid].slice_labels.values()) == ["lung cancer"] * 2 + ["normal"] * 2
    assert unlabelled.series_instance_uid not in rows
    assert version["check"]["sources"] == {"phantom": 8}
    assert freeze(name="named", series=[unlabelled.series_instance_uid]).json()["code"] == "unlabelled"
    turned = members(freeze(name="turned", series=[], studies=every, classes=list(reversed(CLASSES))).json())
    assert {one.label for one in turned.values()} == {"normal"}

    sick = [one.series_instance_uid for one in series[1::2]]
    version = freeze(
        name="sick", series=sick, classes=None, split={"train": 0.5, "validation": 0.25, "test": 0.25}
    ).json()
    assert version["counts"]["train"] == {"normal": 0, "lung cancer": 2}
    assert version["check"]["balance"]["train"] == {"normal": 2, "lung cancer": 2}
    assert {one["code"] for one in version["check"]["findings"]} == {"not_compared", "sources"}


def test_several_labels_of_slices_are_all_of_the_series(freeze: Callable[..., Any], series: list[Any]) -> None:
    for one in series:
        first, second = one.instances.order_by("instance_number").values_list("sop_instance_uid", flat=True)
        values: dict[str, tuple[str, dict[str, Any]]] = {first: ("cyst|mass", {}), second: ("mass|scar", {})}
        label_instances(one, scheme="finds", values=values, source=Source.PERSON, author=None)
    version = freeze(kind="multi_label", scheme="finds", classes=None).json()
    assert version["classes"] == ["cyst", "mass", "scar"]
    assert set(members(version)[series[0].series_instance_uid].labels) == {"cyst", "mass", "scar"}


def test_the_same_content_again_adds_nothing(freeze: Callable[..., Any], series: list[Any]) -> None:
    first = freeze().json()
    again = freeze(series=[one.series_instance_uid for one in reversed(series)])
    assert (again.status_code, again.json()) == (200, first)
    assert CohortVersion.objects.count() == 1
    assert CohortMember.objects.count() == PATIENTS


def test_other_content_is_the_next_version_and_the_first_stays(freeze: Callable[..., Any], series: list[Any]) -> None:
    from medportal.annotations.models import Source
    from medportal.annotations.services import label_series

    first = freeze().json()
    before = {uid: row.label for uid, row in members(first).items()}
    label_series(series[0], scheme=SCHEME, value="lung cancer", source=Source.PERSON, author=None)
    second = freeze(seed=0)
    assert (second.status_code, second.json()["number"]) == (201, 2)
    assert members(second.json())[series[0].series_instance_uid].label == "lung cancer"
    assert {uid: row.label for uid, row in members(first).items()} == before


def test_another_seed_is_another_split(freeze: Callable[..., Any]) -> None:
    splits = [{uid: row.split for uid, row in members(freeze(seed=seed).json()).items()} for seed in (1, 2, 3, 1)]
    assert splits[0] == splits[3]
    assert len({tuple(sorted(split.items())) for split in splits}) > 1


def test_all_of_a_patient_is_on_one_side(freeze: Callable[..., Any], team: Any, series: list[Any]) -> None:
    """Three more studies of the first patients: whatever the seed, a patient is in one split."""
    more = [
        store_chest(team, n + 100, has_cancer=n % 2 == 0, slices=1, PatientID=f"PHANTOM-{n:04d}") for n in (1, 2, 3)
    ]
    chosen = [one.series_instance_uid for one in [*series, *more]]
    for seed in range(6):
        version = freeze(series=chosen, seed=seed).json()
        rows = members(version).values()
        assert len(rows) == 11
        assert len({(row.group, row.split) for row in rows}) == PATIENTS


def test_studies_can_be_chosen_whole(freeze: Callable[..., Any], series: list[Any]) -> None:
    whole = freeze(series=[], studies=[one.study.study_instance_uid for one in series])
    assert whole.json()["content_hash"] == freeze().json()["content_hash"]


def test_who_may_freeze(freeze: Callable[..., Any], client_for: Callable[..., Any]) -> None:
    for role, status in (("viewer", 403), ("reader", 403), ("manager", 201), ("outsider", 404), ("admin", 404)):
        assert freeze(client_for(role)).status_code == status, role
    assert freeze(client_for("anonymous")).status_code in {401, 403}


def test_another_teams_series_are_not_found(freeze: Callable[..., Any], series: list[Any]) -> None:
    foreign = store_chest(make_team(), 50, has_cancer=True, slices=1)
    answer = freeze(series=[*(one.series_instance_uid for one in series), foreign.series_instance_uid])
    assert (answer.status_code, answer.json()["code"]) == (404, "series_not_found")


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "another scheme": ({"scheme": "age"}, 422, "unlabelled"),
    "nothing chosen": ({"series": []}, 422, "empty_cohort"),
    "a class that is none": ({"classes": ["normal", "pneumonia"]}, 422, "unknown_class"),
    "a class twice": ({"classes": ["normal", "normal"]}, 422, "class_twice"),
    "one class": ({"classes": ["normal"]}, 400, "invalid"),
    "parts beyond one": ({"split": {"train": 0.9, "validation": 0.9, "test": 0.9}}, 422, "bad_fractions"),
    "parts below one": ({"split": {"train": 0.5, "validation": 0.2, "test": 0}}, 422, "bad_fractions"),
    "no scheme": ({"scheme": ""}, 400, "invalid"),
    "a name with a path": ({"name": "../x"}, 400, "invalid"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_frozen_is_refused_with_the_reason(freeze: Callable[..., Any], fault: str) -> None:
    changes, status, code = REFUSED[fault]
    answer = freeze(**changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not CohortVersion.objects.exists()


def test_a_class_with_too_few_patients_is_refused(freeze: Callable[..., Any], series: list[Any]) -> None:
    answer = freeze(series=[one.series_instance_uid for one in series[:5]])
    assert (answer.status_code, answer.json()["code"]) == (422, "class_too_small")
    assert "lung cancer" in answer.json()["detail"]


def test_a_given_split_that_parts_a_patient_is_refused(team: Any, series: list[Any]) -> None:
    choices = [
        services.Choice(one, "one patient", CLASSES[n % 2], split=("train", "test")[n % 2])
        for n, one in enumerate(series[:2])
    ]
    with pytest.raises(MedportalError) as refused:
        services.freeze_version(team, name="chests", classes=CLASSES, choices=choices, actor=None)
    assert refused.value.code == "group_on_two_sides"


def generated(team: Any, series: list[Any]) -> list[Any]:
    """Two of a model's images, of either class, beside the phantoms."""
    made = {"PatientID": "SYNTHETIC-0123456789abcdef", "PatientName": "SYNTHETIC^maker"}
    return [*series, *(store_chest(team, n, has_cancer=n % 2 == 0, slices=1, **made) for n in (101, 102))]


def test_what_a_model_made_up_is_for_training_alone(freeze: Callable[..., Any], team: Any, series: list[Any]) -> None:
    every = generated(team, series)
    for seed in range(4):
        answer = freeze(series=[one.series_instance_uid for one in every], seed=seed, name=f"chests-{seed}")
        assert answer.status_code == 201, answer.content
        rows = members(answer.json())
        assert {rows[one.series_instance_uid].split for one in every[-2:]} == {"train"}
        assert "generator_unknown" in {one["code"] for one in answer.json()["check"]["findings"]}
        assert answer.json()["patients"] == {"train": 5, "validation": 2, "test": 2}
    choices = [services.Choice(one, f"p{n}", CLASSES[1], split="test") for n, one in enumerate(every)]
    with pytest.raises(MedportalError) as refused:
        services.freeze_version(team, name="chests", classes=CLASSES, choices=choices, actor=None)
    assert refused.value.code == "synthetic_not_in_training"
    assert every[-2].series_instance_uid in refused.value.detail
    answer = freeze(series=[one.series_instance_uid for one in every], split={"train": 0, "validation": 0, "test": 1})
    assert answer.json()["code"] == "synthetic_not_in_training"


def test_a_version_that_has_lost_a_series_can_no_longer_be_learnt_from(
    freeze: Callable[..., Any], client_for: Callable[..., Any], team: Any, series: list[Any]
) -> None:
    freeze()
    series[0].study.delete()
    researcher = client_for("researcher")
    (version,) = researcher.get(f"/api/v1/teams/{team.slug}/cohorts/chests/").json()["versions"]
    assert version["is_trainable"] is False
    assert version["counts"]["train"] is not None
    assert CohortMember.objects.get(series=None).series_instance_uid == series[0].series_instance_uid
    words = {
        "id": "7dee5687-ca1f-4b91-af4e-cfdf13874c4f",
        "cohort": "chests",
        "recipe": "classification",
        "model": "chests",
    }
    answer = researcher.post(f"/api/v1/teams/{team.slug}/trainings/", words, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "cohort_not_trainable")


def test_a_series_that_has_grown_is_not_what_was_frozen(freeze: Callable[..., Any], series: list[Any]) -> None:
    """A slice that comes later is in the next version; the first is no longer learnt from as if it were the same."""
    from medportal.archive.models import Instance
    from medportal.cohorts.reading import load_member

    first = freeze().json()
    member = members(first)[series[0].series_instance_uid]
    assert load_member(member).label == member.label
    known = series[0].instances.order_by("pk").first()
    values = {name: getattr(known, name) for name in ("team_id", "series_id", "sop_class_uid", "size_bytes")}
    Instance.objects.create(**values, sop_instance_uid="2.25.99", storage_key=known.storage_key, sha256="f" * 64)
    with pytest.raises(ConflictError, match="freeze it anew") as raised:
        load_member(member)
    assert raised.value.code == "series_changed"
    second = freeze()
    assert (second.status_code, second.json()["number"]) == (201, 2)


def test_where_nothing_is_named_the_test_split_is_evaluated_or_validation(freeze: Callable[..., Any]) -> None:
    from medportal.training.management.commands.evaluate import _usual_split

    freeze()
    version = CohortVersion.objects.get()
    assert _usual_split(version) == "test"
    version.members.filter(split="test").update(split="train")
    assert _usual_split(version) == "validation"
    version.members.filter(split="validation").update(split="train")
    assert _usual_split(version) == "test"
