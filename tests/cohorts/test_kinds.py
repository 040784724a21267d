"""A cohort is frozen from what is known of chosen series: labels, masks, boxes, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medportal.annotations.models import AnnotationSet, Source
from medportal.annotations.services import label_series, save_boxes, save_mask
from medportal.cohorts.models import CohortVersion
from medportal.cohorts.reading import load_member
from medportal.cohorts.services import Choice, freeze_version
from medportal.errors import MedportalError
from medportal.imaging.marks import Box
from tests.chests import CLASSES, SCHEME, SIDE, store_chest

SHAPE = (2, SIDE, SIDE)
PARTS = {"train": 0.5, "validation": 0.0, "test": 0.5}


@pytest.fixture
def series(team: Any) -> list[Any]:
    """Six patients' series."""
    return [store_chest(team, n, has_cancer=n % 2 == 0, slices=2) for n in range(1, 7)]


@pytest.fixture
def freeze(client_for: Callable[..., Any], team: Any, series: list[Any]) -> Callable[..., Any]:
    """Return a function that asks for a version of all series, as a researcher."""
    researcher = client_for("researcher")

    def freeze(**words: Any) -> Any:
        body = {"name": "set", "series": [one.series_instance_uid for one in series], "split": PARTS, **words}
        return researcher.post(f"/api/v1/teams/{team.slug}/cohorts/", body, content_type="application/json")

    return freeze


def member_of(series: Any) -> Any:
    version = CohortVersion.objects.order_by("-pk").first()
    assert version is not None
    return version.members.select_related("version", "series__team").get(series=series)


def mark(series: Any, seed: int, source: Source = Source.PERSON, labels: tuple[str, ...] = ("lung", "nodule")) -> Any:
    array = np.random.default_rng(seed).integers(0, len(labels) + 1, SHAPE)
    segments = [{"value": n, "label": label} for n, label in enumerate(labels, start=1)]
    return save_mask(series, array, segments, source=source, author=None)[0], array


def test_masks(freeze: Callable[..., Any], series: list[Any]) -> None:
    assert freeze(kind="masks").json()["code"] == "unlabelled"
    # What a model has marked is true only where somebody says so, and that is told.
    for n, one in enumerate(series):
        mark(one, 100 + n, Source.MODEL)
    assert freeze(kind="masks").json()["code"] == "unlabelled"
    check = freeze(kind="masks", name="of-models", include_model_marks=True).json()["check"]
    assert check["sources"] == {"model": 6}
    assert "model_marks" in {one["code"] for one in check["findings"]}
    marked = {one.pk: mark(one, n) for n, one in enumerate(series)}
    # What a model says later does not go before what a person said.
    mark(series[0], 99, Source.MODEL)
    answer = freeze(kind="masks")
    version = answer.json()
    assert (answer.status_code, version["kind"], version["classes"]) == (201, "masks", ["lung", "nodule"])
    assert version["check"]["sources"] == {"person": 6}
    assert version["counts"]["train"] == {"lung": 3, "nodule": 3}
    assert set(version["fingerprint"]["series_of_split"].values()) == {3, 0}
    one = load_member(member_of(series[0]))
    assert one.mask is not None
    assert np.array_equal(one.mask, marked[series[0].pk][1])
    assert freeze(kind="masks").status_code == 200
    # A class alone, and another order of classes: other numbers.
    assert freeze(kind="masks", classes=["nodule"]).json()["classes"] == ["nodule"]
    nodule = load_member(member_of(series[0])).mask
    assert nodule is not None
    assert np.array_equal(nodule == 1, marked[series[0].pk][1] == 2)
    # Another mask is another content.
    mark(series[1], 77)
    assert freeze(kind="masks").json()["number"] == 3


def test_a_mask_that_is_gone(freeze: Callable[..., Any], series: list[Any]) -> None:
    for n, one in enumerate(series):
        mark(one, n)
    freeze(kind="masks")
    AnnotationSet.objects.filter(series=series[0]).delete()
    with pytest.raises(MedportalError) as refused:
        load_member(member_of(series[0]))
    assert refused.value.code == "cohort_not_trainable"
    assert series[0].series_instance_uid in refused.value.detail
    # The same voxels again are the same mask.
    _, array = mark(series[0], 0)
    one = load_member(member_of(series[0]))
    assert one.mask is not None
    assert np.array_equal(one.mask, array)


def test_instances_and_classes_do_not_mix(freeze: Callable[..., Any], series: list[Any]) -> None:
    for n, one in enumerate(series):
        mark(one, n, labels=("cell",))
    cells = [{"value": 1, "label": "cell"}]
    save_mask(series[0], np.full(SHAPE, 7), cells, source=Source.PERSON, author=None, is_instances=True)
    answer = freeze(kind="masks")
    assert (answer.status_code, answer.json()["code"]) == (422, "instances")


