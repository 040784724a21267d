"""Arrays of every usual shape, type and name are read as the pictures and labels that they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medportal.cohorts.datasets.items import DataSet, Options
from medportal.cohorts.datasets.reading import read_dataset
from medportal.cohorts.datasets.requests import Request, SplitRule
from medportal.errors import MedportalError
from medportal.imaging.decoder import Decoder
from tests.cohorts import sets

NUMBER = 6
GREY = np.stack([sets.picture(n, rows=28, columns=20) for n in range(NUMBER)])
COLOUR = np.stack([sets.picture(n, rows=28, columns=20, colour=True) for n in range(NUMBER)])
LABELS = np.arange(NUMBER) % 2


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., DataSet]:
    """Return a function that writes arrays and reads them."""

    def read(options: Options | None = None, **arrays: np.ndarray) -> DataSet:
        np.savez(tmp_path / "a.npz", **arrays)
        split = SplitRule(all_in="train")
        request = Request(tmp_path / "a.npz", "npz", "set", split=split, options=options or Options())
        return read_dataset(request, Decoder())

    return read


def pixels(data: DataSet) -> np.ndarray:
    return np.stack([item.load(Decoder()).pixels for item in data.items])


def labels(data: DataSet) -> list[tuple[str, ...]]:
    return [item.labels for item in data.items]


@pytest.mark.parametrize("name", ["last of one", "first of one", "plain"])
def test_grey_pictures_have_one_slice(read: Callable[..., DataSet], name: str) -> None:
    images = {"last of one": GREY[..., None], "first of one": GREY[:, None], "plain": GREY}[name]
    assert np.array_equal(pixels(read(train_images=images, train_labels=LABELS)), GREY[:, None])


def test_volumes_lose_an_axis_of_one(read: Callable[..., DataSet]) -> None:
    solid = np.random.default_rng(0).integers(0, 255, (NUMBER, 7, 9, 11)).astype(np.uint8)
    for images in (solid, solid[..., None], solid[:, None]):
        assert np.array_equal(pixels(read(train_images=images, train_labels=LABELS)), solid)


def test_channels_that_come_first_are_colour(read: Callable[..., DataSet]) -> None:
    for images in (np.moveaxis(COLOUR, -1, 1), np.moveaxis(COLOUR, -1, 1).astype(np.float32) / 255):
        data = read(train_images=images, train_labels=LABELS)
        assert np.array_equal(pixels(data), COLOUR[:, None])
        assert any("channels" in note for note in data.notes)


def test_numbers_of_other_types(read: Callable[..., DataSet]) -> None:
    for images, wanted, is_told in (
        (GREY.astype(np.int64), GREY, False),
        (GREY.astype(np.float64), GREY, False),
        (GREY > 100, np.where(GREY > 100, 255, 0), True),
        (GREY.astype(np.float32) / 255, GREY, True),
        (GREY.astype(np.int32) * 200, GREY.astype(np.uint16) * 200, False),
        (GREY / 300, np.rint(GREY / 300 * 65_535), True),
    ):
        data = read(train_images=images, train_labels=LABELS)
        found = pixels(data)
        assert np.array_equal(found[:, 0], wanted), images.dtype
        assert found.dtype == (np.uint8 if wanted.max() <= 255 else np.uint16)
        assert bool(data.notes) == is_told


def test_one_scale_is_for_all_splits(read: Callable[..., DataSet]) -> None:
    dark = GREY / 300 / 2
    data = read(train_images=GREY / 300, train_labels=LABELS, test_images=dark, test_labels=LABELS)
    assert np.array_equal(pixels(data)[NUMBER:, 0], np.rint(dark * 65_535))
    with pytest.raises(MedportalError, match="0 to 1, are read"):
        read(train_images=GREY / 300, train_labels=LABELS, test_images=GREY, test_labels=LABELS)


def test_names_of_keras(read: Callable[..., DataSet]) -> None:
    data = read(x_train=GREY, y_train=LABELS, X_test=GREY[::-1], Y_test=LABELS[::-1])
    assert len(data.items) == 2 * NUMBER
    assert [item.name for item in data.items[:1]] == ["x_train[0]"]
    assert labels(data)[NUMBER:] == labels(data)[:NUMBER][::-1]
    with pytest.raises(MedportalError, match=r"“imgs”, “lab”"):
        read(imgs=GREY, lab=LABELS)


def test_only_labels_that_occur_are_classes(read: Callable[..., DataSet]) -> None:
    gaps = np.asarray([1, 2, 4, 4, 2, 1])
    data = read(train_images=GREY, train_labels=gaps)
    assert data.classes == ["1", "2", "4"]
    assert labels(data) == [(str(number),) for number in gaps]
    named = read(Options(classes=("a", "b", "c")), train_images=GREY, train_labels=gaps)
    assert labels(named) == [("a",), ("b",), ("c",), ("c",), ("b",), ("a",)]
    assert any("4 is “c”" in note for note in named.notes)
    whole = read(Options(classes=tuple("vwxyz")), train_images=GREY, train_labels=gaps)
    assert labels(whole)[:3] == [("w",), ("x",), ("z",)]
    with pytest.raises(MedportalError, match="labels are 1, 2, 4"):
        read(Options(classes=("a", "b")), train_images=GREY, train_labels=gaps)


def test_words_are_labels(read: Callable[..., DataSet]) -> None:
    for words in (np.asarray(["ill", "normal"] * 3), np.asarray([[b"ill"], [b"normal"]] * 3)):
        data = read(train_images=GREY, train_labels=words)
        assert (data.kind, data.classes) == ("classes", ["normal", "ill"])
        assert labels(data)[0] == ("ill",)


def test_one_hot_rows_are_one_label(read: Callable[..., DataSet]) -> None:
    hot = np.eye(3)[np.arange(NUMBER) % 3]
    data = read(train_images=GREY, train_labels=hot)
    assert (data.kind, data.classes) == ("classes", ["0", "1", "2"])
    assert labels(data)[2] == ("2",)
    assert any("exactly one 1" in note for note in data.notes)
    several = read(Options(is_multi_label=True), train_images=GREY, train_labels=hot)
    assert (several.kind, labels(several)[2]) == ("multi_label", ("2",))
    hot[0, 1] = 1
    assert read(train_images=GREY, train_labels=hot).kind == "multi_label"
