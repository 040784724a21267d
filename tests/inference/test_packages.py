"""Packages: manifests that hold, digests that match, golden answers, and a model run slice by slice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.errors import InvalidError, MedportalError, UnavailableError
from medportal.imaging.volumes import Volume
from medportal.inference.manifest import check_name, parse_manifest
from medportal.inference.package import Package, open_package
from medportal.inference.predict import predict, summarise
from medportal.inference.session import ResidentSessions, Session, check_golden, check_variants
from tests.chests import PIXEL_MM, make_chest
from tests.networks import vast_model
from tests.packages import TASKS, bright_model, make_package, manifest_of


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return open_package(make_package(tmp_path / "package"))


def volume_of(number: int, *, has_cancer: bool, slices: int = 20) -> Volume:
    array = make_chest(number, has_cancer=has_cancer, slices=slices).array
    uids = tuple(f"2.25.{index}" for index in range(slices))
    return Volume(array, (5.0, PIXEL_MM, PIXEL_MM), sop_instance_uids=uids, frames=(1,) * slices, modality="CT")


BAD_MANIFESTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown member": ({"script": "x.py"}, "the document"),
    "unknown input": ({"input": {"python": "x"}}, "input"),
    "unknown output": ({"output": {"python": "x"}}, "output"),
    "another file": ({"model": {"file": "../../secret"}}, "model/file"),
    "no digest": ({"model": {"sha256": "abc"}}, "model/sha256"),
    "for diagnosis": ({"is_for_diagnosis": True}, "is_for_diagnosis"),
    "a name with a path": ({"name": "../x"}, "name"),
    "another format": ({"format": 1}, "format"),
    "an unknown task": ({"task": "classification", "classes": []}, "classes"),
    "three classes with a threshold": ({"classes": ["a", "b", "c"]}, "output/thresholds"),
    "a class twice": ({"classes": ["a", "a"]}, "classes"),
    "an enormous sample": ({"input": {"size": [100_000, 100_000]}}, "input/size"),
    "a flat volume": ({"input": {"dimensions": 3}}, "input/size"),
    "a scaling of one value": ({"input": {"scaling": {"kind": "window", "low": 0.0}}}, "input/scaling"),
    "a window upside down": (
        {"input": {"scaling": {"kind": "window", "low": 100.0, "high": -100.0}}},
        "input/scaling",
    ),
    "a window of text": ({"input": {"scaling": {"kind": "window", "low": "0", "high": 1.0}}}, "input/scaling/low"),
    "millimetres without spacing": ({"input": {"spacing_mm": None}}, "input/spacing_mm"),
    "spacing without millimetres": ({"input": {"fit": "pixels"}}, "input/spacing_mm"),
    "a frame without size": ({"input": {"fit": "frame", "size": None, "spacing_mm": None}}, "input/size"),
    "no temperature": ({"output": {"temperature": 0}}, "output/temperature"),
    "a threshold beyond one": ({"output": {"thresholds": [1.5]}}, "output/thresholds/0"),
    "no logits": ({"model": {"outputs": ["activation"]}}, "model/outputs"),
    "two inputs": ({"model": {"inputs": ["image", "more"]}}, "model/inputs"),
    "neighbours of volumes": (
        {"task": "segmentation", "input": {"dimensions": 3, "context": 1}, "output": {"tile": [8, 8, 8]}},
        "input/context",
    ),
    "tiles of another dimension": ({"task": "segmentation", "output": {"tile": [32, 32, 32]}}, "output/tile"),
    "objects of two classes": ({"task": "segmentation", "output": {"instances": True}}, "classes"),
    "no segment": ({"task": "segmentation", "classes": []}, "classes"),
    "cells in parts": ({"task": "detection", "output": {"stride": 3}}, "input/size"),
    "an autoencoder of volumes": (
        {"task": "autoencoder", "input": {"dimensions": 3, "size": None, "fit": "pixels"}},
        "input/dimensions",
    ),
    "a generator without a class": ({"task": "generation", "model": {"inputs": ["latent"]}}, "model/inputs"),
    "a variant under another name": (
        {
            "variants": [
                {
                    "precision": "fp16",
                    "file": "model.int8.onnx",
                    "sha256": "0" * 64,
                    "metric": "auc",
                    "value": 1,
                    "loss": 0,
                }
            ]
        },
        "variants/0/file",
    ),
}


@pytest.mark.parametrize("fault", BAD_MANIFESTS)
def test_a_bad_manifest_is_refused_and_the_place_named(fault: str) -> None:
    changes, place = BAD_MANIFESTS[fault]
    with pytest.raises(InvalidError) as refused:
        parse_manifest(manifest_of(b"", **changes))
    assert refused.value.code == "manifest"
    assert f"at {place}:" in refused.value.detail


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_manifest(task: str) -> None:
    manifest = parse_manifest(manifest_of(b"", task=task))
    assert manifest.task == task
    assert parse_manifest(manifest.to_json()) == manifest


@pytest.mark.parametrize("member", sorted(manifest_of(b"")))
def test_no_member_may_be_missing(member: str) -> None:
    document = manifest_of(b"")
    del document[member]
    with pytest.raises(InvalidError, match=member):
        parse_manifest(document)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(tmp_path: Path, constant: str) -> None:
    folder = make_package(tmp_path / "p")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace("-1000.0", constant))
    with pytest.raises(InvalidError) as refused:
        open_package(folder)
    assert refused.value.code == "manifest"


@pytest.mark.parametrize("document", [None, [], "text", 5, {}])
def test_what_is_no_manifest_is_refused(document: Any) -> None:
    with pytest.raises(InvalidError):
        parse_manifest(document)


def test_a_manifest_is_what_it_was_after_reading_and_writing() -> None:
    document = manifest_of(b"model")
    again = parse_manifest(document).to_json()
    assert {name: again[name] for name in document if name != "model"} == {
        name: value for name, value in document.items() if name != "model"
    }
    assert parse_manifest(again) == parse_manifest(document)


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a/b", "..", "a b", "a\n", "a" * 81])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_name(name)
    assert refused.value.code == "model_name"


def test_a_changed_network_is_noticed(package: Package) -> None:
    package.model_path.write_bytes(package.model_path.read_bytes() + b"\x00")
    with pytest.raises(InvalidError) as refused:
        open_package(package.path)
    assert refused.value.code == "digest_mismatch"


def test_a_network_exchanged_with_its_manifest_is_noticed_by_the_zoos_digest(tmp_path: Path) -> None:
    before = open_package(make_package(tmp_path / "package"))
    make_package(tmp_path / "package", turns=1)
    open_package(tmp_path / "package")
    with pytest.raises(InvalidError) as refused:
        open_package(tmp_path / "package", before.sha256)
    assert refused.value.code == "digest_mismatch"


def test_a_link_is_no_network(package: Package, tmp_path: Path) -> None:
    elsewhere = package.model_path.rename(tmp_path / "elsewhere.onnx")
    package.model_path.symlink_to(elsewhere)
    with pytest.raises(InvalidError) as refused:
        open_package(package.path)
    assert refused.value.code == "not_a_package"


def test_the_golden_input_gives_the_golden_output(package: Package) -> None:
    assert check_golden(package) < 1e-4


@pytest.mark.parametrize("task", [task for task in TASKS if task != "classification"])
def test_each_tasks_golden_input_gives_the_golden_output(tmp_path: Path, task: str) -> None:
    assert check_golden(open_package(make_package(tmp_path / task, task=task))) == 0


@pytest.mark.parametrize("fault", ["other", "nan", "shape", "input", "missing", "nameless", "pickle"])
def test_another_golden_output_is_noticed(package: Package, fault: str) -> None:
    inputs, outputs = package.golden()
    held: dict[str, Any] = {"image": inputs[0], **outputs}
    match fault:
        case "other":
            held["logits"] = held["logits"] + 0.02
        case "nan":
            held["activation"] = held["activation"] * np.nan
        case "shape":
            held["logits"] = np.zeros((7, 3), np.float32)
        case "input":
            held["image"] = np.zeros((1, 2), np.float32)
        case "nameless":
            del held["activation"]
        case "pickle":
            held["logits"] = np.array([{"a": 1}], object)
    np.savez(package.path / "golden.npz", **held)
    if fault == "missing":
        (package.path / "golden.npz").unlink()
    with pytest.raises(MedportalError) as refused:
        check_golden(package)
    assert refused.value.code == ("model_failed" if fault == "input" else "golden")


def test_a_variant_is_run_in_place_of_the_network(tmp_path: Path) -> None:
    """The variant is twice as steep: an output that cannot be the network's own."""
    package = open_package(make_package(tmp_path / "p", variants=("fp16", "int8")))
    inputs, expected = package.golden()
    for precision, factor in ((None, 1), ("fp16", 2), ("int8", 2)):
        session = Session(package, precision, use_gpu=False)
        logits = session.run(*inputs)["logits"]
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, factor * expected["logits"], atol=1e-4)
        assert session.precision == (precision or "")
    assert Session(package, "fp16", use_gpu=False).sha256 == package.manifest.variants[0].sha256
    assert check_golden(package) < 1e-4
    assert check_variants(package) == {"fp16": pytest.approx(1.0), "int8": pytest.approx(1.0)}


