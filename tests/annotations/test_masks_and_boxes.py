"""Masks and boxes lie on their series' stack, come back as they were, and add nothing when they come again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from medportal.annotations.label_maps import Mask, array_of
from medportal.annotations.models import AnnotationSet, LabelMap, Source
from medportal.annotations.serializers import AnnotationSetSerializer
from medportal.annotations.services import save_boxes, save_mask, save_result
from medportal.audit.models import AuditEvent
from medportal.errors import MedportalError
from medportal.imaging.marks import Box
from tests.chests import SIDE, store_chest
from tests.factories import make_member, make_team

SHAPE = (3, SIDE, SIDE)
SEGMENTS = [{"value": 1, "label": "lung"}, {"value": 2, "label": "nodule"}]


@pytest.fixture
def series(team: Any) -> Any:
    """A series of three slices."""
    return store_chest(team, 2, has_cancer=True, slices=3)


def some_mask(high: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, SHAPE)


def put(series: Any, array: np.ndarray, segments: Any = SEGMENTS, **options: Any) -> tuple[AnnotationSet, bool]:
    return save_mask(series, array, segments, **{"source": Source.IMPORT, "author": None, **options})


def test_a_mask_comes_back_as_it_was(series: Any) -> None:
    array = some_mask()
    made, is_new = put(series, array)
    assert is_new
    label_map = LabelMap.objects.get(annotation_set=made)
    assert np.array_equal(array_of(label_map), array)
    assert (label_map.dtype, label_map.shape) == ("uint8", list(SHAPE))
    assert [one["voxels"] for one in label_map.segments] == [int((array == 1).sum()), int((array == 2).sum())]


def test_instances_have_many_numbers_and_one_class(series: Any) -> None:
    array = some_mask(60_000)
    made, _ = put(series, array, [{"value": 1, "label": "cell"}], is_instances=True)
    assert made.label_map.dtype == "uint16"
    assert np.array_equal(array_of(made.label_map), array)
    assert made.label_map.segments == [{"value": 1, "label": "cell", "voxels": int((array > 0).sum())}]


def test_the_same_again_adds_nothing(series: Any) -> None:
    first, _ = put(series, some_mask())
    # A data set's sets are in memory until they are frozen: not their voxels.
    assert "payload" not in first.label_map.__dict__
    audited = AuditEvent.objects.filter(action="marks.saved").count()
    again, is_new = put(series, some_mask())
    assert (again, is_new, "payload" in again.label_map.__dict__) == (first, False, False)
    assert AuditEvent.objects.filter(action="marks.saved").count() == audited == 1
    assert put(series, some_mask(seed=1))[1]
    assert put(series, some_mask(), source=Source.PERSON)[1]
    assert AnnotationSet.objects.count() == 3


REFUSED: dict[str, tuple[Any, Any, bool, str]] = {
    "another size": (np.zeros((3, SIDE, SIDE - 1), int), SEGMENTS, False, "mask_shape"),
    "another number of slices": (np.zeros((2, SIDE, SIDE), int), SEGMENTS, False, "mask_shape"),
    "two dimensions": (np.zeros((SIDE, SIDE), int), SEGMENTS, False, "mask_shape"),
    "fractions": (np.zeros(SHAPE), SEGMENTS, False, "mask_shape"),
    "negative numbers": (np.full(SHAPE, -1), SEGMENTS, False, "mask_values"),
    "numbers beyond 16 bits": (np.full(SHAPE, 70_000), SEGMENTS, False, "mask_values"),
    "a number without a name": (np.full(SHAPE, 3), SEGMENTS, False, "segments"),
    "a segment twice": (np.ones(SHAPE, int), [SEGMENTS[0], SEGMENTS[0]], False, "segments"),
    "a name for the background": (np.ones(SHAPE, int), [{"value": 0, "label": "x"}, *SEGMENTS], False, "segments"),
    "instances of two classes": (np.ones(SHAPE, int), SEGMENTS, True, "segments"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_mask_that_does_not_fit_is_refused_by_name(series: Any, fault: str) -> None:
    array, segments, is_instances, code = REFUSED[fault]
    with pytest.raises(MedportalError) as refused:
        put(series, array, segments, is_instances=is_instances, name="mask 7.png")
    assert refused.value.code == code
    assert refused.value.detail.startswith("mask 7.png")
    assert not AnnotationSet.objects.exists()


def test_boxes_come_back_and_add_nothing_again(series: Any) -> None:
    boxes = [Box("nodule", (0, 1, 2), (1, 5, 9)), Box("nodule", (1, 0, 0), (3, SIDE, SIDE), 0.5)]
    words: dict[str, Any] = {"source": Source.IMPORT, "author": None}
    made, is_new = save_boxes(series, boxes, **words)
    assert is_new
    assert save_boxes(series, boxes[::-1], **words) == (made, False)
    assert save_boxes(series, [], **words)[1]
    assert not save_boxes(series, [], **words)[1]
    assert sorted(made.boxes, key=lambda box: box["low"]) == [box.to_json() for box in boxes]
    for low, high in (((0, 0, 0), (4, 5, 5)), ((-1, 0, 0), (1, 5, 5)), ((0, 0, 0), (1, SIDE + 0.5, 5))):
        with pytest.raises(MedportalError, match="box 1") as refused:
            save_boxes(series, [Box("nodule", low, high)], **words)
        assert refused.value.code == "box_outside"


def test_a_result_may_hold_boxes_and_a_mask(series: Any) -> None:
    words: dict[str, Any] = {"job_id": uuid4(), "series": series, "author": None, "task": "segmentation", "model": "m"}
    words |= {"version": 1, "sha256": "0" * 64, "provider": "CPU", "parameters": {}, "verdict": {}, "slices": []}
    mask = Mask(some_mask(), SEGMENTS)
    result = save_result(**words, boxes=[Box("nodule", (0, 0, 0), (1, 2, 2), 0.7)], mask=mask)
    assert save_result(**words, mask=mask) == result
    assert np.array_equal(array_of(result.label_map), mask.array)
    shown = AnnotationSetSerializer(result).data
    assert (shown["verdict"], shown["boxes"][0]["score"]) == (None, 0.7)
    assert shown["mask"]["segments"][0]["label"] == "lung"
    assert "payload" not in shown["mask"]
    with pytest.raises(MedportalError, match="2 × 3 × 4"):
        save_result(**(words | {"job_id": uuid4()}), mask=Mask(np.zeros((2, 3, 4), int), SEGMENTS))


def test_the_voxels_leave_for_members_alone(series: Any, team: Any, client_for: Callable[..., Any]) -> None:
    array = some_mask()
    made, _ = put(series, array)
    viewer = client_for("viewer")
    url = f"/api/v1/teams/{team.slug}/annotation-sets/{made.pk}/mask/"
    answer = viewer.get(url)
    assert answer["Content-Type"] == "application/octet-stream"
    voxels = np.frombuffer(zlib.decompress(answer.content), np.uint8).reshape(SHAPE)
    assert np.array_equal(voxels, array)
    assert AuditEvent.objects.filter(action="mask.viewed", actor_id=viewer.user.pk).count() == 1
    assert answer["Cache-Control"] == "private, no-cache"
    again = viewer.get(url, headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content, again["Cache-Control"]) == (304, b"", "private, no-cache")
    assert viewer.get(url, headers={"if-none-match": '"another"'}).content == answer.content
    assert client_for("outsider").get(url, headers={"if-none-match": answer["ETag"]}).status_code == 404
    other = make_team()
    make_member(other, user=viewer.user)
    assert viewer.get(url.replace(team.slug, other.slug)).status_code == 404
    boxes, _ = save_boxes(series, [], source=Source.IMPORT, author=None)
    assert viewer.get(url.replace(str(made.pk), str(boxes.pk))).status_code == 404
