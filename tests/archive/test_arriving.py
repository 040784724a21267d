"""Objects come in by either door: stored, known already, or refused with the reason, each by itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.conf import settings

from medportal.archive.models import Instance, Patient, Series, Study
from medportal.audit.models import AuditEvent
from tests import dicom
from tests.archive.conftest import failures, stored, uids_of

pytestmark = pytest.mark.django_db

CANNOT_UNDERSTAND, OUT_OF_RESOURCES, MISMATCH, DUPLICATE = 0xC000, 0xA700, 0xA900, 0x0111


def truncated() -> bytes:
    return dicom.ct_slice()[:-100]


def without_study_uid() -> bytes:
    return dicom.ct_slice(StudyInstanceUID=None)


# What is sent; how the browser's door answers; which reason STOW-RS gives.
BAD = {
    "text": (lambda: b"This is no DICOM object." * 50, 415, "not_dicom", CANNOT_UNDERSTAND),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), 415, "not_dicom", CANNOT_UNDERSTAND),
    "empty": (lambda: b"", 415, "not_dicom", CANNOT_UNDERSTAND),
    "one byte": (lambda: b"D", 415, "not_dicom", CANNOT_UNDERSTAND),
    "131 bytes": (lambda: bytes(131), 415, "not_dicom", CANNOT_UNDERSTAND),
    "mark alone": (lambda: bytes(128) + b"DICM", 415, "not_dicom", CANNOT_UNDERSTAND),
    "truncated": (truncated, 422, "truncated", CANNOT_UNDERSTAND),
    "deflate bomb": (dicom.deflate_bomb, 413, "inflated_size", OUT_OF_RESOURCES),
    "200 deep": (lambda: dicom.nested(200), 422, "nesting", CANNOT_UNDERSTAND),
    "100000 deep": (lambda: dicom.nested(100_000), 422, "nesting", CANNOT_UNDERSTAND),
    "length beyond the end": (
        lambda: dicom.with_tail(dicom.element(0x0040A160, b"UT", b"x", length=0xFFFFFFF0)),
        422, "truncated", CANNOT_UNDERSTAND,
    ),
    "huge dimensions": (
        lambda: dicom.ct_slice(Rows=65535, Columns=65535, NumberOfFrames=1000), 422, "dimensions", CANNOT_UNDERSTAND,
    ),
    "pixel limit": (
        lambda: dicom.encapsulated(
            dicom.dataset(dicom.noise(2, 2), Rows=30_000, Columns=30_000), [bytes(99)], dicom.RLE
        ),
        413, "pixel_limit", OUT_OF_RESOURCES,
    ),
    "no study": (without_study_uid, 422, "uid", CANNOT_UNDERSTAND),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_browser_refuses(team, client_for, upload, held, kind):
    make, status, code, _ = BAD[kind]
    refused = upload(client_for("reader"), make())
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["request_id"]
    assert (held(), Instance.objects.count(), Study.objects.count()) == ([], 0, 0)


def test_both_doors_store_the_good_beside_the_bad(team, client_for, upload, stow, held):
    """One batch of everything that is wrong, with good objects between: by HTTP, to two teams' doors."""
    client, good = client_for("reader"), [dicom.ct_slice() for _ in range(2)]
    bad = [make() for make, *_ in BAD.values()]
    answer = stow(client, good[0], *bad, good[1])
    assert answer.status_code == 202
    assert stored(answer) == [uids_of(data)[2] for data in good]
    assert failures(answer) == [(code, reason) for _, _, code, reason in BAD.values()]
    assert len(held()) == 2
    verdicts = [upload(client, data) for data in (good[0], *bad, dicom.ct_slice())]
    assert [v.status_code for v in verdicts] == [200, *(status for _, status, _, _ in BAD.values()), 201]
    assert Instance.objects.filter(team=team).count() == 3


def test_cut_anywhere_nothing_is_kept(client_for, upload, stow, held):
    whole, client = dicom.ct_slice(), client_for("reader")
    cuts = [whole[:at] for at in range(140, len(whole), 41)]
    for cut in cuts[::4]:
        refused = upload(client, cut)
        assert (refused.status_code, refused.json()["code"]) == (422, "truncated")
        assert "(" in refused.json()["detail"]
    answer = stow(client, *cuts)
    assert answer.status_code == 409
    assert failures(answer) == [("truncated", CANNOT_UNDERSTAND)] * len(cuts)
    assert held() == []


