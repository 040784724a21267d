"""Finding studies: QIDO-RS and the worklist, each within the caller's teams."""

from __future__ import annotations

import json

import pydicom
import pytest
from pydicom.tag import Tag

from medportal.audit.models import AuditEvent
from tests import dicom
from tests.archive.conftest import address, uids_of
from tests.factories import make_member, make_team, make_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(store):
    """Three studies: CT of two series, MR, and an SR."""
    study = dicom.new_uid()
    first = {
        "StudyInstanceUID": study,
        "PatientName": "Ärger^Anna",
        "PatientID": "A-1",
        "SpecificCharacterSet": "ISO_IR 192",
    }
    objects = [
        *dicom.ct_series(3, **first, SeriesNumber=2, StudyDescription="Thorax", AccessionNumber="ACC-1"),
        *dicom.ct_series(2, **first, SeriesNumber=3, StudyDescription="Thorax", AccessionNumber="ACC-1"),
        dicom.ct_slice(Modality="MR", PatientName="Berg^Bert", PatientID="B_2", StudyDate="20250607", StudyTime="101112",
                       StudyDescription="Knee", AccessionNumber="ACC-2"),
        dicom.to_bytes(dicom.dataset(PatientName="Anders^Carl=安^卡", PatientID="C%3", StudyDate="20240101",
                       SpecificCharacterSet="ISO_IR 192", StudyDescription="Report", AccessionNumber="")),
    ]  # fmt: skip
    for data in objects:
        store(data)
    return objects


def search(client, team, query="", level="studies"):
    answer = client.get(f"/teams/{team.slug}/dicomweb/{level}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json"), answer.content
    return json.loads(answer.content)


def value(row, keyword):
    values = row[f"{Tag(keyword):08X}"].get("Value", [])
    return values[0] if len(values) == 1 else values


def descriptions(client, team, query):
    return sorted(value(row, "StudyDescription") for row in search(client, team, query))


MATCHES = {
    "": ["Knee", "Report", "Thorax"],
    "PatientID=A-1": ["Thorax"],
    "00100020=A-1": ["Thorax"],
    "PatientID=a-1": [],
    "PatientName=Ärger^ANNA": ["Thorax"],
    "PatientName=*an*": ["Report", "Thorax"],
    "PatientName=Berg^B%3Frt": ["Knee"],
    "PatientName=%E5%AE%89^%E5%8D%A1": ["Report"],
    "PatientID=B_2": ["Knee"],
    "PatientID=%3F_%3F": ["Knee"],
    "PatientID=C%25*": ["Report"],
    "PatientID=*%25*": ["Report"],
    "StudyDate=20250607": ["Knee"],
    "StudyDate=20250101-20251231": ["Knee"],
    "StudyDate=20250608-": ["Thorax"],
    "StudyDate=-20250607": ["Knee", "Report"],
    "StudyTime=100000-110000": ["Knee"],
    "ModalitiesInStudy=CT": ["Thorax"],
    "ModalitiesInStudy=SR": ["Report"],
    "AccessionNumber=ACC-*&StudyDescription=Knee": ["Knee"],
    "AccessionNumber=": ["Knee", "Report", "Thorax"],
    "StudyInstanceUID=1.2.3": [],
    "NoSuchKeyword=1": ["Knee", "Report", "Thorax"],
    "limit=0": [],
}


def test_matching(team, client_for, archive):
    client = client_for("viewer")
    assert {query: descriptions(client, team, query) for query in MATCHES} == MATCHES


