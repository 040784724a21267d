"""Durable first, told after: what a crash leaves, what events say, and the small pictures of series."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from django.db.models import F
from PIL import Image

from medportal.archive import services, storage
from medportal.archive.apps import THUMBNAIL_TASK
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.rows import series_row, study_row
from medportal.archive.run_thumbnail import after_growth, make_thumbnail
from medportal.audit.models import AuditEvent
from medportal.errors import ConflictError, UnavailableError
from medportal.messaging.models import Event, PendingReaction
from tests import dicom
from tests.archive.conftest import address, uids_of

pytestmark = pytest.mark.django_db


class PowerCutError(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


def test_bytes_are_durable_before_there_is_a_row(store, held, monkeypatch):
    """Cut between the two: the file lies there, no row promises it, and the same object can come again."""
    data, insert = dicom.ct_slice(), services._insert

    def cut(*arguments):
        assert Path(storage.path_of(arguments[2]["storage_key"])).read_bytes() == data
        raise PowerCutError

    monkeypatch.setattr(services, "_insert", cut)
    with pytest.raises(PowerCutError):
        store(data)
    assert (Instance.objects.count(), Study.objects.count(), AuditEvent.objects.count(), Event.objects.count()) == (
        0,
    ) * 4
    assert len(held()) == 1
    monkeypatch.setattr(services, "_insert", insert)
    assert store(data).status == "stored"
    assert len(held()) == 1


def test_a_cut_while_the_bytes_are_written_leaves_nothing(store, held, monkeypatch):
    monkeypatch.setattr(storage, "_sync_folder", lambda _: (_ for _ in ()).throw(PowerCutError))
    with pytest.raises(PowerCutError):
        store(dicom.ct_slice())
    assert Instance.objects.count() == 0
    monkeypatch.undo()


def test_a_failed_transaction_leaves_no_part_of_a_row(store, monkeypatch):
    monkeypatch.setattr(services, "publish", lambda *_, **__: (_ for _ in ()).throw(PowerCutError))
    with pytest.raises(PowerCutError):
        store(dicom.ct_slice())
    counts = [model.objects.count() for model in (Patient, Study, Series, Instance, AuditEvent, Event)]
    assert counts == [0] * 6


def test_a_full_store_is_told(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(UnavailableError) as caught:
        store(dicom.ct_slice())
    assert caught.value.code == "storage_full"
    assert Instance.objects.count() == 0


def test_what_the_store_has_lost_is_taken_again(store):
    data = dicom.ct_slice()
    key = store(data).instance.storage_key
    storage.path_of(key).unlink()
    assert store(data).status == "duplicate"
    assert storage.path_of(key).read_bytes() == data


def test_what_the_store_has_lost_is_told(store, client_for, team):
    data = dicom.ct_slice()
    storage.path_of(store(data).instance.storage_key).unlink()
    for path in ("", "/frames/1"):
        answer = client_for("viewer").get(address(team.slug, data) + path)
        assert (answer.status_code, answer.json()["code"]) == (503, "object_lost")
    assert client_for("viewer").get(address(team.slug, data) + "/metadata").status_code == 200


def test_incoming_files_are_always_cleared(store, held):
    data = dicom.ct_slice()
    store(data)
    store(data)
    with pytest.raises(ConflictError):
        store(dicom.ct_slice(dicom.noise(seed=8), SOPInstanceUID=uids_of(data)[2]))
    assert [name.split("/")[0] for name in held()] == ["objects"]


def test_what_a_killed_process_left_is_removed(client_for, upload, held, monkeypatch):
    old, new = storage.new_incoming(), storage.new_incoming()
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    monkeypatch.setattr(storage, "_looked_at", 0.0)
    upload(client_for("reader"), dicom.ct_slice())
    assert (old.exists(), new.exists()) == (False, True)


# What is told.


def told(topic):
    return [(event.type, event.data) for event in Event.objects.filter(topic_id=topic).order_by("seq")]


def test_an_arrival_is_told_with_the_finished_rows(team, store):
    result = store(dicom.ct_slice())
    study, series = Study.objects.get(), Series.objects.get()
    expected = {"study": study_row(study), "series": series_row(series)}
    arrived = {**expected, "sop_instance_uid": result.instance.sop_instance_uid}
    assert told(f"study:{team.slug}/{study.study_instance_uid}") == [
        ("instance.stored", arrived),
        ("series.grew", expected),
    ]
    assert told(f"team:{team.slug}") == [("instance.stored", arrived)]
    assert set(Event.objects.values_list("team_id", flat=True)) == {team.pk}
    assert json.loads(json.dumps(arrived)) == arrived


def test_what_is_not_stored_is_not_told(store):
    data = dicom.ct_slice()
    store(data)
    before = Event.objects.count()
    store(data)
    with pytest.raises(ConflictError):
        store(dicom.ct_slice(dicom.noise(seed=8), SOPInstanceUID=uids_of(data)[2]))
    assert Event.objects.count() == before


def test_three_hundred_slices_are_no_flood(team, store):
    """The team hears of a growing study a few times, not for each slice; and nobody is sent more than rows."""
    started, count = time.monotonic(), 300
    for data in dicom.ct_series(count, rows=2):
        store(data)
    elapsed = time.monotonic() - started
    study = Study.objects.get()
    of_team, of_study = told(f"team:{team.slug}"), told(f"study:{team.slug}/{study.study_instance_uid}")
    assert 1 <= len(of_team) <= elapsed / services.TELL_TEAM_EVERY.total_seconds() + 1
    assert [kind for kind, _ in of_study] == ["instance.stored", "series.grew", *["instance.stored"] * (count - 1)]
    assert max(len(json.dumps(data)) for _, data in of_study) < 2500
    assert of_study[-1][1]["study"]["number_of_instances"] == study.number_of_instances == count
    # One picture is asked for, not three hundred.
    assert PendingReaction.objects.count() == 1


# The small pictures.


@pytest.fixture
def quiet():
    """Return a function that lets the series' last arrival be long ago."""
    return lambda: Instance.objects.update(created_at=F("created_at") - timedelta(hours=1))