def test_boxes(freeze: Callable[..., Any], series: list[Any]) -> None:
    for n, one in enumerate(series):
        boxes = [Box(("a", "b")[n % 2], (0, 1, 2), (1, 5 + n, 9))] if n else []
        save_boxes(one, boxes, source=Source.IMPORT, author=None)
    version = freeze(kind="boxes").json()
    assert (version["kind"], version["classes"]) == ("boxes", ["a", "b"])
    assert version["fingerprint"]["box_mm"] == [5.0, 14.0, 14.0]
    one = load_member(member_of(series[1]))
    assert one.boxes == (Box("b", (0, 1, 2), (1, 6, 9)),)
    assert load_member(member_of(series[0])).boxes == ()
    assert freeze(kind="boxes", classes=["b"]).json()["classes"] == ["b"]
    assert load_member(member_of(series[2])).boxes == ()


def test_several_labels(freeze: Callable[..., Any], series: list[Any]) -> None:
    for n, one in enumerate(series):
        value = "|".join(("effusion", "nodule")[: n % 3])
        label_series(one, scheme="findings", value=value, source=Source.PERSON, author=None)
    version = freeze(kind="multi_label", scheme="findings").json()
    assert (version["classes"], sum(version["counts"][s]["effusion"] for s in ("train", "test"))) == (
        ["effusion", "nodule"],
        4,
    )
    label_series(series[0], scheme="findings", value="nodule", source=Source.MODEL, author=None)
    assert freeze(kind="multi_label", scheme="findings").json() == version
    assert load_member(member_of(series[2])).labels == ("effusion", "nodule")
    assert load_member(member_of(series[0])).labels == ()


def test_images_alone_and_classes_that_occur(freeze: Callable[..., Any], series: list[Any]) -> None:
    version = freeze(kind="images").json()
    assert (version["classes"], version["fingerprint"]["series_of_split"]["train"]) == ([], 3)
    assert load_member(member_of(series[0])).label == ""
    named = freeze(kind="classes", scheme=SCHEME).json()["classes"]
    assert named == ["normal", "lung cancer"]
    assert freeze(kind="pictures").status_code == 400


def test_a_search_as_the_worklists(freeze: Callable[..., Any], series: list[Any], team: Any) -> None:
    store_chest(
        team,
        50,
        has_cancer=True,
        slices=1,
        PatientName="Somebody^Else",
        PatientID="Z",
        AccessionNumber="",
        StudyDescription="",
    )
    words = {"series": [], "kind": "images"}
    assert sum(freeze(**words, search={}).json()["fingerprint"]["series_of_split"].values()) == 7
    found = freeze(**words, search={"search": "phantom"}).json()
    assert found["fingerprint"]["series"] == 6
    assert freeze(**words, search={"modality": "MR"}).json()["code"] == "empty_cohort"


def test_defaults_are_chosen_from_the_training_series(team: Any) -> None:
    """What is tested is larger, thicker and in larger boxes: that must not be known when the settings are chosen."""
    sizes = [(2, 8), (2, 8), (6, 20), (6, 20)]
    choices = []
    for n, (slices, side) in enumerate(sizes, 1):
        spacing = {} if n < 3 else {"PixelSpacing": [4.0, 4.0]}
        series = store_chest(team, n, has_cancer=n % 2 == 0, slices=slices, **spacing)
        boxes = [Box("a", (0, 0, 0), (1, side, side)).to_json()]
        choices.append(Choice(series, f"p{n}", split="train" if n < 3 else "test", boxes=boxes))
    values: dict[str, Any] = {"kind": "boxes", "classes": ["a"], "actor": None}
    version, _ = freeze_version(team, name="train", choices=choices, **values)
    found = version.fingerprint
    assert (found["slices"], found["slices_max"], found["spacing_mm_zyx"]) == (2, 6, [5.0, 2.0, 2.0])
    assert (found["boxes"], found["box_px"], found["box_mm"]) == (2, [1, 8, 8], [5.0, 16.0, 16.0])
    # Without a training there is nothing to keep apart.
    tests = [replace(choice, split="test") for choice in choices]
    assert freeze_version(team, name="test", choices=tests, **values)[0].fingerprint["slices"] == 4


def test_a_fingerprint_says_what_the_images_are_like(freeze: Callable[..., Any]) -> None:
    found = freeze(scheme=SCHEME, classes=list(CLASSES)).json()["fingerprint"]
    assert (found["series"], found["groups"], found["slices"], found["rows"]) == (6, 6, 2, SIDE)
    assert (found["spacing_mm_zyx"], found["channels"], found["bits"]) == ([5.0, 2.0, 2.0], 1, 16)
    assert (found["modalities"], found["manufacturers"]) == (["CT"], ["medportal"])
    kept = CohortVersion.objects.get().fingerprint
    assert {"rows_min", "rows_max", "slices_max", "counts", "kind", "classes"} <= set(kept)
