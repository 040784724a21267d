"""Segmentations are kept frame by frame as they are drawn, keep their history, and are never silently overwritten."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medportal.annotations.models import SegmentFrame, Source
from medportal.annotations.segmentations import document
from medportal.annotations.segmentations.arrays import frames_of, state_of_volumes, volumes_of
from medportal.annotations.segmentations.services import create_segmentation
from medportal.annotations.services import save_mask
from medportal.audit.models import AuditEvent
from medportal.errors import MedportalError
from medportal.messaging.models import Event
from tests.chests import SIDE, store_chest

SEGMENT = {"number": 1, "label": "lung", "color": "#e69f00"}


@pytest.fixture
def series(team: Any) -> Any:
    """A series of three slices."""
    return store_chest(team, 2, has_cancer=True, slices=3)


def square(size: int, at: int = 4) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[at : at + size, at : at + size] = True
    return mask


class Page:
    """What a page does to a segmentation of a study."""

    def __init__(self, client: Any, series: Any) -> None:
        self.client, self.series, study = client, series, series.study
        self.url = f"/api/v1/teams/{study.team.slug}/studies/{study.study_instance_uid}/segmentations/"
        self.frames = frames_of(series)
        self.id = ""

    def begin(self, **words: Any) -> dict[str, Any]:
        said = {"id": str(uuid4()), "series_instance_uid": self.series.series_instance_uid, **words}
        answer = self.client.post(self.url, said, content_type="application/json")
        assert answer.status_code == 200, answer.content
        self.id = answer.json()["id"]
        return dict(answer.json())

    def on(self, other: Page) -> Page:
        self.id = other.id
        return self

    def send(self, segments: Any = (), slices: Any = (), **words: Any) -> Any:
        """Change frames: (segment, slice, base revision, mask)."""
        runs = [document.runs_of(mask) for *_, mask in slices]
        header = {
            "change": str(uuid4()),
            "act": "brush",
            "segments": list(segments),
            "frames": self.frames,
            "slices": [[n, at, base, len(own)] for (n, at, base, _), own in zip(slices, runs, strict=True)],
            **words,
        }
        return self.post(document.write(header, [own.tobytes() for own in runs]))

    def post(self, body: bytes) -> Any:
        return self.client.post(f"{self.url}{self.id}/voxels/", body, content_type="application/octet-stream")

    def change(self, segments: Any = (), slices: Any = (), **words: Any) -> dict[str, Any]:
        answer = self.send(segments, slices, **words)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def voxels(self, query: str = "") -> tuple[dict[str, Any], dict[tuple[int, int], np.ndarray]]:
        """Return (header, masks by (segment, slice))."""
        header, runs = document.read(self.client.get(f"{self.url}{self.id}/voxels/{query}").content)
        masks, at = {}, 0
        for number, place, _, count in header["slices"]:
            index = self.frames.index(tuple(header["frames"][place]))
            masks[number, index] = document.mask_of(runs[at : at + count], header["rows"], header["columns"])
            at += count
        return header, masks

    def list(self, query: str = "") -> list[dict[str, Any]]:
        return list(self.client.get(self.url + query).json()["segmentations"])

    def history(self) -> list[dict[str, Any]]:
        return list(self.client.get(f"{self.url}{self.id}/history/").json())

    def restore(self, revision: int, based_on: int) -> Any:
        body = {"revision": revision, "based_on": based_on}
        return self.client.post(f"{self.url}{self.id}/restore/", body, content_type="application/json")


@pytest.fixture
def page(client_for: Callable[..., Any], series: Any) -> Page:
    page = Page(client_for("reader"), series)
    page.begin(title="Lungs")
    return page


@pytest.fixture
def other(client_for: Callable[..., Any], page: Page) -> Page:
    """Somebody else's page with the same segmentation."""
    return Page(client_for("reader"), page.series).on(page)


def test_what_is_painted_comes_back_and_segments_may_overlap(page: Page, client_for: Any) -> None:
    second = {
        **SEGMENT,
        "number": 2,
        "label": "nodule",
        "type": {"value": "27925004", "scheme": "SCT", "meaning": "Nodule"},
    }
    slices = [(1, 0, 0, square(9)), (1, 2, 0, square(5)), (2, 0, 0, square(3, at=6))]
    assert page.change([SEGMENT, second], slices) == {"outcome": "saved", "revision": 2, "conflicts": []}
    viewer = Page(client_for("viewer"), page.series).on(page)
    header, masks = viewer.voxels()
    assert {key: int(mask.sum()) for key, mask in masks.items()} == {(1, 0): 81, (1, 2): 25, (2, 0): 9}
    assert all(np.array_equal(masks[n, at], mask) for n, at, _, mask in slices)
    assert [(s["number"], s["label"], s["revision"], s["opacity"]) for s in header["segments"]] == [
        (1, "lung", 2, 0.5),
        (2, "nodule", 2, 0.5),
    ]
    (row,) = viewer.list()
    assert (row["title"], row["number_of_segments"], row["revision"]) == ("Lungs", 2, 2)
    assert row["author"] == row["updated_by"] == page.client.user.username
    assert AuditEvent.objects.filter(action="segmentation.changed", actor_id=page.client.user.pk).count() == 1
    assert AuditEvent.objects.filter(action="segmentations.viewed", actor_id=viewer.client.user.pk).exists()


