"""Data sets of every layout come in as DICOM objects with their marks, and are frozen; again, they add nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError
from PIL import Image

from medportal.annotations.models import AnnotationSet, Label, LabelMap
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.reading import load_series_volume, model_of
from medportal.cohorts.models import CohortMember, CohortVersion, PerceptualHash
from medportal.cohorts.reading import load_member
from medportal.messaging.models import Event, PendingReaction
from tests.cohorts import sets
from tests.dicom import noise

Import = Callable[..., dict[str, Any]]


def members(report: dict[str, Any]) -> list[CohortMember]:
    version = CohortVersion.objects.get(cohort__name=report["cohort"], number=report["version"])
    return list(version.members.select_related("version", "series__team", "annotation_set"))


def rows_in_all() -> list[int]:
    kinds = (
        Patient,
        Study,
        Series,
        Instance,
        Label,
        AnnotationSet,
        LabelMap,
        CohortVersion,
        CohortMember,
        PerceptualHash,
    )
    return [kind.objects.count() for kind in kinds]


def test_a_folder_for_each_class(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"malignant": 5, "normal": 5})
    report = import_set(root, "imagefolder")
    assert (report["version"], report["is_new"], report["kind"]) == (1, True, "classes")
    assert (report["classes"], report["images"], report["groups"]) == (["normal", "malignant"], 10, 10)
    assert sum(report["splits"].values()) == 10
    assert set(report["splits"]) == {"train", "validation", "test"}
    assert report["refused"] == []
    for member in members(report):
        assert load_member(member).label == member.label
    assert Label.objects.filter(scheme="set", value="normal").count() == 5


def test_the_same_again_adds_nothing_and_other_content_is_another_version(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"ill": 4, "normal": 4})
    import_set(root, "imagefolder")
    before = rows_in_all()
    again = import_set(root, "imagefolder")
    assert (again["version"], again["is_new"]) == (1, False)
    assert rows_in_all() == before
    sets.save(root / "ill" / "more.png", sets.picture(99))
    more = import_set(root, "imagefolder")
    assert (more["version"], more["is_new"], more["images"]) == (2, True, 9)
    assert Series.objects.count() == 9


def test_an_image_is_a_secondary_capture_pixel_by_pixel(import_set: Import, tmp_path: Path) -> None:
    """Grey stays grey, colour with equal channels is grey, colour stays colour; JPEG is decoded once."""
    root = tmp_path / "set"
    grey, colour = sets.picture(1), sets.picture(2, colour=True)
    same = np.repeat(sets.picture(3)[..., None], 3, axis=2)
    sets.save(root / "a" / "grey.png", grey)
    sets.save(root / "a" / "colour.png", colour)
    sets.save(root / "b" / "same.png", same)
    sets.save(root / "b" / "lossy.jpg", sets.picture(4), quality=90)
    rgba = np.dstack([sets.picture(5, colour=True), np.full((sets.SIDE, sets.SIDE), 100, np.uint8)])
    sets.save(root / "b" / "rgba.png", rgba)
    wide = noise(seed=6)
    sets.save(root / "b" / "wide.png", wide)
    report = import_set(root, "imagefolder", "--split", "all:test", "--synthetic")
    wanted = {
        "a/grey.png": grey,
        "a/colour.png": colour,
        "b/same.png": same[..., 0],
        "b/lossy.jpg": np.asarray(Image.open(root / "b" / "lossy.jpg")),
        "b/rgba.png": rgba[..., :3],
        "b/wide.png": wide,
    }
    for member in members(report):
        assert member.series is not None
        name = Label.objects.get(series=member.series).detail["file"]
        assert np.array_equal(load_series_volume(member.series).array[0], wanted[name]), name
        header = model_of(member.series.instances.get())
        assert header["00080016"]["Value"] == ["1.2.840.10008.5.1.4.1.1.7"]
        assert header["00080008"]["Value"] == ["DERIVED", "SECONDARY"]
        assert header["0008001C"]["Value"] == ["YES"]
        assert "imagefolder" in header["00082111"]["Value"][0]
        assert Path(name).stem not in str(header)
        assert member.series.is_synthetic


def test_a_table_with_groups_and_a_given_split(import_set: Import, tmp_path: Path) -> None:
    rows = sets.patients(8)
    for row in rows:
        row["split"] = ("train", "train", "train", "train", "val", "val", "testing", "testing")[int(row["group"][1:])]
    report = import_set(sets.table(tmp_path, rows), "csv")
    assert (report["groups"], report["images"]) == (8, 16)
    assert report["splits"] == {"train": 8, "validation": 4, "test": 4}
    assert set(Patient.objects.values_list("patient_id", flat=True)) == {f"p{n}" for n in range(8)}
    assert Study.objects.count() == 8
    assert {member.group for member in members(report)} == {f"p{n}" for n in range(8)}


def test_a_table_of_many_things_is_narrowed_by_where(import_set: Import, tmp_path: Path) -> None:
    rows = [dict(row, set="lung", split="dev") for row in sets.patients(8)]
    rows += [dict(row, path=f"x{n}.png", set="skin", label="mole", split="dev") for n, row in enumerate(rows)]
    rows += [dict(rows[0], path="benign.png", label="benign", group="b")]
    path = sets.table(tmp_path / "set", rows)
    words = (
        "--where",
        "set=lung",
        "--group-column",
        "group",
        "--classes",
        "normal,ill",
        "--root",
        str(tmp_path / "set"),
    )
    report = import_set(path.rename(tmp_path / "elsewhere.csv"), "csv", *words)
    assert (report["classes"], report["images"], report["groups"]) == (["normal", "ill"], 16, 8)
    assert any("benign" in note for note in report["notes"])
    assert any("split" in note for note in report["notes"])


def test_groups_are_never_on_two_sides(import_set: Import, tmp_path: Path) -> None:
    rows = sets.patients(12, images=3)
    path = sets.table(tmp_path, rows)
    for seed in range(3):
        report = import_set(path, "csv", "--seed", str(seed), cohort=f"c{seed}")
        sides = {(member.group, member.split) for member in members(report)}
        assert len(sides) == 12
    rows[0]["split"], rows[1]["split"] = "train", "test"
    rows = [{"split": "train", **row} for row in rows]
    with pytest.raises(CommandError, match="one group"):
        import_set(sets.table(tmp_path, rows, "given.csv"), "csv")


def test_groups_that_hold_several_classes(import_set: Import, tmp_path: Path) -> None:
    """Each of eight patients has both classes: of each class there are eight groups."""
    rows = [
        {"path": f"{p}-{k}.png", "label": k % 2, "patient": p, "more": 0}
        for p in range(8)
        for k in range(6 if p else 2)
    ]
    for seed in range(4):
        words = ("--group-column", "patient", "--seed", str(seed))
        report = import_set(sets.table(tmp_path, rows), "csv", *words, cohort=f"s{seed}")
        assert (report["groups"], report["images"]) == (8, 44)
        assert all(min(counts.values()) > 0 for counts in report["counts"].values())
        assert all(counts["0"] == counts["1"] for counts in report["counts"].values())


def test_a_class_is_in_each_split_though_others_are_rarer_in_its_groups(import_set: Import, tmp_path: Path) -> None:
    held = {"a": range(3), "b": range(2, 6), "c": range(12)}
    rows = [{"path": f"{p}{c}.png", "label": c, "group": p} for c, groups in held.items() for p in groups]
    for seed in range(6):
        report = import_set(sets.table(tmp_path, rows), "csv", "--seed", str(seed), cohort=f"s{seed}")
        assert all(min(counts.values()) > 0 for counts in report["counts"].values()), seed


def test_a_class_of_few_groups_is_for_training(import_set: Import, tmp_path: Path) -> None:
    report = import_set(sets.imagefolder(tmp_path / "set", {"a": 9, "b": 8, "rare": 2}), "imagefolder")
    assert {split: counts["rare"] for split, counts in report["counts"].items()} == {
        "train": 2,
        "validation": 0,
        "test": 0,
    }
    assert any("“rare” has 2 group(s)" in note for note in report["notes"])
    assert "class_not_in_split" in {finding["code"] for finding in report["findings"]}


def test_several_labels_at_once(import_set: Import, tmp_path: Path) -> None:
    labels = ["effusion|nodule", "", "nodule", "effusion"]
    rows = [{"path": f"{n}.png", "label": labels[n % 4], "group": n // 2} for n in range(16)]
    report = import_set(sets.table(tmp_path, rows), "csv")
    assert (report["kind"], report["classes"]) == ("multi_label", ["effusion", "nodule"])
    assert sum(counts["nodule"] for counts in report["counts"].values()) == 8
    both = next(member for member in members(report) if len(member.labels) == 2)
    assert load_member(both).labels == ("effusion", "nodule")
    columns = [{"path": f"{n}.png", "a": n % 2, "b": int(n % 3 == 0), "group": n // 2} for n in range(16)]
    report = import_set(sets.table(tmp_path / "2", columns), "csv", "--label-columns", "a,b", cohort="columns")
    assert (report["kind"], report["classes"]) == ("multi_label", ["a", "b"])


def test_masks_beside_images(import_set: Import, tmp_path: Path) -> None:
    root = sets.masks(tmp_path / "set", 8)
    report = import_set(root, "masks", "--classes", "left,right")
    assert (report["kind"], report["classes"], report["images"]) == ("masks", ["left", "right"], 8)
    for member in members(report):
        one = load_member(member)
        assert one.mask is not None
        name = str(member.annotation_set.parameters["file"])  # type: ignore[union-attr]
        wanted = np.asarray(Image.open(root / "masks" / f"{Path(name).stem}.png"))
        assert np.array_equal(one.mask[0], wanted)
        assert not one.is_instances
    before = rows_in_all()
    assert import_set(root, "masks", "--classes", "left,right")["is_new"] is False
    assert rows_in_all() == before


def test_numbers_of_masks_are_classes_in_their_order(import_set: Import, tmp_path: Path) -> None:
    report = import_set(sets.masks(tmp_path / "set", 4, values=(255, 128)), "masks", "--split", "all:train")
    assert report["classes"] == ["segment 128", "segment 255"]
    one = load_member(members(report)[0])
    assert one.mask is not None
    assert sorted(np.unique(one.mask)) == [0, 1, 2]
    report = import_set(sets.masks(tmp_path / "one", 4, values=(255,)), "masks", "--split", "all:train", cohort="one")
    assert report["classes"] == ["foreground"]


def test_instances_keep_their_numbers(import_set: Import, tmp_path: Path) -> None:
    root = sets.masks(tmp_path / "set", 4, values=(3, 9))
    report = import_set(root, "masks", "--instances", "--split", "all:train")
    assert report["classes"] == ["object"]
    one = load_member(members(report)[0])
    assert one.is_instances
    assert one.mask is not None
    assert sorted(np.unique(one.mask)) == [0, 1, 2]


def test_boxes_of_pascal_voc(import_set: Import, tmp_path: Path) -> None:
    report = import_set(sets.voc(tmp_path / "set", 8), "voc")
    assert (report["kind"], report["classes"]) == ("boxes", ["cell", "platelet"])
    (box,) = load_member(members(report)[0]).boxes
    # From 1, both ends within: 2…8 is [1, 8) in pixel edges.
    assert (box.low, box.high) == ((0.0, 2.0, 1.0), (1.0, 9.0, 8.0))
    assert CohortVersion.objects.get().fingerprint["box_px"] == [1, 7, 7]


def test_boxes_of_coco(import_set: Import, tmp_path: Path) -> None:
    report = import_set(sets.coco(tmp_path / "set", 6), "coco")
    assert (report["kind"], report["classes"], report["images"]) == ("boxes", ["cell"], 6)
    (box,) = load_member(members(report)[0]).boxes
    assert (box.low, box.high) == ((0.0, 2.0, 1.0), (1.0, 8.0, 7.0))


def test_arrays_of_medmnist(import_set: Import, tmp_path: Path) -> None:
    report = import_set(sets.npz(tmp_path / "a.npz"), "npz", "--classes", "normal,pneumonia")
    assert report["splits"] == {"train": 4, "validation": 4, "test": 4}
    assert (report["classes"], report["groups"]) == (["normal", "pneumonia"], 12)
    wanted = {member.label for member in members(report)}
    assert wanted == {"normal", "pneumonia"}
    report = import_set(tmp_path / "a.npz", "npz", "--split", "all:test", cohort="numbers")
    assert (report["classes"], report["splits"]) == (["0", "1"], {"test": 12})


def test_arrays_in_colour_in_three_dimensions_and_of_several_labels(import_set: Import, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 255, (6, 28, 28, 3)).astype(np.uint8)
    marks = rng.integers(0, 2, (6, 5)).astype(np.uint8)
    np.savez(tmp_path / "colour.npz", train_images=colour, train_labels=marks)
    report = import_set(tmp_path / "colour.npz", "npz", cohort="colour")
    assert (report["kind"], len(report["classes"])) == ("multi_label", 5)
    first = next(member for member in members(report) if member.group.endswith("000000"))
    assert np.array_equal(load_member(first).volume.array[0], colour[0])
    solid = rng.integers(0, 255, (6, 28, 28, 28)).astype(np.uint8)
    np.savez(tmp_path / "solid.npz", train_images=solid, train_labels=np.arange(6) % 2)
    report = import_set(tmp_path / "solid.npz", "npz", cohort="solid")
    first = next(member for member in members(report) if member.group.endswith("000000"))
    assert np.array_equal(load_member(first).volume.array, solid[0])
    assert len(PerceptualHash.objects.get(series=first.series).hashes) == 3


def test_images_alone(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"a": 4, "b": 4})
    report = import_set(root, "imagefolder", "--images-only")
    assert (report["kind"], report["classes"], report["images"]) == ("images", [], 8)
    assert Label.objects.count() == 0


def test_near_duplicates_are_one_group_where_nothing_tells(import_set: Import, tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"ill": 6, "normal": 6})
    original = sets.picture(50, rows=64, columns=64)
    sets.save(root / "ill" / "original.png", original)
    sets.save(root / "ill" / "again.jpg", original, quality=95)
    report = import_set(root, "imagefolder")
    assert (report["images"], report["groups"]) == (14, 13)
    assert any("look like" in note for note in report["notes"])


def test_a_data_set_does_not_swamp_the_worker(import_set: Import, tmp_path: Path) -> None:
    """Pictures come with their thumbnails; the team is told of some studies, not of each."""
    import_set(sets.imagefolder(tmp_path / "set", {"ill": 30, "normal": 30}), "imagefolder")
    assert PendingReaction.objects.count() <= 1
    assert Event.objects.count() <= 20
    assert set(Series.objects.values_list("thumbnail_revision", flat=True)) == {1}