def test_a_variant_that_is_not_there_or_was_changed_is_not_run(tmp_path: Path) -> None:
    package = open_package(make_package(tmp_path / "p", variants=("fp16",)))
    with pytest.raises(InvalidError) as refused:
        Session(package, "int8", use_gpu=False)
    assert refused.value.code == "no_such_precision"
    resident = ResidentSessions()
    assert resident.get(package, "fp16") is not resident.get(package)
    file = package.path / "model.fp16.onnx"
    file.write_bytes(bright_model(steepness=3.0).SerializeToString())
    for attempt in (
        lambda: Session(package, "fp16"),
        lambda: check_variants(package),
        lambda: resident.get(package, "fp16"),
    ):
        with pytest.raises(InvalidError) as refused:
            attempt()
        assert refused.value.code == "digest_mismatch"
    assert resident.get(package).precision == ""


def test_a_network_without_the_outputs_that_the_manifest_names_is_refused(tmp_path: Path) -> None:
    folder = make_package(tmp_path / "package")
    document = json.loads((folder / "manifest.json").read_text())
    document["model"]["outputs"].append("heatmap")
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(InvalidError, match="heatmap"):
        Session(open_package(folder), use_gpu=False)


def test_slices_come_one_by_one_in_order_with_probability_and_map(package: Package) -> None:
    session, volume = Session(package, use_gpu=False), volume_of(2, has_cancer=True)
    pieces = list(predict(session, volume))
    assert [piece.index for piece in pieces] == list(range(20))
    assert [piece.sop_instance_uid for piece in pieces] == list(volume.sop_instance_uids)
    bright = [piece.index for piece in pieces if piece.probability > 0.9]
    assert bright == [9, 10]
    assert all(piece.probability < 0.7 for piece in pieces if piece.index not in bright)
    assert {(layer.kind, layer.values.shape) for piece in pieces for layer in piece.layers} == {("activation", (8, 8))}
    assert pieces[9].layers[0].values.max() > 240
    assert pieces[0].layers[0].region == (0, 0, 64, 64)
    assert all(sum(piece.probabilities) == pytest.approx(1) for piece in pieces)