def test_the_same_bytes_again_are_a_success(client_for, upload, stow, held):
    client, data = client_for("reader"), dicom.ct_slice()
    first, again = upload(client, data), upload(client, data)
    assert (first.status_code, first.json()["status"]) == (201, "stored")
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert {**again.json(), "status": "stored"} == first.json()
    answer = stow(client, data)
    assert (answer.status_code, stored(answer)) == (200, [first.json()["sop_instance_uid"]])
    assert (Instance.objects.count(), Study.objects.get().number_of_instances, len(held())) == (1, 1, 1)


def test_other_bytes_under_a_known_uid_are_a_conflict(team, client_for, upload, stow, held):
    client, original = client_for("reader"), dicom.ct_slice()
    uid = uids_of(original)[2]
    other = dicom.ct_slice(dicom.noise(seed=9), SOPInstanceUID=uid)
    upload(client, original)
    refused, answer = upload(client, other), stow(client, other)
    assert (refused.status_code, refused.json()["code"]) == (409, "different_content")
    assert (answer.status_code, failures(answer)) == (409, [("different_content", DUPLICATE)])
    kept = Path(settings.DATA_DIR) / held()[0]
    assert (len(held()), kept.read_bytes()) == (1, original)
    events = AuditEvent.objects.filter(action="instance.conflict", object_id=uid)
    assert [event.detail["door"] for event in events.order_by("id")] == ["browser", "stow"]
    assert {event.outcome for event in events} == {"denied"}


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT_LE, dicom.IMPLICIT_LE, dicom.EXPLICIT_BE, dicom.DEFLATED_LE])
def test_what_is_kept_is_what_was_sent(client_for, upload, held, syntax):
    data = dicom.ct_slice(syntax=syntax)
    upload(client_for("reader"), data)
    (name,) = held()
    assert name.endswith(hashlib.sha256(data).hexdigest())
    assert (Path(settings.DATA_DIR) / name).read_bytes() == data
    assert Instance.objects.get().transfer_syntax_uid == syntax


@pytest.mark.parametrize("uid", ["../../../etc/passwd", "1.2.3/../4", "$(id)", "{{7*7}}", "1.2.\n3", "1.2.3\\1.2.4"])
def test_no_uid_becomes_a_path(client_for, upload, held, uid):
    value = uid.encode() + b" " * (len(uid) % 2)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        valid = "9" * len(value)
        data = dicom.ct_slice(**{keyword: valid}).replace(valid.encode(), value)
        refused = upload(client_for("reader"), data)
        assert (refused.status_code, refused.json()["code"]) == (422, "uid")
        assert keyword in refused.json()["detail"]
        assert uid not in refused.json()["detail"]
    assert held() == []


def test_hostile_text_is_text(client_for, upload):
    values = ["../../etc", "$(id)", "<script>alert(1)</script>", "{{7*7}}", "a\nb"]
    for value in values:
        upload(client_for("reader"), dicom.ct_slice(PatientID=value, StudyDescription=value))
    assert set(Patient.objects.values_list("patient_id", flat=True)) == {*values[:-1], "a b"}


def test_a_dicomdir_is_not_stored(client_for, upload):
    ds = dicom.dataset(SOPClassUID="1.2.840.10008.1.3.10")
    assert upload(client_for("reader"), dicom.to_bytes(ds)).json()["code"] == "dicomdir"


def test_objects_without_pictures_are_stored(client_for, upload):
    assert upload(client_for("reader"), dicom.to_bytes(dicom.dataset())).status_code == 201
    pdf = dicom.dataset(SOPClassUID=dicom.ENCAPSULATED_PDF, Modality="DOC", EncapsulatedDocument=b"%PDF-1.4")
    assert upload(client_for("reader"), dicom.to_bytes(pdf)).status_code == 201
    assert set(Series.objects.values_list("reason_not_displayable", flat=True)) == {"not_an_image"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/html"}, 415),
        ({"content_type": "application/json"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"content_type": "application/octet-stream"}, 201),
    ],
)
def test_the_body_is_an_object(client_for, upload, headers, status):
    assert upload(client_for("reader"), dicom.ct_slice(), **headers).status_code == status