def test_queries_that_make_no_sense(team, client_for):
    client = client_for("viewer")
    numbers = [f"SeriesNumber={number}" for number in ("--5", "%C2%B2", "1.5", "9" * 30)]
    for query in ("limit=many", "offset=%C2%B2", "limit=-x", "StudyDate=2025-01-01", "PatientID=%00", *numbers):
        answer = client.get(f"/teams/{team.slug}/dicomweb/series?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "query"), query


def test_lists_of_uids(team, client_for, archive):
    client = client_for("viewer")
    studies = [uids_of(archive[0])[0], uids_of(archive[5])[0]]
    for separator in (",", "%5C"):
        assert descriptions(client, team, f"StudyInstanceUID={separator.join(studies)}") == ["Knee", "Thorax"]


def test_pages(team, client_for, archive):
    client = client_for("viewer")
    found = [search(client, team, f"limit=1&offset={n}") for n in range(4)]
    assert [len(page) for page in found] == [1, 1, 1, 0]
    assert len({value(page[0], "StudyInstanceUID") for page in found[:3]}) == 3


def test_rows_of_every_level(team, client_for, archive):
    client = client_for("viewer")
    study_uid, series_uid, _ = uids_of(archive[0])
    (study,) = search(client, team, "PatientID=A-1")
    expected = {
        "StudyInstanceUID": study_uid, "StudyDate": "20260102", "StudyTime": "030405", "AccessionNumber": "ACC-1",
        "ModalitiesInStudy": "CT", "PatientName": {"Alphabetic": "Ärger^Anna"}, "PatientID": "A-1",
        "PatientBirthDate": "19700101", "PatientSex": "O", "NumberOfStudyRelatedSeries": 2,
        "NumberOfStudyRelatedInstances": 5, "InstanceAvailability": "ONLINE",
    }  # fmt: skip
    assert {keyword: value(study, keyword) for keyword in expected} == expected
    url = f"/teams/{team.slug}/dicomweb/studies/{study_uid}"
    assert value(study, "RetrieveURL") == f"http://testserver{url}"
    pydicom.Dataset.from_json(study)
    series = search(client, team, level=f"studies/{study_uid}/series")
    assert sorted((value(s, "SeriesNumber"), value(s, "NumberOfSeriesRelatedInstances")) for s in series) == [
        (2, 3),
        (3, 2),
    ]
    instances = search(client, team, level=f"studies/{study_uid}/series/{series_uid}/instances")
    assert [value(i, "InstanceNumber") for i in instances] == [1, 2, 3]
    assert {(value(i, "Rows"), value(i, "Columns"), value(i, "BitsAllocated")) for i in instances} == {(16, 16, 16)}
    assert client.get(value(instances[0], "RetrieveURL").removeprefix("http://testserver")).status_code == 200


def test_levels_without_a_parent(team, client_for, archive):
    client = client_for("viewer")
    assert len(search(client, team, "Modality=CT", "series")) == 2
    assert len(search(client, team, "PatientID=A-1&InstanceNumber=1", "instances")) == 2
    assert len(search(client, team, "Modality=MR", f"studies/{uids_of(archive[0])[0]}/instances")) == 0


@pytest.mark.parametrize("field", ["00280030,00180050", "PixelSpacing,SliceThickness", "all"])
def test_fields_that_are_asked_for(team, client_for, archive, field):
    client = client_for("viewer")
    (row, *_) = search(client, team, f"SeriesNumber=2&includefield={field}", "instances")
    assert row["00280030"] == {"vr": "DS", "Value": [0.5, 0.75]}
    assert value(row, "SliceThickness") == 2.0
    (series, *_) = search(
        client, team, f"SeriesNumber=2&includefield=FrameOfReferenceUID&includefield={field}", "series"
    )
    assert value(series, "FrameOfReferenceUID")
    assert "00280030" not in search(client, team, "SeriesNumber=2", "instances")[0]


def test_fuzzy_matching_is_said_not_to_be_done(team, client_for, archive):
    client = client_for("viewer")
    answer = client.get(f"/teams/{team.slug}/dicomweb/studies?fuzzymatching=true&PatientName=Berg*")
    assert "fuzzymatching" in answer["Warning"]
    assert len(answer.json()) == 1


def test_answers_in_json_alone(team, client_for, archive):
    client, url = client_for("viewer"), f"/teams/{team.slug}/dicomweb/studies"
    for accept in ("application/dicom+json", "application/json", "*/*", "text/html, application/dicom+json;q=0.5"):
        assert client.get(url, headers={"Accept": accept}).status_code == 200
    for accept in ("application/dicom+xml", "image/png", "application/dicom+json;q=0"):
        assert client.get(url, headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize("role", ["outsider", "admin"])
def test_other_teams_find_nothing(team, client_for, archive, role):
    client, study = client_for(role), uids_of(archive[0])[0]
    for level in ("studies", "series", "instances", f"studies/{study}/series", f"studies/{study}/instances"):
        answer = client.get(f"/teams/{team.slug}/dicomweb/{level}")
        assert (answer.status_code, answer.json()["code"]) == (404, "team_not_found"), level
    for level in (f"studies/{study}/series", f"studies/{study}"):
        answer = client.get(f"/dicomweb/{level}")
        assert answer.status_code == 404, level


def test_the_default_team(team, client_for, archive, store):
    other = make_team()
    client = client_for("viewer")
    store(dicom.ct_slice(StudyDescription="Elsewhere"), owner=other)
    assert len(client.get("/dicomweb/studies").json()) == 3
    make_member(other, "viewer", user=client.user)
    client.user.default_team = other
    client.user.save()
    from medportal.archive.viewers import CACHE

    CACHE.clear()
    assert [value(row, "StudyDescription") for row in client.get("/dicomweb/studies").json()] == ["Elsewhere"]


def test_who_nobody_knows(team, client_for, archive):
    client = client_for("anonymous")
    answer = client.get(f"/teams/{team.slug}/dicomweb/studies")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert "Bearer" in answer["WWW-Authenticate"]
    assert "Basic" in answer["WWW-Authenticate"]
    assert client.get(f"/api/v1/teams/{team.slug}/studies/").status_code == 401


def test_bearer_and_basic(team, archive):
    import base64

    from django.test import Client

    user = make_member(team, "viewer")
    token = make_token(user)
    url = address(team.slug, archive[0])

    def basic(name, secret):
        return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}

    assert Client().get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert Client().get(url, headers=basic(user.username, token)).status_code == 200
    for headers in (
        {"Authorization": "Bearer x"},
        basic(user.username, "x"),
        basic("somebody", token),
        {"Authorization": "Basic %"},
    ):
        assert Client().get(url, headers=headers).status_code == 401, headers


# The page's worklist.


def rows(client, team, query=""):
    answer = client.get(f"/api/v1/teams/{team.slug}/studies/?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


FILTERS = {
    "search=anna": ["Thorax"],
    "search=ANNA%20thorax": ["Thorax"],
    "search=anna%20knee": [],
    "search=berg^bert": ["Knee"],
    "search=ACC-": ["Knee", "Thorax"],
    "search=%25": ["Report"],
    "modality=MR": ["Knee"],
    "modality=M": [],
    "date_from=20250101": ["Knee", "Thorax"],
    "date_from=20250101&date_to=20251231": ["Knee"],
    "ai_status=none": ["Knee", "Report", "Thorax"],
    "ai_status=running": [],
}


def test_worklist_filters(team, client_for, archive):
    client, found = client_for("viewer"), {}
    for query in FILTERS:
        page = rows(client, team, query)
        found[query] = sorted(row["study_description"] for row in page["results"])
        assert page["count"] == len(page["results"])
    assert found == FILTERS


ORDERS = {
    "": ["Report", "Knee", "Thorax"],
    "study_date": ["Report", "Knee", "Thorax"],
    "-study_date": ["Thorax", "Knee", "Report"],
    "patient_id": ["Thorax", "Knee", "Report"],
    "-number_of_instances": ["Thorax", "Report", "Knee"],
    "no_such_column": ["Report", "Knee", "Thorax"],
}


def test_worklist_order(team, client_for, archive):
    client = client_for("viewer")
    for ordering, expected in ORDERS.items():
        found = rows(client, team, f"ordering={ordering}")["results"]
        assert [row["study_description"] for row in found] == expected, ordering


def test_worklist_pages(team, client_for, archive):
    client = client_for("viewer")
    pages = [rows(client, team, f"page_size=2&page={n}") for n in (1, 2)]
    assert [len(page["results"]) for page in pages] == [2, 1]
    assert {page["count"] for page in pages} == {3}
    assert client.get(f"/api/v1/teams/{team.slug}/studies/?page=9").status_code == 404


@pytest.mark.parametrize("query", ["date_from=yesterday", "ai_status=perhaps", "search=%00"])
def test_worklist_filters_that_make_no_sense(team, client_for, archive, query):
    assert client_for("viewer").get(f"/api/v1/teams/{team.slug}/studies/?{query}").status_code == 400


def test_worklist_row(team, client_for, archive):
    client = client_for("viewer")
    (row,) = rows(client, team, "search=anna")["results"]
    study_uid = uids_of(archive[0])[0]
    created = row.pop("created_at")
    assert created.startswith("20")
    assert row == {
        "study_instance_uid": study_uid, "patient_id": "A-1", "patient_name": "Ärger^Anna", "patient_sex": "O",
        "patient_birth_date": "19700101", "study_date": "20260102", "study_time": "030405",
        "study_description": "Thorax", "accession_number": "ACC-1", "modalities_in_study": ["CT"],
        "number_of_series": 2, "number_of_instances": 5, "is_synthetic": False, "has_conflict": False,
        "ai_status": "", "ai_summary": {}, "thumbnail_series_uid": None, "thumbnail_revision": 0, "revision": 6,
    }  # fmt: skip
    detail = client.get(f"/api/v1/teams/{team.slug}/studies/{study_uid}/").json()
    series = detail.pop("series")
    assert {**row, "created_at": created} == detail
    assert [(s["series_number"], s["number_of_frames"], s["is_displayable"]) for s in series] == [
        (2, 3, True),
        (3, 2, True),
    ]


@pytest.mark.parametrize("role", ["outsider", "admin"])
def test_other_teams_see_no_worklist(team, client_for, archive, role):
    client, (study, series, _) = client_for(role), uids_of(archive[0])
    for path in ("studies/", f"studies/{study}/", f"series/{series}/thumbnail/"):
        assert client.get(f"/api/v1/teams/{team.slug}/{path}").status_code == 404


def test_reads_are_on_record_once(team, client_for, archive):
    client, study = client_for("viewer"), uids_of(archive[0])[0]
    for _ in range(2):
        rows(client, team)
        client.get(f"/api/v1/teams/{team.slug}/studies/{study}/")
        search(client, team)
        client.get(address(team.slug, archive[0]))
        client.get(address(team.slug, archive[1]) + "/frames/1")
    events = AuditEvent.objects.filter(actor_id=client.user.pk).order_by("id")
    assert [(e.action, e.object_id, e.purpose) for e in events] == [
        ("studies.listed", "", "worklist"),
        ("study.viewed", study, "viewer"),
        ("studies.searched", "", "dicomweb"),
        ("study.read", study, "dicomweb"),
    ]
    stored = AuditEvent.objects.filter(action="instance.stored")
    assert stored.count() == len(archive)
    assert {event.detail["door"] for event in stored} == {"import"}