def test_the_map_is_bright_where_the_disc_is(package: Package) -> None:
    session, chest = Session(package, use_gpu=False), make_chest(4, has_cancer=True)
    rows, columns = np.nonzero(chest.mask[4])
    (layer,) = list(predict(session, volume_of(4, has_cancer=True, slices=8)))[4].layers
    row, column = np.unravel_index(layer.values.argmax(), layer.values.shape)
    top, left, bottom, right = layer.region
    assert abs(top + (row + 0.5) * (bottom - top) / 8 - rows.mean()) < 6
    assert abs(left + (column + 0.5) * (right - left) / 8 - columns.mean()) < 6


def test_what_is_skipped_is_left_out_and_the_rest_is_the_same(package: Package) -> None:
    session, volume = Session(package, use_gpu=False), volume_of(2, has_cancer=True)
    whole = {piece.index: piece for piece in predict(session, volume)}
    rest = list(predict(session, volume, skip=[0, 1, 2, 7]))
    assert [piece.index for piece in rest] == [3, 4, 5, 6, *range(8, 20)]
    for piece in rest:
        assert piece.probability == pytest.approx(whole[piece.index].probability, abs=1e-6)
        values, expected = piece.layers[0].values, whole[piece.index].layers[0].values
        np.testing.assert_allclose(values.astype(int), expected.astype(int), atol=1)