def picture_of(client, team, series, which="thumbnail"):
    return client.get(
        f"/api/v1/teams/{team.slug}/series/{series.series_instance_uid}/{which}/?r={series.thumbnail_revision}"
    )


def test_the_picture_of_a_series(team, client_for, store, quiet):
    """The middle slice, windowed as it asks for, on 256 pixels; then told to all who watch."""
    uids = {"StudyInstanceUID": dicom.new_uid(), "SeriesInstanceUID": dicom.new_uid()}
    for n, value in enumerate((1024, 1224, 2024)):
        pixels = np.full((512, 384), value, np.uint16)
        store(dicom.ct_slice(pixels, slice_mm=n, WindowCenter=200, WindowWidth=801, **uids))
    client, series = client_for("viewer"), Series.objects.get()
    assert picture_of(client, team, series).status_code == 404
    quiet()
    event = Event.objects.get(type="series.grew")
    after_growth(event.pk)
    after_growth(event.pk)
    series.refresh_from_db()
    due = PendingReaction.objects.filter(task_name=THUMBNAIL_TASK).count()
    assert (series.thumbnail_revision, due) == (3, 0)
    answer = picture_of(client, team, series)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert "immutable" in answer["Cache-Control"]
    picture = Image.open(BytesIO(answer.content))
    assert picture.size == (192, 256)
    assert abs(int(np.asarray(picture).mean()) - 128) <= 2
    preview = Image.open(BytesIO(picture_of(client, team, series, "preview").content))
    assert (preview.size, int(np.asarray(preview).mean())) == ((384, 512), pytest.approx(128, abs=2))
    study = Study.objects.get()
    expected = ("series.changed", {"study": study_row(study), "series": series_row(series)})
    assert told(f"team:{team.slug}")[-1] == told(f"study:{team.slug}/{study.study_instance_uid}")[-1] == expected
    assert (study.thumbnail_series_uid, study.thumbnail_revision) == (series.series_instance_uid, 3)
    assert [kind for kind, _ in told(f"team:{team.slug}")].count("series.changed") == 1


def test_without_a_preview_the_small_picture_stands_for_it(team, client_for, store, quiet):
    store(dicom.ct_slice())
    quiet()
    make_thumbnail(Series.objects.get().pk)
    for name in storage.derived_names("previews", "*"):
        storage.remove_derived("previews", name)
    client, series = client_for("viewer"), Series.objects.get()
    assert picture_of(client, team, series, "preview").content == picture_of(client, team, series).content


