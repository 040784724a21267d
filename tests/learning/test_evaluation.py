"""Packages whose answers are known beforehand, held against a truth: one document for each task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.errors import InvalidError
from medportal.imaging.marks import Box
from medportal.imaging.volumes import Volume
from medportal.inference.package import open_package
from medportal.inference.session import Session
from medportal.learning.evaluation import build_document, evaluation_of
from medportal.learning.evaluation.detection import unmatched
from medportal.learning.evaluation.generation import Components, small_of
from medportal.learning.prepared import SeriesToPrepare
from tests.networks import SIZE
from tests.packages import make_package

HEADER = {"model": "bright", "version": 1, "sha256": "", "cohort": "c", "cohort_version": 1, "split": "test"}
Square = tuple[int, int, int, float]


def _volume(*squares: Square, slices: int = 3, side: int = 8) -> Volume:
    """Air at −800, with squares (slice, row, column, value)."""
    array = np.full((slices, SIZE, SIZE), -800, np.int16)
    for k, row, column, value in squares:
        array[k, row : row + side, column : column + side] = value
    uids = tuple(f"1.{k}" for k in range(slices))
    frames = (1,) * slices
    return Volume(array, (2.0, 4.0, 4.0), sop_instance_uids=uids, frames=frames, modality="CT")


def _series(number: int, volume: Volume, **truth: Any) -> SeriesToPrepare:
    return SeriesToPrepare(volume=volume, series_uid=f"1.2.{number}", group=f"p{number // 2}", split="test", **truth)


def _session(folder: Path, task: str, **changes: Any) -> Session:
    return Session(open_package(make_package(folder / task, task=task, **changes)), threads=1)


def _document(
    session: Session, series: Sequence[SeriesToPrepare], kind: str, classes: Sequence[str], **more: Any
) -> dict[str, Any]:
    """Evaluate as a worker does: records go through JSON."""
    evaluation = evaluation_of(session.package.manifest, kind=kind, classes=classes)
    session = Session(evaluation.package_to_run(session.package), threads=1)
    base = [
        {
            "series_uid": one.series_uid,
            "study_uid": "1.9",
            "group": one.group,
            "attributes": {"sex": "FM"[number % 2]},
        }
        for number, one in enumerate(series)
    ]
    records = json.loads(
        json.dumps([row | evaluation.read(session, one) for row, one in zip(base, series, strict=True)])
    )
    evaluation.complete(session, more.pop("reference", []), records)
    document = build_document(evaluation, records, header=HEADER, **more)
    # No NaN, no infinity, no numpy: what a database's JSON column takes.
    again: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    return again


def test_a_classifier_whatever_the_order_of_the_cohorts_classes(tmp_path: Path) -> None:
    bright, dark = _volume((1, 8, 8, 900)), _volume((1, 8, 8, -500))
    series = [
        _series(0, bright, label="lung cancer", slice_labels={"1.0": "normal", "1.1": "lung cancer", "1.2": "normal"}),
        _series(1, dark, label="normal"),
        _series(2, dark, label="lung cancer"),
        _series(3, dark, label="normal"),
    ]
    document = _document(_session(tmp_path, "classification"), series, "classes", ["lung cancer", "normal"])

    values = {name: figure["value"] for name, figure in document["metrics"].items()}
    assert (document["n"], document["groups"]) == (4, 2)
    assert values["accuracy"] == pytest.approx(3 / 4)
    assert values["recall"] == pytest.approx(1 / 2)
    assert values["specificity"] == 1
    assert document["confusion"] == {"classes": ["normal", "lung cancer"], "counts": [[2, 0], [1, 1]]}
    assert document["per_class"]["normal"]["recall"]["value"] == 1
    assert document["slices"]["n"] == 3
    assert document["slices"]["metrics"]["accuracy"]["value"] == 1
    assert set(document["curves"]["roc"]) == {"lung cancer"}
    worst = document["cases"][0]
    assert (worst["series_uid"], worst["truth"], worst["prediction"]) == ("1.2.2", "lung cancer", "normal")
    assert [row["n"] for row in document["subgroups"]["sex"]] == [2, 2]
    assert sum(row["n"] for row in document["calibration"]["bins"]) == 4


def test_several_labels_at_once(tmp_path: Path) -> None:
    session = _session(
        tmp_path,
        "classification",
        classes=["mass", "other"],
        output={"activation": "sigmoid", "thresholds": [0.6, 0.5]},
    )
    series = [
        _series(0, _volume((1, 8, 8, 900)), labels=("other",)),
        _series(1, _volume(), labels=("mass",)),
        _series(2, _volume((1, 8, 8, 900)), labels=("mass", "other")),
        _series(3, _volume(), labels=()),
    ]
    document = _document(session, series, "multi_label", ["mass", "other"])

    assert document["per_class"]["other"]["accuracy"]["value"] == 1
    assert document["per_class"]["mass"]["recall"]["value"] == 0
    assert document["metrics"]["accuracy"]["value"] == pytest.approx((1 + 2 / 4) / 2)
    assert document["metrics"]["exact_match"]["value"] == pytest.approx(2 / 4)
    assert "confusion" not in document
    bins = document["calibration"]["bins"]
    # Eight claims: one half of “mass” for all, and of “other” where one of the two slices that count is bright; else nought.
    assert [(row["n"], row["frequency"]) for row in bins] == [(2, 0), (6, pytest.approx(2 / 3, abs=1e-6))]


def test_masks_by_the_segments_names(tmp_path: Path) -> None:
    session = _session(tmp_path, "segmentation")
    volume = _volume((1, 8, 8, 400), (2, 16, 16, 950))
    truth = np.zeros(volume.array.shape, np.uint16)
    truth[1, 8:16, 8:16], truth[2, 16:24, 16:20] = 2, 1
    series = [_series(0, volume, mask=truth), _series(2, _volume(), mask=np.zeros_like(truth))]
    document = _document(session, series, "masks", ["bone", "lesion"])

    assert document["classes"] == ["bone", "lesion"]
    assert document["per_class"]["lesion"]["dice"]["value"] == 1
    assert document["per_class"]["bone"]["dice"]["value"] == pytest.approx(2 * 32 / (32 + 64))
    # Four columns of 4 mm too many.
    assert document["per_class"]["bone"]["hd95"]["value"] == pytest.approx(16)
    assert document["units"] == {"hd95": "mm"}
    assert document["cases"][0]["slice"] == 2


def test_numbered_objects(tmp_path: Path) -> None:
    session = _session(
        tmp_path, "segmentation", network=_one_segment(), classes=["nucleus"], output={"instances": True}
    )
    volume = _volume((0, 2, 2, 900), (0, 20, 20, 900), slices=1)
    truth = np.zeros(volume.array.shape, np.uint16)
    truth[0, 2:10, 2:10], truth[0, 2:10, 20:28] = 7, 9
    document = _document(session, [_series(0, volume, mask=truth, is_instances=True)], "masks", ["object"])

    assert document["metrics"]["object_recall"]["value"] == pytest.approx(1 / 2)
    assert document["metrics"]["object_precision"]["value"] == pytest.approx(1 / 2)
    assert document["metrics"]["dice"]["value"] == pytest.approx(1 / 2)


def _one_segment() -> bytes:
    from tests.networks import threshold_model

    return threshold_model(segments=1).SerializeToString()


def test_boxes(tmp_path: Path) -> None:
    session = _session(tmp_path, "detection")
    hit = Box("nodule", (1, 6, 6), (2, 18, 18))
    missed = Box("nodule", (2, 20, 4), (3, 26, 10))
    series = [
        _series(0, _volume((1, 8, 8, 900)), boxes=(hit,)),
        _series(2, _volume(), boxes=(missed,)),
        _series(4, _volume((0, 16, 16, 900)), boxes=()),
        # Scored 0.3: the package would not show it, and the curves count it.
        _series(6, _volume((1, 8, 8, -85)), boxes=(hit,)),
    ]
    document = _document(session, series, "boxes", ["nodule"])

    values = {name: figure["value"] for name, figure in document["metrics"].items()}
    assert values["recall"] == pytest.approx(1 / 3)
    assert 0.4 < values["map50"] < 0.7
    assert values["sensitivity_at_1"] == pytest.approx(2 / 3)
    assert {case["series_uid"] for case in document["cases"][:3]} == {"1.2.2", "1.2.4", "1.2.6"}
    assert document["cases"][0]["truth"] in {"nodule × 1", ""}
    assert document["curves"]["froc"]["nodule"][0] == [0, 0]


def test_a_detector_of_slices_is_held_against_what_each_slice_shows(tmp_path: Path) -> None:
    session = _session(tmp_path, "detection")
    through = _volume(*((k, 8, 8, 900) for k in range(1, 13)), slices=14, side=4)
    # Longer than ten slices: a box of one is less than a tenth of it.
    nodule = Box("nodule", (1, 4, 4), (13, 16, 16))
    series = [_series(0, through, boxes=(nodule,)), _series(2, _volume(), boxes=())]
    perfect = _document(session, series, "boxes", ["nodule"])
    values = {name: figure["value"] for name, figure in perfect["metrics"].items()}

    assert [values[name] for name in ("map50", "recall", "precision", "f1", "froc")] == [1, 1, 1, 1, 1]
    assert perfect["cases"] == []

    half = _volume(*((k, 8, 8, 900) for k in range(1, 7)), (13, 24, 24, 900), slices=14, side=4)
    document = _document(session, [_series(0, half, boxes=(nodule,))], "boxes", ["nodule"])
    values = {name: figure["value"] for name, figure in document["metrics"].items()}

    assert values["recall"] == pytest.approx(1 / 2)
    assert values["precision"] == pytest.approx(6 / 7)
    # The nodule is found, on whichever slices.
    assert values["sensitivity_at_1"] == 1
    worst = document["cases"][0]
    assert (worst["truth"], worst["prediction"], worst["slice"]) == ("nodule × 12", "nodule × 7", 7)


def test_what_matches_no_drawn_box_is_missed_and_false() -> None:
    one, other = Box("a", (0, 0, 0), (1, 9, 9)), Box("b", (0, 0, 0), (1, 9, 9), 0.5)

    assert unmatched([one], [other]) == ([one], [other])
    assert unmatched([one], [one, one]) == ([], [one])
    assert unmatched([], []) == ([], [])


def test_an_autoencoder_by_what_it_cannot_give_back(tmp_path: Path) -> None:
    session = _session(tmp_path, "autoencoder")
    series = [
        _series(0, _volume((1, 8, 8, 900)), label="odd", slice_labels={"1.1": "odd"}),
        _series(2, _volume(), label="usual"),
        _series(4, _volume(), label="usual"),
        _series(6, _volume((1, 8, 8, 950)), label="odd", slice_labels={"1.1": "odd"}),
        # Of its bright slice nobody has said what it is: it is held neither for nor against the score.
        _series(8, _volume((1, 8, 8, 950)), label="odd", slice_labels={"1.0": "usual"}),
    ]
    document = _document(session, series, "classes", ["usual", "odd"])

    values = {name: figure["value"] for name, figure in document["metrics"].items()}
    assert values["auc"] == values["slice_auc"] == 1
    assert values["compression"] == 16
    assert values["psnr"] > 10
    assert document["units"] == {"psnr": "dB"}
    assert set(document["curves"]["roc"]) == {"series", "slices"}
    alone = _document(session, [_series(0, _volume())], "images", [])
    assert set(alone["metrics"]) == {"psnr", "mse", "compression"}


def test_a_generator_beside_real_images_of_each_class(tmp_path: Path) -> None:
    session = _session(tmp_path, "generation")
    greys = np.random.default_rng(0).integers(-650, -550, 20)
    series = [
        _series(k, _flat(value if k % 2 else value + 1000), label=("lung cancer", "normal")[k % 2])
        for k, value in enumerate(greys)
    ]
    document = _document(session, series, "classes", ["normal", "lung cancer"])

    assert set(document["metrics"]) == {"frechet", "diversity", "realistic", "covered", "memorised"}
    assert set(document["per_class"]) == {"normal", "lung cancer"}
    assert document["generated"] == 64
    assert document["samples"][0]["side"] == 32
    assert document["cases"] == []
    # Images of one grey for each class, in the same grey: near the real ones.
    assert document["metrics"]["frechet"]["value"] < 10


def _flat(grey: int) -> Volume:
    volume = _volume(slices=1)
    volume.array[:] = grey
    return volume


def test_components_keep_distances() -> None:
    images = np.random.default_rng(0).integers(0, 255, (12, 32, 32)).astype(np.uint8)
    features = Components(images)(images)
    flat = images.reshape(12, -1) / 255

    assert np.linalg.norm(features[0] - features[1]) == pytest.approx(np.linalg.norm(flat[0] - flat[1]))
    assert small_of(np.full((3, 64, 48), 0.5, np.float32)).tolist() == np.full((32, 32), 128).tolist()


@pytest.mark.parametrize(
    ("task", "kind", "classes", "why"),
    [
        ("classification", "boxes", ["a"], "cohort of boxes"),
        ("classification", "multi_label", ["normal"], "one class"),
        ("classification", "classes", ["normal", "flu"], "“flu”"),
        ("segmentation", "masks", ["liver", "bone"], "“liver”"),
        ("detection", "boxes", ["cell"], "“cell”"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    tmp_path: Path, task: str, kind: str, classes: list[str], why: str
) -> None:
    manifest = _session(tmp_path, task).package.manifest
    with pytest.raises(InvalidError, match=why) as caught:
        evaluation_of(manifest, kind=kind, classes=classes)
    assert caught.value.code == "cohort_does_not_fit"


def test_an_empty_split_says_why(tmp_path: Path) -> None:
    evaluation = evaluation_of(_session(tmp_path, "detection").package.manifest, kind="boxes", classes=["nodule"])
    with pytest.raises(InvalidError, match=r"split test.*The first: it is torn"):
        build_document(evaluation, [], header=HEADER, failed=[{"series_uid": "1", "code": "x", "detail": "it is torn"}])
