"""Each task run through the analysis of a series, in this process: what is told, what is kept, what is gone on with."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medportal.analysis import piece_events, run_analysis
from medportal.annotations import label_maps
from medportal.annotations.models import AnnotationSet, LabelMap
from medportal.archive.models import Study
from medportal.archive.reading import load_series_volume
from medportal.inference.package import open_package
from medportal.inference.predict import answer, predict
from medportal.inference.session import Session
from medportal.jobs.leases import WorkerStopsError
from medportal.jobs.models import Job
from medportal.messaging.models import Event
from medportal.zoo.packages import package_dir
from tests import dicom
from tests.analysis.looking import look, told
from tests.chests import store_chest
from tests.networks import threshold_model
from tests.packages import register
from tests.rails import People


@pytest.fixture
def series(people: People) -> Any:
    """A chest of eight slices, 64 × 64: lung 0.075, body 0.525, and in the middle slices a disc of 0.95."""
    return store_chest(people.team, 2, has_cancer=True)


def expected(version: Any, series: Any, precision: str = "") -> Any:
    """What `inference` says of the series by itself."""
    return answer(Session(open_package(package_dir(version)), precision), load_series_volume(series))


def mask_of(client: Any, people: People, result: dict[str, Any]) -> Any:
    """The mask as the page gets it."""
    url = f"/api/v1/teams/{people.team.slug}/annotation-sets/{result['id']}/mask/"
    response = client.get(url)
    assert response.status_code == 200
    dtype = np.dtype(result["mask"]["dtype"]).newbyteorder("<")
    return np.frombuffer(zlib.decompress(response.content), dtype).reshape(result["mask"]["shape"])


def segments(result: dict[str, Any]) -> dict[int, str]:
    return {segment["value"]: segment["label"] for segment in result["mask"]["segments"]}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_segmentation_is_told_slice_by_slice_and_kept_as_a_mask(
    people: People, reader: Any, run: Any, series: Any, tmp_path: Path, dimensions: int
) -> None:
    version = register(people.team, tmp_path, name="segments", task="segmentation", dimensions=dimensions)
    job = run("segments", series)
    assert job.state == "succeeded"
    analysis = look(reader, people, job)
    result, truth = analysis["result"], expected(version, series)
    assert (analysis["task"], analysis["precision"], analysis["parameters"]) == ("segmentation", "", None)
    np.testing.assert_array_equal(mask_of(reader, people, result), truth.mask)
    assert set(np.unique(truth.mask)) == {0, 1, 2}
    assert segments(result) == {1: "lesion", 2: "bone"}
    assert (result["mask"]["is_instances"], result["boxes"]) == (False, [])
    assert result["verdict"]["measures"] == truth.verdict.measures
    assert (result["verdict"]["value"], result["verdict"]["positive"]) == ("lesion", True)
    pieces = told(job)
    assert [data["index"] for data, _ in pieces] == list(range(8))
    for data, payload in pieces:
        (layer,) = data["layers"]
        assert (layer["kind"], layer["shape"], layer["region"]) == ("mask", [64, 64], [0, 0, 64, 64])
        values = np.frombuffer(zlib.decompress(payload), np.uint8).reshape(64, 64)
        np.testing.assert_array_equal(values, truth.mask[data["index"]])
        assert data["probability"] == pytest.approx((values > 0).mean())
    ((verdict, _),) = told(job, "series.verdict")
    assert (verdict["measures"], verdict["precision"]) == (truth.verdict.measures, "")
    study = Study.objects.get(pk=series.study_id)
    assert (study.ai_status, study.ai_summary["value"]) == ("succeeded", "lesion")


def test_objects_that_are_told_apart_are_kept_numbered(
    people: People, reader: Any, run: Any, series: Any, tmp_path: Path
) -> None:
    network = threshold_model(segments=1).SerializeToString()
    changes = {"classes": ["body"], "output": {"instances": True, "minimum_voxels": 20}, "network": network}
    version = register(people.team, tmp_path, name="objects", task="segmentation", **changes)
    result = look(reader, people, run("objects", series))["result"]
    assert (result["mask"]["is_instances"], segments(result)) == (True, {1: "body"})
    mask = mask_of(reader, people, result)
    assert mask.max() == result["verdict"]["measures"]["objects"] >= 8
    np.testing.assert_array_equal(mask > 0, expected(version, series).mask > 0)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_boxes_come_with_their_slice_and_are_kept(
    people: People, reader: Any, run: Any, series: Any, tmp_path: Path, dimensions: int
) -> None:
    # In three dimensions a cell is deeper than the disc, and fainter.
    output = {"score_threshold": 0.9} if dimensions == 2 else {"score_threshold": 0.003, "tile": None}
    changes = {"dimensions": dimensions, "output": output}
    spec = {"input": {"scaling": {"kind": "window", "low": 0.0, "high": 1000.0}}}
    version = register(people.team, tmp_path, name="boxes", task="detection", **changes, **spec)
    job = run("boxes", series)
    truth, result = expected(version, series), look(reader, people, job)["result"]
    assert truth.boxes
    assert result["boxes"] == [box.to_json() for box in truth.boxes]
    assert (result["mask"], result["verdict"]["measures"]) == (None, {"nodule": len(truth.boxes)})
    with_boxes = {data["index"]: data["boxes"] for data, _ in told(job) if data["boxes"]}
    assert set(with_boxes) <= {3, 4}
    assert sum(map(len, with_boxes.values())) == len(truth.boxes)
    for data, payload in told(job):
        assert (data["layers"], data["shape"], payload) == ([], [], b"")
        assert data["probability"] == max((box["score"] for box in data["boxes"]), default=0)


def test_an_autoencoder_tells_anomaly_and_reconstruction(
    people: People, reader: Any, run: Any, series: Any, tmp_path: Path
) -> None:
    version = register(people.team, tmp_path, name="usual", task="autoencoder")
    job = run("usual", series)
    truth, result = expected(version, series), look(reader, people, job)["result"]
    kinds = {tuple(layer["kind"] for layer in data["layers"]) for data, _ in told(job)}
    assert kinds == {("anomaly", "reconstruction")}
    assert [one["probability"] for one in result["slices"]] == truth.scores.tolist()
    assert [data["probabilities"] for data, _ in told(job)] == [[error] for error in truth.errors.tolist()]
    assert result["verdict"]["probability"] == truth.verdict.probability
    assert set(result["verdict"]["measures"]) == {"psnr_db", "compression"}


def test_the_verdict_is_exactly_that_of_inference(people: People, run: Any, series: Any, tmp_path: Path) -> None:
    version = register(people.team, tmp_path)
    job, truth = run("bright", series), expected(version, series)
    assert job.result["probability"] == truth.verdict.probability
    assert job.result["probabilities"] == truth.verdict.probabilities
    assert sum(job.result["probabilities"].values()) == pytest.approx(1)


def stop_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next run end as when its worker is told to, after so many pieces."""
    left = [count]

    def predicting(session: Any, volume: Any, **more: Any) -> Iterator[Any]:
        for piece in predict(session, volume, **more):
            if not left[0]:
                raise WorkerStopsError
            left[0] -= 1
            yield piece

    monkeypatch.setattr(run_analysis, "predict", predicting)


