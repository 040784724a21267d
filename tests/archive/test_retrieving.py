"""WADO-RS: what was stored comes back, byte for byte, or in a form that the client takes."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import time
from io import BytesIO

import imagecodecs
import numpy as np
import pydicom
import pytest

from tests import dicom
from tests.archive.conftest import address, parts_of, uids_of

pytestmark = pytest.mark.django_db

GREY = dicom.noise(20, 30, seed=5)
OCTETS = "application/octet-stream"


def jls(**values) -> bytes:
    ds = dicom.ct_dataset(GREY, BitsStored=12, HighBit=11, **values)
    return dicom.encapsulated(ds, [imagecodecs.jpegls_encode(GREY)], dicom.JPEG_LS)


def multi_frame(**values) -> bytes:
    frames = np.stack([dicom.noise(seed=n) for n in range(4)])
    return dicom.to_bytes(dicom.dataset(frames, SOPClassUID=dicom.MULTIFRAME_GREY, **values))


@pytest.fixture
def get(team, client_for, store):
    """Return a function that stores an object and asks for something of it."""
    client = client_for("viewer")

    def ask(data, path="", accept="", level="instance"):
        store(data)
        headers = {"Accept": accept} if accept else {}
        return client.get(address(team.slug, data, level=level) + path, headers=headers)

    return ask


def body_of(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


# Whole objects.


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT_LE, dicom.IMPLICIT_LE, dicom.EXPLICIT_BE, dicom.DEFLATED_LE])
def test_an_object_comes_back_as_it_was_sent(get, syntax):
    data = dicom.ct_slice(syntax=syntax)
    alone = get(data, accept="application/dicom; transfer-syntax=*")
    assert (alone.status_code, alone["Content-Type"], alone.content) == (200, "application/dicom", data)
    assert alone["X-Content-Type-Options"] == "nosniff"
    assert alone["Content-Disposition"].startswith("attachment")
    ((content_type, part),) = parts_of(
        get(data, accept='multipart/related; type="application/dicom"; transfer-syntax=*')
    )
    assert (content_type, part) == (f"application/dicom; transfer-syntax={syntax}", data)


def test_a_compressed_object_comes_back_as_it_was_sent(get):
    data = jls()
    assert get(data, accept="application/dicom; transfer-syntax=*").content == data
    assert get(data, accept=f"application/dicom; transfer-syntax={dicom.JPEG_LS}").content == data


@pytest.mark.parametrize(
    "data",
    [jls(), dicom.ct_slice(GREY, syntax=dicom.IMPLICIT_LE), dicom.ct_slice(GREY, syntax=dicom.DEFLATED_LE)],
    ids=["JPEG-LS", "implicit", "deflated"],
)
def test_an_object_in_explicit_little_endian_for_who_asks(get, data):
    answer = get(data, accept=f"application/dicom; transfer-syntax={dicom.EXPLICIT_LE}")
    found, sent = pydicom.dcmread(BytesIO(answer.content)), pydicom.dcmread(BytesIO(data))
    assert found.file_meta.TransferSyntaxUID == dicom.EXPLICIT_LE
    np.testing.assert_array_equal(found.pixel_array, GREY)
    for ds in (found, sent):
        del ds.PixelData
    assert found == sent
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={dicom.EXPLICIT_LE}'
    ((_, content),) = parts_of(get(data, accept=accept, level="series"))
    assert content == answer.content


def test_colour_in_explicit_little_endian(get):
    colour = dicom.noise(20, 30, high=256, samples=3)
    ds = dicom.dataset(np.stack([colour, colour[::-1]]), PhotometricInterpretation="YBR_RCT")
    streams = [imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=True) for frame in (colour, colour[::-1].copy())]
    data = dicom.encapsulated(ds, streams, dicom.JPEG_2000_LOSSLESS, offsets="extended")
    answer = get(data, accept=f"application/dicom; transfer-syntax={dicom.EXPLICIT_LE}")
    found = pydicom.dcmread(BytesIO(answer.content))
    assert (found.PhotometricInterpretation, "ExtendedOffsetTable" in found) == ("RGB", False)
    np.testing.assert_array_equal(found.pixel_array, np.stack([colour, colour[::-1]]))


def test_big_endian_objects_leave_as_they_are_alone(get):
    data = dicom.ct_slice(syntax=dicom.EXPLICIT_BE)
    assert get(data, accept=f"application/dicom; transfer-syntax={dicom.EXPLICIT_LE}").status_code == 406


def test_a_preamble_with_a_program_in_it_does_not_leave(get):
    preamble = b"MZ<script>alert(1)</script>".ljust(128, b"!")
    data = dicom.to_bytes(dicom.ct_dataset(), preamble=preamble)
    answer = get(data, accept="application/dicom")
    assert answer.content == bytes(128) + data[128:]


def test_studies_and_series_come_in_parts(team, client_for, store):
    objects, client = dicom.ct_series(3), client_for("viewer")
    for data in objects:
        store(data)
    for level in ("series", "study"):
        answer = client.get(address(team.slug, objects[0], level=level))
        assert answer["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
        assert sorted(content for _, content in parts_of(answer)) == sorted(objects)


def test_large_answers_are_streamed(get):
    data = dicom.ct_slice(dicom.noise(1500, 3000))
    answer = get(data, accept="application/dicom")
    assert answer.streaming
    assert answer["Content-Length"] == str(len(data))
    assert b"".join(_gathered(answer)) == data


def _gathered(answer):
    import asyncio

    async def gather():
        return [chunk async for chunk in answer.streaming_content]

    return asyncio.run(gather())


@pytest.mark.skipif(not shutil.which("dcmdump"), reason="no dcmtk on this machine")
def test_dcmtk_reads_what_comes_back(get, tmp_path):
    for data in (dicom.ct_slice(), jls(), dicom.ct_slice(syntax=dicom.DEFLATED_LE)):
        path = tmp_path / "back.dcm"
        path.write_bytes(get(data, accept="application/dicom; transfer-syntax=*").content)
        done = subprocess.run(["dcmdump", "+P", "SOPInstanceUID", path], capture_output=True, text=True, check=True)
        assert uids_of(data)[2] in done.stdout
        assert not done.stderr


@pytest.mark.parametrize(
    "accept", ["image/png", "application/pdf", "application/dicom; transfer-syntax=1.2.840.10008.1.2.5"]
)
def test_forms_that_objects_do_not_have(get, accept):
    answer = get(dicom.ct_slice(), accept=accept)
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


# Metadata.


def test_metadata_of_every_level(team, client_for, store):
    objects, client = dicom.ct_series(3), client_for("viewer")
    for data in objects:
        store(data)
    expected = {}
    for data in objects:
        ds = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        expected[ds.SOPInstanceUID] = ds.to_json_dict() | {"00083002": {"vr": "UI", "Value": [dicom.EXPLICIT_LE]}}
    for level, count in (("instance", 1), ("series", 3), ("study", 3)):
        answer = client.get(address(team.slug, objects[0], level=level) + "/metadata")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json")
        found = json.loads(answer.content)
        assert len(found) == count
        for one in found:
            assert one == expected[one["00080018"]["Value"][0]], level


def test_metadata_of_a_series_come_compressed_in_the_order_of_the_body(team, client_for, store):
    objects, client = dicom.ct_series(5), client_for("viewer")
    for data in objects[:3]:
        store(data)
    url = address(team.slug, objects[0], level="series") + "/metadata"
    answers = [client.get(url, headers={"Accept-Encoding": "gzip"})]
    for data in objects[3:]:
        store(data)
    answers.append(client.get(url, headers={"Accept-Encoding": "gzip"}))
    assert [answer["Content-Encoding"] for answer in answers] == ["gzip", "gzip"]
    numbers = [[one["00200013"]["Value"][0] for one in json.loads(gzip.decompress(a.content))] for a in answers]
    assert numbers == [[1, 2, 4], [1, 2, 3, 4, 5]]
    assert json.loads(client.get(url).content) == json.loads(gzip.decompress(answers[1].content))


def test_metadata_in_json_alone(get):
    for level in ("instance", "series", "study"):
        assert get(dicom.ct_slice(), "/metadata", "application/dicom+xml", level).status_code == 406


# Frames.


@pytest.mark.parametrize("syntax", [dicom.EXPLICIT_LE, dicom.IMPLICIT_LE, dicom.EXPLICIT_BE, dicom.DEFLATED_LE])
def test_native_frames(get, syntax):
    for accept in (
        "",
        "*/*",
        f'multipart/related; type="{OCTETS}"',
        f'multipart/related; type="{OCTETS}"; transfer-syntax=*',
    ):
        answer = get(dicom.ct_slice(GREY, syntax=syntax), "/frames/1", accept)
        ((content_type, content),) = parts_of(answer)
        assert content_type == f"{OCTETS}; transfer-syntax={dicom.EXPLICIT_LE}"
        assert content == GREY.tobytes()
    alone = get(dicom.ct_slice(GREY, syntax=syntax), "/frames/1", OCTETS)
    assert (alone["Content-Type"], alone.content) == (f"{OCTETS}; transfer-syntax={dicom.EXPLICIT_LE}", GREY.tobytes())


def test_lists_of_frames(get):
    data = multi_frame()
    found = [content for _, content in parts_of(get(data, "/frames/3,1"))]
    assert found == [dicom.noise(seed=2).tobytes(), dicom.noise(seed=0).tobytes()]


@pytest.mark.parametrize("asked", ["0", "5", "1,9", "1,,2", "99999999999"])
def test_frames_that_are_not_there(get, asked):
    answer = get(multi_frame(), f"/frames/{asked}")
    assert answer.status_code in {404, 422}
    assert answer.json()["code"] in {"frame_not_found", "frames"}


@pytest.mark.parametrize(
    ("accept", "content_type", "is_decoded"),
    [
        ("", f"image/jls; transfer-syntax={dicom.JPEG_LS}", False),
        ('multipart/related; type="image/jls"', f"image/jls; transfer-syntax={dicom.JPEG_LS}", False),
        (f'multipart/related; type="{OCTETS}"; transfer-syntax=*', f"{OCTETS}; transfer-syntax={dicom.JPEG_LS}", False),
        (f'multipart/related; type="{OCTETS}"', f"{OCTETS}; transfer-syntax={dicom.EXPLICIT_LE}", True),
        (
            f'multipart/related; type="{OCTETS}"; transfer-syntax={dicom.EXPLICIT_LE}',
            f"{OCTETS}; transfer-syntax={dicom.EXPLICIT_LE}", True,
        ),
        (
            f'multipart/related; type="image/jp2", multipart/related; type="{OCTETS}"; q=0.5',
            f"{OCTETS}; transfer-syntax={dicom.EXPLICIT_LE}", True,
        ),
    ],
)  # fmt: skip
def test_compressed_frames_in_the_form_asked_for(get, accept, content_type, is_decoded):
    ((found_type, content),) = parts_of(get(jls(), "/frames/1", accept))
    assert found_type == content_type
    assert content == (GREY.tobytes() if is_decoded else imagecodecs.jpegls_encode(GREY))


@pytest.mark.parametrize(
    "accept",
    [
        "image/png",
        'multipart/related; type="image/jp2"',
        f'multipart/related; type="{OCTETS}"; transfer-syntax=1.2.840.10008.1.2.5',
        "application/dicom+json",
    ],
)
def test_forms_that_frames_do_not_have(get, accept):
    answer = get(jls(), "/frames/1", accept)
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_colour_that_viewers_disagree_about_leaves_as_rgb(get):
    index = np.arange(16, dtype=np.uint8).reshape(4, 4)
    ds = dicom.dataset(index, PhotometricInterpretation="PALETTE COLOR")
    for n, colour in enumerate(("Red", "Green", "Blue")):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [16, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", (np.arange(16) * 256 * (n + 1)).astype("<u2").tobytes())
    data = dicom.to_bytes(ds)
    ((_, content),) = parts_of(get(data, "/frames/1"))
    expected = np.stack([index, index * 2, index * 3], axis=-1)
    assert content == expected.tobytes()
    (model,) = json.loads(get(data, "/metadata").content)
    described = pydicom.Dataset.from_json(model)
    assert (described.PhotometricInterpretation, described.SamplesPerPixel, described.BitsAllocated) == ("RGB", 3, 8)
    assert len(content) == described.Rows * described.Columns * described.SamplesPerPixel


def test_single_bits_leave_as_bytes(get):
    bits = np.random.default_rng(3).integers(0, 2, (3, 3, 5)).astype(np.uint8)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    ds = dicom.dataset(
        bits, SOPClassUID=dicom.MULTIFRAME_GREY, BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed
    )
    found = parts_of(get(dicom.to_bytes(ds), "/frames/1,2,3"))
    assert [content for _, content in found] == [frame.tobytes() for frame in bits]


def test_frames_may_be_kept_by_the_browser_alone(team, client_for, get):
    data = jls()
    answer = get(data, "/frames/1")
    assert answer["Cache-Control"].startswith("private")
    assert {"Accept", "Authorization", "Cookie"} <= {name.strip() for name in answer["Vary"].split(",")}
    url = address(team.slug, data) + "/frames/1"
    client = client_for("viewer")
    assert client.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    decoded = client.get(url, headers={"If-None-Match": answer["ETag"], "Accept": OCTETS})
    assert (decoded.status_code, decoded.content) == (200, GREY.tobytes())
    assert "no-store" in client.get(address(team.slug, data))["Cache-Control"]


def test_a_frame_that_cannot_be_decoded(get):
    ds = dicom.dataset(GREY)
    data = dicom.encapsulated(ds, [b"\xff\xd8 nonsense " * 20], dicom.JPEG_LS)
    answer = get(data, "/frames/1", OCTETS)
    assert (answer.status_code, answer.json()["code"]) == (422, "decoding")


def test_objects_without_frames(get):
    answer = get(dicom.to_bytes(dicom.dataset()), "/frames/1")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


# Who may.

PATHS = ("", "/metadata", "/frames/1")


@pytest.mark.parametrize(("role", "status"), [("outsider", 404), ("admin", 404), ("anonymous", 401)])
def test_other_teams_find_nothing(team, client_for, store, role, status):
    data, client = dicom.ct_slice(), client_for(role)
    store(data)
    urls = [address(team.slug, data) + path for path in PATHS]
    urls += [
        address(team.slug, data, level=level) + path for level in ("series", "study") for path in ("", "/metadata")
    ]
    assert {client.get(url).status_code for url in urls} == {status}


def test_uids_of_another_team_are_unknown_in_ones_own(client_for, store):
    data, client = dicom.ct_slice(), client_for("outsider")
    store(data)
    own = client.user.memberships.get().team
    for path in PATHS:
        answer = client.get(address(own.slug, data) + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "instance_not_found")


def test_an_instance_is_found_under_its_own_series_alone(team, client_for, store):
    first, second, client = dicom.ct_slice(), dicom.ct_slice(), client_for("viewer")
    store(first), store(second)
    wrong = address(team.slug, first).replace(uids_of(first)[1], uids_of(second)[1])
    assert [client.get(wrong + path).status_code for path in PATHS] == [404] * 3


def test_rights_withdrawn_apply(team, client_for, store):
    from medportal.archive import viewers

    data, client = dicom.ct_slice(), client_for("viewer")
    store(data)
    assert client.get(address(team.slug, data)).status_code == 200
    client.user.memberships.all().delete()
    time.sleep(viewers.BELIEVED_S)
    assert client.get(address(team.slug, data)).status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_else_can_be_done(team, client_for, store, method):
    data, client = dicom.ct_slice(), client_for("manager")
    store(data)
    for path in PATHS:
        assert getattr(client, method)(address(team.slug, data) + path).status_code == 405