def test_objects_beyond_the_limit(client_for, upload, stow, held, monkeypatch):
    monkeypatch.setattr(settings, "MAX_OBJECT_BYTES", 2000)
    client, small, large = client_for("reader"), dicom.ct_slice(), dicom.ct_slice(dicom.noise(64, 64))
    refused, answer = upload(client, large), stow(client, large, small, large)
    assert (refused.status_code, refused.json()["code"]) == (413, "object_size")
    assert (answer.status_code, stored(answer)) == (202, [uids_of(small)[2]])
    assert failures(answer) == [("object_size", OUT_OF_RESOURCES)] * 2
    assert len(held()) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"--b\r\n\r\n", "multipart/related; boundary=b", 422),
        (b"nothing of the kind", "multipart/related; boundary=b", 422),
        (b"--b--\r\n", "multipart/related; boundary=b", 422),
        (b"--b\r\n" + b"X: y" * 9000, "multipart/related; boundary=b", 422),
        (b"--b--", "multipart/related", 415),
        (b"--b--", "multipart/form-data; boundary=b", 415),
        (b"{}", "application/json", 415),
    ],
)
def test_requests_that_are_no_multipart(team, client_for, body, content_type, status):
    answer = client_for("reader").post(f"/teams/{team.slug}/dicomweb/studies", body, content_type=content_type)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_a_request_that_ends_early_tells_what_was_stored(team, client_for):
    good = dicom.ct_slice()
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--b\r\n\r\n%s" % (good, dicom.ct_slice())
    answer = client_for("reader").post(
        f"/teams/{team.slug}/dicomweb/studies", body, content_type="multipart/related; boundary=b"
    )
    assert (answer.status_code, stored(answer)) == (202, [uids_of(good)[2]])
    assert failures(answer) == [("multipart", CANNOT_UNDERSTAND)]


def test_parts_of_another_type(client_for, stow):
    answer = stow(client_for("reader"), dicom.ct_slice(), part_type="image/png")
    assert (answer.status_code, failures(answer)) == (409, [("unsupported_media_type", CANNOT_UNDERSTAND)])


def test_into_a_study_that_is_named(client_for, stow):
    mine, other = dicom.ct_slice(), dicom.ct_slice()
    answer = stow(client_for("reader"), mine, other, study=uids_of(mine)[0])
    assert (answer.status_code, stored(answer)) == (202, [uids_of(mine)[2]])
    assert failures(answer) == [("other_study", MISMATCH)]


@pytest.mark.parametrize(("role", "status"), [("anonymous", 401), ("outsider", 404), ("admin", 404), ("viewer", 403)])
def test_who_may_not_store(client_for, upload, stow, held, role, status):
    client = client_for(role)
    assert (upload(client, dicom.ct_slice()).status_code, stow(client, dicom.ct_slice()).status_code) == (
        status,
        status,
    )
    assert (held(), Instance.objects.count()) == ([], 0)


def test_a_cookie_alone_stores_nothing(team, upload, stow):
    from django.test import Client

    from tests.factories import make_member

    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(team, "reader"))
    assert (upload(client, dicom.ct_slice()).status_code, stow(client, dicom.ct_slice()).status_code) == (403, 403)
    assert Instance.objects.count() == 0


def test_uids_are_each_teams_own(team, client_for, upload, stow):
    from tests.factories import make_member, make_team

    data, other = dicom.ct_slice(), make_team()
    client = client_for("reader")
    make_member(other, "reader", user=client.user)
    changed = dicom.ct_slice(dicom.noise(seed=3), SOPInstanceUID=uids_of(data)[2])
    assert upload(client, data).status_code == 201
    assert stow(client, changed, slug=other.slug).status_code == 200
    assert Instance.objects.filter(sop_instance_uid=uids_of(data)[2]).count() == 2


def test_one_patient_id_under_two_names_is_flagged(client_for, upload):
    client = client_for("reader")
    for name in ("One^Name", "Other^Name", "One^Name"):
        upload(client, dicom.ct_slice(PatientName=name))
    upload(client, dicom.ct_slice(PatientID="P-2"))
    assert Patient.objects.count() == 3
    flagged = Study.objects.filter(has_conflict=True)
    assert set(flagged.values_list("patient__patient_name", flat=True)) == {"One^Name", "Other^Name"}
    assert flagged.count() == 3


def test_a_series_of_two_studies_is_refused(client_for, upload, held):
    client, series = client_for("reader"), dicom.new_uid()
    upload(client, dicom.ct_slice(SeriesInstanceUID=series))
    refused = upload(client, dicom.ct_slice(SeriesInstanceUID=series))
    assert (refused.status_code, refused.json()["code"]) == (409, "series_of_other_study")
    assert (Study.objects.count(), len(held())) == (1, 1)
