"""Many objects at once go through the same door: the same rows, the same refusals, the bytes durable before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medportal.archive import storage
from medportal.archive.models import Instance, Patient, Series, Study
from medportal.archive.services import Arrival, StoreResult, store_instance, store_instances
from medportal.audit.models import AuditEvent
from medportal.errors import MedportalError
from medportal.messaging.models import Event
from tests.dicom import ct_series, ct_slice, new_uid, noise


def incoming(content: bytes) -> Path:
    return storage.receive([content], len(content))


def store(team: Any, contents: list[bytes], picture: bytes | None = None) -> list[Any]:
    arrivals = [Arrival(incoming(content), picture) for content in contents]
    return store_instances(team=team, arrivals=arrivals, actor=None, door="import")


def words(answers: list[Any]) -> list[str]:
    return [answer.status if isinstance(answer, StoreResult) else answer.code for answer in answers]


def row_values(model: Any, *left_out: str) -> list[dict[str, Any]]:
    unlike = {"id", "created_at", "updated_at", "told_at", "team_id", "storage_key", "header", *left_out}
    unlike |= {"study_id" if model is Series else "", "series_id", "patient_id" if model is Study else ""}
    rows = [{key: value for key, value in row.items() if key not in unlike} for row in model.objects.values()]
    return sorted(rows, key=repr)


def test_the_rows_are_those_of_one_by_one(team: Any) -> None:
    contents = [
        *ct_series(4, PatientID="A"),
        *ct_series(2, PatientID="B", SyntheticData="YES"),
        ct_slice(PatientID="A"),
    ]
    for content in contents:
        store_instance(team=team, path=incoming(content), actor=None, door="import")
    kinds = (Patient, Study, Series, Instance)
    wanted = [row_values(kind) for kind in kinds]
    audited = AuditEvent.objects.filter(action="instance.stored").count()
    Study.objects.all().delete()
    Patient.objects.all().delete()
    assert words(store(team, contents)) == ["stored"] * 7
    assert [row_values(kind) for kind in kinds] == wanted
    assert AuditEvent.objects.filter(action="instance.stored").count() == 2 * audited
    for instance in Instance.objects.all():
        assert storage.holds(instance.storage_key, instance.size_bytes)
    assert not list(storage.incoming_dir().glob("*.part"))


def test_what_is_there_already_and_what_is_wrong_is_answered_by_itself(team: Any) -> None:
    first, *rest = ct_series(3)
    store_instance(team=team, path=incoming(first), actor=None, door="import")
    uid = new_uid()
    one, other = (ct_slice(noise(seed=n), SOPInstanceUID=uid) for n in (1, 2))
    contents = [first, rest[0], b"no object", one, other, one, rest[1][:-20]]
    answers = store(team, contents)
    assert words(answers) == [
        "duplicate",
        "stored",
        "not_dicom",
        "stored",
        "different_content",
        "duplicate",
        "truncated",
    ]
    assert Instance.objects.count() == 3
    kept = {instance.sha256 for instance in Instance.objects.all()}
    lying = {path.name for path in (storage.path_of(str(team.pk))).rglob("*") if path.is_file()}
    assert lying == kept


def test_a_series_of_two_studies_is_refused(team: Any) -> None:
    series = new_uid()
    answers = store(team, [ct_slice(SeriesInstanceUID=series), ct_slice(SeriesInstanceUID=series)])
    assert words(answers) == ["stored", "series_of_other_study"]
    assert Series.objects.get().number_of_instances == 1


def test_two_names_under_one_id_are_a_conflict(team: Any) -> None:
    store(team, [ct_slice(PatientID="A", PatientName="One")])
    assert words(store(team, [ct_slice(PatientID="A", PatientName="Two")])) == ["stored"]
    assert list(Study.objects.values_list("has_conflict", flat=True)) == [True, True]


def test_a_picture_brought_along_is_the_thumbnail(team: Any) -> None:
    store(team, ct_series(3), b"picture")
    series = Series.objects.select_related("study").get()
    assert (series.thumbnail_revision, series.thumbnail_is_due) == (3, False)
    assert series.study.thumbnail_series_uid == series.series_instance_uid
    from medportal.archive.derived import thumbnail_of

    assert thumbnail_of(series) == b"picture"
    assert not Event.objects.filter(type="series.grew").exists()
    # Without one it is made as ever.
    store(team, ct_series(2))
    assert Event.objects.filter(type="series.grew").count() == 1


def test_a_full_store_is_an_error_and_leaves_no_row(team: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(storage, "_flush", full)
    with pytest.raises(MedportalError) as refused:
        store(team, ct_series(2))
    assert refused.value.code == "storage_full"
    assert not Instance.objects.exists()
