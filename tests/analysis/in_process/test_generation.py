"""Images that a model makes: told as they come, kept as one series that says that it is synthetic, once."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pydicom
import pytest
from django.test import Client

from medportal.analysis import run_analysis, run_generation
from medportal.analysis.models import Analysis
from medportal.annotations.models import AnnotationSet, Label
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.reading import load_series_volume, object_path
from medportal.jobs.leases import WorkerStopsError
from medportal.jobs.models import Job
from tests.analysis.looking import look, told
from tests.chests import store_chest
from tests.networks import flat_model
from tests.packages import register
from tests.rails import People


@pytest.fixture
def gan(people: People, tmp_path: Path) -> Any:
    """A model that makes grey squares: 0.2 for `normal`, 0.7 for `lung cancer`, and a tenth of chance."""
    return register(people.team, tmp_path, name="gan", task="generation", variants=())


def objects(series: Any) -> list[pydicom.Dataset]:
    rows = series.instances.order_by("instance_number")
    return [pydicom.dcmread(BytesIO(object_path(row).read_bytes())) for row in rows]


def series_of(analysis: dict[str, Any]) -> Series:
    return Series.objects.get(series_instance_uid=analysis["series_instance_uid"])


def test_images_are_told_and_kept_as_a_synthetic_series(people: People, reader: Any, run: Any, gan: Any) -> None:
    job = run("gan", parameters={"count": 5, "seed": 7, "class": "lung cancer"})
    assert job.state == "succeeded"
    analysis = look(reader, people, job)
    assert (analysis["task"], analysis["parameters"]) == ("generation", {"count": 5, "seed": 7, "class": "lung cancer"})
    assert analysis["result"] is None
    series = series_of(analysis)
    assert analysis["study_instance_uid"] == series.study.study_instance_uid
    assert (series.is_synthetic, series.modality, series.number_of_instances) == (True, "CT", 5)
    assert series.reason_not_displayable == ""
    pieces = told(job)
    assert [data["index"] for data, _ in pieces] == list(range(5))
    for (data, payload), ds in zip(pieces, objects(series), strict=True):
        assert (data["count"], data["label"], data["layers"][0]["kind"]) == (5, "lung cancer", "generated")
        assert (data["shape"], data["encoding"], data["boxes"]) == ([16, 16], "raw", [])
        assert data["sop_instance_uid"] == ds.SOPInstanceUID
        assert payload == ds.PixelData
        assert 0.6 <= ds.pixel_array.mean() / 255 <= 0.8
    ((made, _),) = told(job, "images.generated")
    assert made["series_instance_uid"] == series.series_instance_uid
    assert (made["count"], made["seed"], made["class"], made["model"]) == (5, 7, "lung cancer", "gan")
    assert job.result == made


def test_each_object_says_that_it_is_made_up_and_by_what(people: People, reader: Any, run: Any, gan: Any) -> None:
    series = series_of(look(reader, people, run("gan", parameters={"count": 3, "seed": 1})))
    for number, ds in enumerate(objects(series), start=1):
        assert ds.SOPClassUID.name == "Secondary Capture Image Storage"
        assert (ds.SyntheticData, list(ds.ImageType)) == ("YES", ["DERIVED", "SECONDARY"])
        assert (ds.BurnedInAnnotation, ds.ConversionType, ds.Modality) == ("NO", "SYN", "CT")
        assert (ds.PatientName, ds.InstanceNumber) == ("SYNTHETIC^gan", number)
        assert ds.PatientID.startswith("SYNTHETIC-")
        assert gan.sha256 in ds.DerivationDescription
        assert "seed 1;" in ds.DerivationDescription
        assert ds.SeriesDescription == "Synthetic: gan@1 lung cancer, normal"
        assert ds.ImageComments == f"Class asked for: {('normal', 'lung cancer')[(number - 1) % 2]}"
        assert [float(value) for value in ds.PixelSpacing] == [2, 2]
    # A grey is the value of the modality that it was for the model.
    volume = load_series_volume(series)
    assert volume.array[0].mean() == pytest.approx(-1000 + 2000 * objects(series)[0].pixel_array.mean() / 255, abs=1)


def test_the_classes_are_kept_as_labels(people: People, reader: Any, run: Any, gan: Any) -> None:
    mixed = series_of(look(reader, people, run("gan", parameters={"count": 4})))
    labels = Label.objects.filter(series=mixed, scheme=run_generation.SCHEME).order_by("instance__instance_number")
    assert [label.value for label in labels] == ["normal", "lung cancer"] * 2
    one = series_of(look(reader, people, run("gan", parameters={"count": 2, "class": "normal"})))
    (label,) = Label.objects.filter(series=one, scheme=run_generation.SCHEME)
    assert (label.value, label.instance, label.source) == ("normal", None, "model")


def test_one_synthetic_patient_for_a_model_and_a_study_for_a_run(people: People, run: Any, gan: Any) -> None:
    first, again = run("gan", parameters={"count": 2, "seed": 3}), run("gan", parameters={"count": 2, "seed": 3})
    assert Patient.objects.filter(team=people.team).count() == 1
    assert Study.objects.filter(team=people.team, is_synthetic=True).count() == 2
    pixels = [[ds.PixelData for ds in objects(Analysis.objects.get(pk=job.pk).series)] for job in (first, again)]
    assert pixels[0] == pixels[1]
    other = run("gan", parameters={"count": 2, "seed": 4})
    assert [ds.PixelData for ds in objects(Analysis.objects.get(pk=other.pk).series)] != pixels[0]
    assert not Study.objects.filter(team=people.team, has_conflict=True).exists()
    assert {study.ai_status for study in Study.objects.filter(team=people.team)} == {""}
    assert not AnnotationSet.objects.filter(team=people.team).exists()


def test_what_is_not_said_is_chosen_and_the_same_id_is_the_same_run(people: People, ask: Any, gan: Any) -> None:
    job = str(uuid4())
    first, again = ask("gan", id=job), ask("gan", id=job)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["parameters"] == again.json()["parameters"]
    assert first.json()["parameters"]["count"] == 16
    assert first.json()["study_instance_uid"] is None
    assert Job.objects.filter(team=people.team).count() == 1
    other = ask("gan", id=job, parameters={"count": 3})
    assert (other.status_code, other.json()["code"]) == (409, "job_id_taken")


def test_a_job_that_is_delivered_again_stores_nothing_more(people: People, run: Any, gan: Any) -> None:
    job = run("gan", parameters={"count": 3})
    for _ in range(3):
        run_analysis.run_analysis(job.pk, worker="again")
    assert Instance.objects.filter(team=people.team).count() == 3
    assert len(told(job)) == 3


@pytest.mark.parametrize("at", ["pieces", "objects", "end"])
def test_a_run_that_was_cut_off_stores_each_image_once(
    people: People, reader: Any, run: Any, gan: Any, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """While images are made, while they are stored, and between storing and the end."""
    if at == "pieces":
        generate = run_generation.generate

        def some(*arguments: Any, **words: Any) -> Iterator[Any]:
            for number, image in enumerate(generate(*arguments, **words)):
                if number == 3:
                    raise WorkerStopsError
                yield image

        monkeypatch.setattr(run_generation, "generate", some)
    elif at == "objects":
        store, left = run_generation.store_instance, iter([1, 1])

        def storing(**words: Any) -> Any:
            if not next(left, 0):
                raise WorkerStopsError
            return store(**words)

        monkeypatch.setattr(run_generation, "store_instance", storing)
    else:

        def stopping(*_: Any) -> None:
            raise WorkerStopsError

        monkeypatch.setattr(run_generation, "_label", stopping)
    job = run("gan", parameters={"count": 6, "seed": 5})
    assert job.state == "queued"
    assert look(reader, people, job)["series_instance_uid"] is None
    monkeypatch.undo()
    run_analysis.run_analysis(job.pk, worker="another")
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("succeeded", 2)
    series = series_of(look(reader, people, job))
    assert series.number_of_instances == Instance.objects.filter(team=people.team).count() == 6
    assert [data["index"] for data, _ in told(job)] == list(range(6))
    assert [payload for _, payload in told(job)] == [ds.PixelData for ds in objects(series)]


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ({"parameters": {"count": 0}}, 400, ""),
        ({"parameters": {"count": 65}}, 400, ""),
        ({"parameters": {"seed": -1}}, 400, ""),
        ({"parameters": {"count": "many"}}, 400, ""),
        ({"parameters": {"class": "cat"}}, 422, "package_does_not_fit"),
        ({"version": 9}, 404, "model_version_not_found"),
        ({"precision": "fp16"}, 422, "no_such_precision"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    people: People, ask: Any, gan: Any, words: dict[str, Any], status: int, code: str
) -> None:
    response = ask("gan", **words)
    assert response.status_code == status
    assert not code or response.json()["code"] == code
    assert not Job.objects.filter(team=people.team).exists()


def test_a_generator_takes_no_series(people: People, ask: Any, gan: Any) -> None:
    series = store_chest(people.team, 1, has_cancer=False)
    response = ask("gan", series_instance_uid=series.series_instance_uid)
    assert (response.status_code, response.json()["code"]) == (422, "no_series_wanted")


def test_who_may_have_images_made(people: People, ask: Any, gan: Any) -> None:
    for user, status in ((people.member("viewer"), 403), (people.outsider(), 404), (people.member("reader"), 202)):
        client = Client(raise_request_exception=False)
        client.force_login(user)
        assert ask("gan", client=client).status_code == status


def test_another_teams_synthetic_patient_is_another(people: People, run: Any, gan: Any, tmp_path: Path) -> None:
    from medportal.analysis.generating import patient_id

    assert patient_id(people.team.slug, "gan") != patient_id("other", "gan") != patient_id("other", "gan-2")


def test_images_in_colour_of_no_class(people: People, reader: Any, run: Any, tmp_path: Path) -> None:
    network = flat_model(channels=3, classes=1).SerializeToString()
    output = {"spacing_mm": None, "modality": "OT"}
    spec = {"scaling": {"kind": "percentiles", "low": 1.0, "high": 99.0}, "colour": True}
    changes = {"network": network, "classes": [], "output": output, "input": spec}
    register(people.team, tmp_path, name="colours", task="generation", **changes)
    job = run("colours", parameters={"count": 2})
    series = series_of(look(reader, people, job))
    for (data, _), ds in zip(told(job), objects(series), strict=True):
        assert (data["shape"], data["label"]) == ([16, 16, 3], "")
        assert (ds.PhotometricInterpretation, ds.pixel_array.shape, ds.Modality) == ("RGB", (16, 16, 3), "OT")
        assert "PixelSpacing" not in ds
        assert "RescaleSlope" not in ds
        assert ds.SeriesDescription == "Synthetic: colours@1"
    assert series.is_synthetic
    np.testing.assert_array_equal(load_series_volume(series).array.shape, (2, 16, 16, 3))