@pytest.mark.parametrize(
    ("task", "dimensions"), [("segmentation", 2), ("segmentation", 3), ("detection", 2), ("autoencoder", 2)]
)
def test_a_run_that_was_cut_off_is_gone_on_with_from_what_was_told(
    people: People,
    reader: Any,
    run: Any,
    series: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    dimensions: int,
) -> None:
    version = register(people.team, tmp_path, name="cut", task=task, dimensions=dimensions)
    stop_after(5, monkeypatch)
    job = run("cut", series)
    assert (job.state, len(told(job))) == ("queued", 5)
    before = told(job)
    monkeypatch.undo()
    run_analysis.run_analysis(job.pk, worker="another")
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("succeeded", 2)
    assert told(job)[:5] == before
    assert [data["index"] for data, _ in told(job)] == list(range(8))
    truth, result = expected(version, series), look(reader, people, job)["result"]
    assert job.result["probability"] == truth.verdict.probability
    assert [one["probability"] for one in result["slices"]] == [data["probability"] for data, _ in told(job)]
    if task == "segmentation":
        np.testing.assert_array_equal(mask_of(reader, people, result), truth.mask)


def test_a_series_that_grew_meanwhile_is_not_mixed(
    people: People, run: Any, series: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(people.team, tmp_path, name="cut", task="segmentation")
    stop_after(3, monkeypatch)
    job = run("cut", series)
    monkeypatch.undo()
    one = series.instances.order_by("instance_number").first()
    # As when another slice came in: the third is no longer the third.
    series.instances.filter(pk=one.pk).update(slice_position_mm=1e6, number_of_frames=0)
    series.__class__.objects.filter(pk=series.pk).update(revision=series.revision + 1)
    run_analysis.run_analysis(job.pk, worker="another")
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "series_changed")


def test_a_job_that_is_delivered_again_gives_nothing_more(
    people: People, run: Any, series: Any, tmp_path: Path
) -> None:
    register(people.team, tmp_path, name="segments", task="segmentation")
    job = run("segments", series)
    for _ in range(3):
        run_analysis.run_analysis(job.pk, worker="again")
    assert (
        AnnotationSet.objects.filter(job_id=job.pk).count()
        == LabelMap.objects.filter(annotation_set__job_id=job.pk).count()
        == 1
    )
    assert len(told(job)) == 8