def test_a_series_that_grew_has_a_new_picture(team, client_for, store, quiet):
    objects = dicom.ct_series(2)
    for revision, data in enumerate(objects, start=1):
        store(data)
        quiet()
        make_thumbnail(Series.objects.get().pk)
        assert Series.objects.get().thumbnail_revision == revision
    assert len(storage.derived_names("thumbnails", "*")) == len(storage.derived_names("previews", "*")) == 1
    assert Event.objects.filter(type="series.grew").count() == 2


def test_pictures_in_colour(team, client_for, store, quiet):
    store(dicom.ct_slice(np.full((32, 32, 3), (200, 20, 20), np.uint8)))
    quiet()
    make_thumbnail(Series.objects.get().pk)
    picture = Image.open(BytesIO(picture_of(client_for("viewer"), team, Series.objects.get()).content))
    assert picture.mode == "RGB"
    assert np.abs(np.asarray(picture)[8, 8].astype(int) - (200, 20, 20)).max() < 8


@pytest.mark.parametrize(
    "data",
    [dicom.to_bytes(dicom.dataset()), dicom.encapsulated(dicom.dataset(dicom.noise()), [b"nonsense"], dicom.JPEG_LS)],
    ids=["no pixels", "nonsense"],
)
def test_what_cannot_be_shown_has_no_picture(team, client_for, store, quiet, data):
    store(data)
    quiet()
    make_thumbnail(Series.objects.get().pk)
    series = Series.objects.get()
    assert (series.thumbnail_revision, series.thumbnail_is_due) == (0, False)
    assert picture_of(client_for("viewer"), team, series).status_code == 404
    assert told(f"team:{team.slug}")[-1][0] == "series.changed"


# Documents and commands.


def test_documents_of_older_revisions_go(store):
    from medportal.archive import derived

    for data in dicom.ct_series(2):
        store(data)
        derived.of_series(Series.objects.get())
    assert len(storage.derived_names(derived.KIND, "*")) == 1


def test_a_header_too_large_to_keep_is_read_again(store, monkeypatch, client_for, team):
    from medportal.archive import incoming, reading

    monkeypatch.setattr(incoming, "KEPT_HEADER_BYTES", 10)
    result = store(dicom.ct_slice(StudyDescription="Large"))
    assert result.instance.header is None
    assert reading.attributes_of(Instance.objects.get()).text("StudyDescription") == "Large"


def test_volume_of_a_series(store):
    from medportal.archive.reading import load_series_volume

    for data in dicom.ct_series(4):
        store(data)
    volume = load_series_volume(Series.objects.get())
    assert volume.spacing_mm_zyx == (2.5, 0.5, 0.75)
    expected = np.stack([dicom.noise(seed=n).astype(int) - 1024 for n in range(4)])
    np.testing.assert_array_equal(volume.array, expected)


def test_import_from_disk(team, tmp_path, capsys):
    from django.core.management import CommandError, call_command

    folder = tmp_path / "import" / "deep"
    folder.mkdir(parents=True)
    series = dicom.ct_series(3)
    for n, data in enumerate(series):
        (folder / f"{n}").write_bytes(data)
    (folder / "notes.txt").write_text("Notes, as they lie in such folders.")
    (folder / "link").symlink_to("/etc/passwd")
    call_command("import", str(tmp_path / "import"), team=team.slug, json=True)
    assert json.loads(capsys.readouterr().out) == {
        "team": team.slug, "stored": 3, "duplicate": 0, "ignored": 1, "rejected": 0,
        "files": [{"path": str(folder / "notes.txt"), "status": "ignored", "code": "not_dicom", "detail": "This is not a DICOM file."}],
    }  # fmt: skip
    (folder / "cut").write_bytes(series[0][:-9])
    with pytest.raises(CommandError):
        call_command("import", str(tmp_path / "import"), team=team.slug, json=True)
    answer = json.loads(capsys.readouterr().out)
    assert (answer["stored"], answer["duplicate"], answer["rejected"]) == (0, 3, 1)
    assert answer["files"][0]["code"] == "truncated"
    assert (folder / "cut").exists()