def test_everybody_who_watches_is_told_what_was_touched(page: Page, team: Any) -> None:
    change = str(uuid4())
    page.change([SEGMENT], [(1, 1, 0, square(4))], change=change)
    event = Event.objects.filter(type="segmentation.changed").order_by("seq").last()
    assert event.topic.name == f"study:{team.slug}/{page.series.study.study_instance_uid}"
    uid, frame = page.frames[1]
    assert (event.data["change"], event.data["segmentation"]["revision"]) == (change, 2)
    assert {"segment": 1, "sop_instance_uid": uid, "frame_number": frame} in event.data["touched"]


def test_the_same_change_again_is_unchanged(page: Page) -> None:
    change = str(uuid4())
    assert page.change([SEGMENT], [(1, 0, 0, square(4))], change=change)["outcome"] == "saved"
    assert page.change([SEGMENT], [(1, 0, 0, square(4))], change=change)["outcome"] == "unchanged"
    assert page.change([], [(1, 0, 0, square(4))])["outcome"] == "unchanged"
    assert len(page.history()) == 2


def test_a_change_of_an_older_state_changes_nothing_at_all(page: Page, other: Page) -> None:
    page.change([SEGMENT], [(1, 0, 0, square(4)), (1, 1, 0, square(4))])
    other.change([], [(1, 0, 2, square(6))])
    answer = page.change([], [(1, 0, 2, square(8)), (1, 1, 2, square(8))])
    uid, frame = page.frames[0]
    assert answer["outcome"] == "conflict"
    assert answer["conflicts"] == [{"segment": 1, "sop_instance_uid": uid, "frame_number": frame}]
    assert {key: int(mask.sum()) for key, mask in page.voxels()[1].items()} == {(1, 0): 36, (1, 1): 16}
    # What does not meet it goes through; what does, once it is based on what is there.
    assert page.change([], [(1, 1, 2, square(8))])["outcome"] == "saved"
    assert page.change([], [(1, 0, 3, square(8))])["outcome"] == "saved"


def test_names_conflict_as_voxels_do_and_a_deleted_segment_takes_no_voxels(page: Page, other: Page) -> None:
    page.change([SEGMENT])
    other.change([{**SEGMENT, "label": "left lung", "base_revision": 2}])
    mine = page.change([{**SEGMENT, "label": "right lung", "base_revision": 2}])
    assert mine["conflicts"] == [{"segment": 1, "sop_instance_uid": "", "frame_number": 0}]
    other.change([{"number": 1, "deleted": True, "base_revision": 3}])
    assert page.change([], [(1, 0, 0, square(4))])["outcome"] == "conflict"
    assert page.voxels()[0]["segments"] == []
    # Taken back: based on none, where there is none.
    assert page.change([SEGMENT], [(1, 0, 0, square(4))])["outcome"] == "saved"


def test_any_state_is_brought_back(page: Page) -> None:
    page.change([SEGMENT], [(1, 0, 0, square(4)), (1, 1, 0, square(4))])
    page.change([], [(1, 0, 2, square(7)), (1, 2, 0, square(2))])
    page.change([{"number": 1, "deleted": True, "base_revision": 2}], act="edit")
    assert page.voxels()[1] == {}
    assert {key: int(mask.sum()) for key, mask in page.voxels("?revision=2")[1].items()} == {(1, 0): 16, (1, 1): 16}
    assert page.restore(3, 3).status_code == 409
    assert page.restore(9, 4).json()["code"] == "no_such_revision"
    assert page.restore(3, 4).json()["revision"] == 5
    header, masks = page.voxels()
    assert {key: int(mask.sum()) for key, mask in masks.items()} == {(1, 0): 49, (1, 1): 16, (1, 2): 4}
    assert header["segments"][0]["label"] == "lung"
    assert [one["act"] for one in page.history()] == ["restored", "edit", "brush", "brush", "created"]
    # Nothing is ever taken out of the history.
    assert SegmentFrame.objects.filter(segmentation__uuid=page.id, is_current=False).count() > 0


