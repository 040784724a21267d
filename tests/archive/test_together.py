"""Many send at once, to a running site: each object is there once, and every count is right."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from medportal.archive.models import Instance, Series, Study
from tests import dicom
from tests.archive.conftest import address


@pytest.fixture
def client(site, people):
    headers = {"Authorization": f"Bearer {people.token(people.member('reader'))}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def send(client, people):
    url, headers = f"/api/v1/teams/{people.team.slug}/instances/", {"Content-Type": "application/dicom"}
    return lambda data: client.post(url, content=data, headers=headers)


def all_at_once(function, values):
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(function, values))


def test_slices_of_one_series(client, people, send):
    objects = dicom.ct_series(40)
    assert [answer.status_code for answer in all_at_once(send, objects)] == [201] * 40
    study, series = Study.objects.get(team=people.team), Series.objects.get(team=people.team)
    assert (study.number_of_series, study.number_of_instances, study.revision) == (1, 40, 41)
    assert (series.number_of_instances, series.number_of_frames, series.revision) == (40, 40, 40)
    assert study.size_bytes == sum(map(len, objects))
    whole = client.get(address(people.team.slug, objects[0], level="series"))
    assert all(data in whole.content for data in objects)


def test_the_same_object(people, send):
    data = dicom.ct_slice()
    answers = all_at_once(send, [data] * 10)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 9}
    assert Instance.objects.filter(team=people.team).count() == 1


def test_other_bytes_under_one_uid(site, client, people, send):
    uid, study, series = dicom.new_uid(), dicom.new_uid(), dicom.new_uid()
    objects = [
        dicom.ct_slice(dicom.noise(seed=n), SOPInstanceUID=uid, StudyInstanceUID=study, SeriesInstanceUID=series)
        for n in range(8)
    ]
    answers = all_at_once(send, objects)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    kept = objects[[answer.status_code for answer in answers].index(201)]
    assert client.get(address(people.team.slug, kept), headers={"Accept": "application/dicom"}).content == kept
    assert Study.objects.get(team=people.team).number_of_instances == 1
    folder = site.folder / "objects" / str(people.team.pk)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


def test_one_patient_of_many_studies(people, send):
    answers = all_at_once(send, [dicom.ct_slice(PatientID="SAME") for _ in range(12)])
    assert {answer.status_code for answer in answers} == {201}
    studies = Study.objects.filter(team=people.team)
    assert (studies.count(), studies.values("patient").distinct().count()) == (12, 1)


def test_bombs_cost_the_web_process_little(site, people, send):
    """2 MB that would be 2 GB, four at once: refused within 300 MB, and the process is the same."""
    web = next(child for child in reversed(site.children) if child.log.name == "web.log")
    bomb = dicom.deflate_bomb()
    # Let the peak be counted anew.
    Path(f"/proc/{web.pid}/clear_refs").write_text("5")
    before = memory_mb(web.pid, "VmRSS")
    answers = all_at_once(send, [bomb] * 4)
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(413, "inflated_size")] * 4
    assert memory_mb(web.pid, "VmHWM") - before < 300
    assert web.process.poll() is None
    assert send(dicom.ct_slice()).status_code == 201


def memory_mb(pid, name):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def test_queries_that_databases_choke_on(client, people, send):
    send(dicom.ct_slice(PatientName="Ärger^Anna", SpecificCharacterSet="ISO_IR 192"))
    url = f"/teams/{people.team.slug}/dicomweb/studies"
    for query in ("PatientName=%00", "PatientID=%00*", "limit=99999999999999999999", "offset=9223372036854775808"):
        assert client.get(f"{url}?{query}").status_code in {200, 400}, query
    found = client.get(url, params={"PatientName": "*RGER*"}).json()
    assert len(found) == 1