@pytest.mark.parametrize(("number", "has_cancer", "value"), [(1, False, "normal"), (2, True, "lung cancer")])
def test_the_verdict_is_made_of_all_slices(tmp_path: Path, number: int, has_cancer: bool, value: str) -> None:
    session = Session(open_package(make_package(tmp_path / "p", output={"thresholds": [0.8]})), use_gpu=False)
    volume = volume_of(number, has_cancer=has_cancer)
    pieces = list(predict(session, volume))
    verdict = summarise(session, volume, pieces).verdict
    assert (verdict.value, verdict.positive, verdict.threshold) == (value, has_cancer, 0.8)
    assert verdict.probability == pytest.approx(np.mean(sorted(piece.probability for piece in pieces)[-2:]), abs=1e-6)


def test_a_series_that_does_not_fit_gives_no_piece(package: Package) -> None:
    session = Session(package, use_gpu=False)
    with pytest.raises(InvalidError, match="at least 3 slices"):
        next(predict(session, volume_of(1, has_cancer=False, slices=2)))


def test_an_answer_that_is_no_number_is_no_answer(tmp_path: Path) -> None:
    from onnx import numpy_helper

    network = bright_model()
    bias = next(tensor for tensor in network.graph.initializer if tensor.name == "bias")
    bias.CopyFrom(numpy_helper.from_array(np.array([0, np.nan], np.float32), "bias"))
    folder = make_package(tmp_path / "p", network=network.SerializeToString())
    with pytest.raises(InvalidError) as refused:
        next(predict(Session(open_package(folder), use_gpu=False), volume_of(1, has_cancer=False)))
    assert refused.value.code == "model_failed"


def test_memory_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    folder = make_package(tmp_path / "p", network=vast_model().SerializeToString())
    session = Session(open_package(folder), use_gpu=False)
    with pytest.raises(UnavailableError) as refused:
        next(predict(session, volume_of(1, has_cancer=False)))
    assert refused.value.code == "memory"


def test_models_stay_resident_and_the_least_used_leave(tmp_path: Path) -> None:
    resident = ResidentSessions(limit=2)
    packages = [open_package(make_package(tmp_path / str(n), turns=n)) for n in range(3)]
    first = resident.get(packages[0])
    assert resident.get(packages[0]) is first
    resident.get(packages[1])
    assert resident.get(packages[0]) is first
    resident.get(packages[2])
    assert resident.get(packages[0]) is first


def test_one_network_under_two_manifests_is_two_models(tmp_path: Path) -> None:
    resident = ResidentSessions()
    for threshold in (0.1, 0.9):
        package = open_package(make_package(tmp_path / str(threshold), output={"thresholds": [threshold]}))
        assert resident.get(package).package.manifest.output.thresholds == (threshold,)


def test_the_provider_is_the_one_that_runs(package: Package) -> None:
    assert Session(package, use_gpu=False).provider == "CPU"