def test_a_segmentation_is_named_deleted_and_taken_back(page: Page, other: Page) -> None:
    def patch(who: Page, **words: Any) -> Any:
        return who.client.patch(f"{who.url}{who.id}/", words, content_type="application/json")

    assert patch(page, title="Both lungs", based_on=1).json()["title"] == "Both lungs"
    other.change([SEGMENT])
    refused = patch(page, is_deleted=True, based_on=1)
    assert (refused.status_code, refused.json()["current"]["revision"]) == (409, 2)
    assert patch(page, is_deleted=True, based_on=2).json()["is_deleted"]
    assert page.list() == []
    assert [row["title"] for row in page.list("?deleted=1")] == ["Both lungs"]
    assert not patch(page, is_deleted=False, based_on=2).json()["is_deleted"]


def test_people_go_on_from_what_a_model_said(page: Page) -> None:
    mask = np.zeros((3, SIDE, SIDE), np.uint8)
    mask[1, 3:6, 3:6], mask[2, 10:12, 10:12] = 1, 2
    names = [{"value": 1, "label": "lung"}, {"value": 2, "label": "nodule"}]
    result, _ = save_mask(page.series, mask, names, source=Source.IMPORT, author=None)
    row = page.begin(from_annotation_set=str(result.pk), title="Corrected")
    header, masks = page.voxels()
    assert (row["number_of_segments"], [one["label"] for one in header["segments"]]) == (2, ["lung", "nodule"])
    assert {key: int(own.sum()) for key, own in masks.items()} == {(1, 1): 9, (2, 2): 4}
    copy = page.begin(copy_of=row["id"])
    assert copy["id"] != row["id"]
    assert page.voxels()[0]["slices"] == [[*one[:2], 1, one[3]] for one in header["slices"]]


def test_arrays_go_in_and_come_out(series: Any, team: Any) -> None:
    from tests.factories import make_member

    frames, volume = frames_of(series), np.zeros((3, SIDE, SIDE), bool)
    volume[0, 2:9, 2:9] = volume[2, 5, 5] = True
    content = {**SEGMENT, "opacity": 0.5}
    state = state_of_volumes({7: content}, [(7, volume)], frames)
    made = create_segmentation(make_member(team, "reader"), series, uuid4(), "", state=state)
    ((number, said, back),) = volumes_of(made, frames)
    assert (number, said["label"]) == (7, "lung")
    assert np.array_equal(back, volume)


BAD: dict[str, tuple[bytes, str]] = {
    "no zlib": (b"hello", "document"),
    "cut off": (document.write({"change": str(uuid4()), "act": "brush"}, [b"\0" * 800])[:-6], "document"),
    "no header": (zlib.compress(b"\xff\xff\xff\xff"), "document"),
    "no JSON": (zlib.compress(b"\x08\0\0\0{{{{{{{{"), "document"),
    "half a run": (zlib.compress(b"\x04\0\0\0{}  \0\0"), "document"),
    "no change": (document.write({"act": "brush"}, []), "document"),
    "no act": (document.write({"change": str(uuid4()), "act": "eat"}, []), "document"),
    "bad colour": (
        document.write({"change": str(uuid4()), "act": "edit", "segments": [{**SEGMENT, "color": "red"}]}, []),
        "segments",
    ),
    "no number": (
        document.write({"change": str(uuid4()), "act": "edit", "segments": [{**SEGMENT, "number": 0}]}, []),
        "segments",
    ),
    "other frame": (
        document.write({"change": str(uuid4()), "act": "edit", "frames": [["1.2.3", 1]], "slices": []}, []),
        "frame_not_found",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_document_is_refused_by_name(page: Page, name: str) -> None:
    body, code = BAD[name]
    answer = page.post(body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert len(page.history()) == 1


@pytest.mark.parametrize(
    "runs",
    [[[0, 0]], [[5, 3], [2, 1]], [[0, 2], [2, 2]], [[0, 5], [3, 1]], [[SIDE * SIDE - 1, 2]], [[2**32 - 1, 2**32 - 1]]],
)
def test_runs_that_are_none_are_refused(page: Page, runs: list[list[int]]) -> None:
    header = {"change": str(uuid4()), "act": "brush", "segments": [SEGMENT], "frames": page.frames}
    body = document.write({**header, "slices": [[1, 0, 0, len(runs)]]}, [np.asarray(runs, "<u4").tobytes()])
    assert page.post(body).json()["code"] == "runs"


def test_a_bomb_is_refused(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_INFLATED", 1024)
    assert page.post(zlib.compress(bytes(100_000))).status_code == 413


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_runs_and_masks_are_the_same(rows: int, columns: int, data: Any) -> None:
    cells = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    mask = np.asarray(cells, bool).reshape(rows, columns)
    runs = document.runs_of(mask)
    document.require_sound(runs, [len(runs)], rows * columns)
    assert np.array_equal(document.mask_of(runs.tobytes(), rows, columns), mask)


def test_soundness_is_of_each_frame_for_itself() -> None:
    runs = np.asarray([[5, 2], [0, 1], [0, 2]], "<u4")
    document.require_sound(runs, [1, 0, 1, 1], 16)
    with pytest.raises(MedportalError):
        document.require_sound(runs, [2, 1], 16)