def test_a_mask_beyond_all_measure_is_refused_before_the_work(
    people: People, run: Any, series: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(people.team, tmp_path, name="segments", task="segmentation")
    monkeypatch.setattr(label_maps, "MAX_VOXELS", 1000)
    job = run("segments", series)
    assert (job.state, job.error_code, told(job)) == ("failed", "mask_size", [])


def test_a_variant_is_run_and_named(
    people: People, reader: Any, run: Any, ask: Any, series: Any, tmp_path: Path
) -> None:
    version = register(people.team, tmp_path, variants=("fp16",))
    plain, half = run("bright", series), run("bright", series, precision="fp16")
    assert half.result["probability"] == expected(version, series, "fp16").verdict.probability
    assert half.result["probability"] > plain.result["probability"]
    analysis = look(reader, people, half)
    assert (analysis["precision"], analysis["result"]["parameters"]["precision"]) == ("fp16", "fp16")
    assert analysis["result"]["sha256"] == version.manifest["variants"][0]["sha256"] != version.sha256
    refused = ask("bright", series_instance_uid=series.series_instance_uid, precision="int8")
    assert (refused.status_code, refused.json()["code"]) == (422, "no_such_precision")
    assert ask("bright", series_instance_uid=series.series_instance_uid, precision="fp8").status_code == 400
    (listed,) = reader.get(f"/api/v1/teams/{people.team.slug}/models/").json()
    assert listed["versions"][0]["variants"] == [{"precision": "fp16", "metric": "auc", "value": 0.99, "loss": 0.01}]
    (package_dir(version) / "model.fp16.onnx").write_bytes(b"another")
    assert run("bright", series, precision="fp16").error_code == "digest_mismatch"


def store_pictures(people: People, *pictures: Any, **values: Any) -> Any:
    """Store pictures as a series and return it."""
    from medportal.archive import storage
    from medportal.archive.services import store_instance

    common = {"StudyInstanceUID": dicom.new_uid(), "SeriesInstanceUID": dicom.new_uid(), **values}
    for number, picture in enumerate(pictures, start=1):
        path = storage.new_incoming()
        path.write_bytes(dicom.to_bytes(dicom.dataset(picture, InstanceNumber=number, **common)))
        stored = store_instance(team=people.team, path=path, actor=None, door="import")
    return stored.series


def test_colours_are_for_models_that_see_them(people: People, run: Any, ask: Any, tmp_path: Path) -> None:
    rgb = dicom.noise(32, 32, high=256, samples=3)
    coloured = store_pictures(people, rgb)
    grey_model = register(people.team, tmp_path, name="grey", task="detection")
    refused = ask("grey", series_instance_uid=coloured.series_instance_uid)
    assert (refused.status_code, refused.json()["code"]) == (422, "package_does_not_fit")
    assert "colour" in refused.json()["detail"]
    weights = threshold_model(segments=1)
    from onnx import helper, numpy_helper

    # Sees the first channel alone: red.
    for tensor in weights.graph.initializer:
        if tensor.name == "weights":
            red = np.zeros((2, 3, 1, 1), np.float32)
            red[1, 0] = 20
            tensor.CopyFrom(numpy_helper.from_array(red, "weights"))
    weights.graph.input[0].CopyFrom(helper.make_tensor_value_info("image", 1, ["batch", 3, "h", "w"]))
    changes = {
        "classes": ["red"],
        "network": weights.SerializeToString(),
        "input": {"colour": True, "scaling": {"kind": "window", "low": 0.0, "high": 255.0}},
    }
    register(people.team, tmp_path, name="red", task="segmentation", **changes)
    job = run("red", coloured)
    assert job.state == "succeeded"
    mask = label_maps.array_of(LabelMap.objects.get(annotation_set__job_id=job.pk))
    np.testing.assert_array_equal(mask[0], rgb[..., 0] > 127.5)
    palette = store_pictures(people, dicom.noise(8, 8, high=256), PhotometricInterpretation="PALETTE COLOR")
    assert "palette" in ask("red", series_instance_uid=palette.series_instance_uid).json()["detail"]
    assert grey_model.number == 1


def test_a_model_that_needs_a_series_is_not_run_without_one(
    people: People, ask: Any, series: Any, tmp_path: Path
) -> None:
    register(people.team, tmp_path)
    for words, code in (({}, "series_missing"), ({"parameters": {"count": 2}}, "parameters")):
        response = ask("bright", **words)
        assert (response.status_code, response.json()["code"]) == (422, code)
    assert not Job.objects.filter(team=people.team).exists()


def test_a_damaged_piece_fails_the_job_with_the_reason(
    people: People, run: Any, series: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(people.team, tmp_path, name="cut", task="segmentation")
    stop_after(3, monkeypatch)
    job = run("cut", series)
    monkeypatch.undo()
    Event.objects.filter(topic_id=job.topic, type=piece_events.TYPE).update(payload=b"damaged")
    run_analysis.run_analysis(job.pk, worker="another")
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "piece_damaged")
