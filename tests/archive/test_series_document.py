"""A series' document says once what its instances share, and means the same as their metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medportal.archive import storage
from medportal.archive.derived import gunzip
from medportal.archive.models import Series
from medportal.archive.run_thumbnail import make_thumbnail
from medportal.archive.series_document import DOCUMENTS, compact, document_of
from medportal.errors import UnavailableError
from tests import dicom
from tests.real import DATA, needs_real_data


def expanded(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the models that a document means, as the page makes them."""
    models = [dict(document["shared"]) for _ in range(document["count"])]
    for tag, column in document["columns"].items():
        for model, value in zip(models, column.get("values") or column["elements"], strict=True):
            if value is not None:
                model[tag] = value if "elements" in column else {"vr": column["vr"], "Value": value}
    return models


def kept_of(series: Series) -> dict[str, Any]:
    return json.loads(gunzip(document_of(series)))


def test_what_is_shared_is_said_once(team: Any, client_for: Any, store: Any) -> None:
    for data in dicom.ct_series(4):
        store(data)
    series = Series.objects.get()
    document = kept_of(series)
    assert document["count"] == 4
    assert document["shared"]["00100010"]["Value"]
    assert document["columns"]["00200013"] == {"vr": "IS", "values": [[1], [2], [3], [4]]}
    url = f"/teams/{team.slug}/dicomweb/studies/{series.study.study_instance_uid}/series/{series.series_instance_uid}"
    viewer = client_for("viewer")
    plain = viewer.get(f"{url}/metadata", headers={"Accept": "application/dicom+json"}).json()
    assert [_said(model) for model in expanded(document)] == [_said(model) for model in plain]
    address = f"/api/v1/teams/{team.slug}/series/{series.series_instance_uid}/document/"
    named = viewer.get(f"{address}?r={series.revision}", headers={"Accept-Encoding": "gzip"})
    assert (named["Content-Encoding"], "immutable" in named["Cache-Control"]) == ("gzip", True)
    assert "immutable" not in viewer.get(f"{address}?r=1")["Cache-Control"]
    assert viewer.get(address).json() == document


def _said(model: dict[str, Any]) -> dict[str, Any]:
    """Return a model without what the document leaves out, and without the difference of no value and none at all."""
    kept = {
        tag: e for tag, e in model.items() if int(tag[:4], 16) % 2 == 0 and not {"BulkDataURI", "InlineBinary"} & set(e)
    }
    return {tag: {"vr": e["vr"], "Value": e.get("Value", [])} for tag, e in kept.items()}


def test_it_is_made_on_arrival_and_anew_when_the_series_grows(team: Any, store: Any) -> None:
    first, second = dicom.ct_series(2)
    store(first)
    series = Series.objects.get()
    Series.objects.update(thumbnail_is_due=True)
    series.instances.update(created_at="2026-01-01T00:00:00Z")
    make_thumbnail(series.pk)
    assert storage.derived_names(DOCUMENTS, "*") == [f"{series.pk}-1.json.gz"]
    store(second)
    series.refresh_from_db()
    assert kept_of(series)["count"] == 2
    assert storage.derived_names(DOCUMENTS, "*") == [f"{series.pk}-2.json.gz"]


def test_a_document_that_cannot_be_made_does_not_keep_the_picture_back(
    team: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Series) -> bytes:
        raise UnavailableError("object_lost", "The store has lost the bytes of this object.")

    store(dicom.ct_slice())
    series = Series.objects.get()
    series.instances.update(created_at="2026-01-01T00:00:00Z")
    monkeypatch.setattr("medportal.archive.run_thumbnail.document_of", refuse)
    make_thumbnail(series.pk)
    series.refresh_from_db()
    assert series.thumbnail_revision == 1


ELEMENTS = st.sampled_from(
    [
        {"vr": "IS", "Value": [1]},
        {"vr": "IS", "Value": [2]},
        {"vr": "DS", "Value": ["1"]},
        {"vr": "OW", "InlineBinary": "AA"},
    ]
)


@given(st.lists(st.dictionaries(st.sampled_from(["00100010", "00200013", "00281201"]), ELEMENTS), max_size=6))
def test_nothing_is_lost(models: list[dict[str, Any]]) -> None:
    assert expanded(compact(models)) == models


@needs_real_data
@pytest.mark.parametrize("name", ["pydicom", "highdicom", "dcm_qa_enh"])
def test_real_headers_come_back(team: Any, store: Any, name: str) -> None:
    from contextlib import suppress

    from medportal.errors import MedportalError

    for path in sorted((DATA / "dicom" / name).rglob("*.dcm")):
        with suppress(MedportalError):
            store(path.read_bytes())
    for series in Series.objects.all():
        assert kept_of(series)["count"] == series.number_of_instances
