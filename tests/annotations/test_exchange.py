"""What people have drawn leaves as DICOM that other programs read, and comes back as it was."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import nibabel
import numpy as np
import pydicom
import pytest

from medportal.annotations.exchange import services as exchange
from medportal.annotations.exchange.sources import to_patient, to_pixels
from medportal.annotations.models import Mark, Segmentation
from medportal.annotations.segmentations.arrays import frames_of, named, state_of_volumes, volumes_of
from medportal.annotations.segmentations.services import create_segmentation
from medportal.archive import storage
from medportal.archive.models import Instance
from medportal.archive.services import store_instance
from medportal.audit.models import AuditEvent
from medportal.errors import MedportalError
from medportal.imaging import seg_write
from medportal.imaging.derived_object import color_of, lab_of
from medportal.imaging.geometry import Plane
from tests.chests import SIDE, store_chest
from tests.real import DATA, needs_real_data

SLICES = 4
LUNG = {"value": "39607008", "scheme": "SCT", "meaning": "Lung"}
STRUCTURE = {"value": "123037004", "scheme": "SCT", "meaning": "Anatomical Structure"}


@pytest.fixture
def series(team: Any) -> Any:
    return store_chest(team, 2, has_cancer=True, slices=SLICES)


class Page:
    """What a page does with a study."""

    def __init__(self, client: Any, series: Any) -> None:
        self.client, self.series, study = client, series, series.study
        self.url = f"/api/v1/teams/{study.team.slug}/studies/{study.study_instance_uid}/"

    def export(self, form: str, query: str = "") -> Any:
        return self.client.get(f"{self.url}export/?form={form}{query}")

    def post(self, path: str, **words: Any) -> Any:
        return self.client.post(self.url + path, words, content_type="application/json")

    def mark(self, kind: str, points: Any, **data: Any) -> None:
        frame = self.series.instances.order_by("slice_position_mm")[1]
        content = {
            "series_instance_uid": self.series.series_instance_uid,
            "sop_instance_uid": frame.sop_instance_uid,
            "frame_number": 1,
            "frame_of_reference_uid": self.series.frame_of_reference_uid,
            "kind": kind,
            "space": "patient",
            "points": points,
            "data": data,
        }
        body = {"changes": [{"id": str(uuid4()), "revision": 0, "mark": content}]}
        answer = self.client.post(f"{self.url}marks/", body, content_type="application/json").json()
        assert answer["results"][0]["outcome"] == "saved", answer


@pytest.fixture
def page(client_for: Any, series: Any) -> Page:
    return Page(client_for("reader"), series)


@pytest.fixture
def marked(page: Page) -> Page:
    """A study with one mark of each kind."""
    z = 5.0
    page.mark("length", [[-10, 0, z], [10, 0, z]], stats={"length_mm": 20.0}, label="long")
    page.mark("bidirectional", [[0, 0, z], [9, 0, z], [4, -2, z], [4, 2, z]], stats={"length_mm": 9.0, "width_mm": 4.0})
    page.mark("angle", [[0, 0, z], [5, 0, z], [5, 5, z]], stats={"angle_deg": 90.0})
    page.mark(
        "ellipse", [[0, -4, z], [0, 4, z], [-6, 0, z], [6, 0, z]], stats={"area_mm2": 75.4, "mean": -3.5, "unit": "HU"}
    )
    page.mark(
        "rectangle",
        [[0, 0, z], [4, 0, z], [4, 4, z], [0, 4, z]],
        stats={"area_mm2": 16.0},
        finding={"value": "27925004", "scheme": "SCT", "meaning": "Nodule"},
    )
    page.mark("freehand", [[0, 0, z], [4, 0, z], [4, 4, z]], stats={"area_mm2": 8.0})
    page.mark("arrow", [[0, 0, z], [8, 8, z]], text="Befund: Rundherd 结节")
    page.mark("probe", [[1, 1, z]], stats={"value": 40.0, "unit": "HU"})
    return page


@pytest.fixture
def drawn(page: Page) -> Segmentation:
    """Two segments that overlap, of which one says what it is."""
    frames = frames_of(page.series)
    lung, nodule = (np.zeros((SLICES, SIDE, SIDE), bool) for _ in range(2))
    lung[0:3, 10:30, 10:40], nodule[1, 20:25, 20:27] = True, True
    segments = {
        2: named("Lung", 2, type=LUNG, category=STRUCTURE),
        5: named("nodule", 5, algorithm="AUTOMATIC", model="bright"),
    }
    state = state_of_volumes(segments, [(2, lung), (5, nodule)], frames)
    return create_segmentation(page.client.user, page.series, uuid4(), "Lungs", state=state)


def checked(content: bytes, path: Path) -> pydicom.Dataset:
    """Return an object that other programs have nothing to say against."""
    path.write_bytes(content)
    if shutil.which("dciodvfy"):
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []
    if shutil.which("dcmdump"):
        assert subprocess.run(["dcmdump", "-q", str(path)], capture_output=True, check=False).returncode == 0
    return pydicom.dcmread(path)


def stored(team: Any, content: bytes) -> Instance:
    path = storage.incoming_dir() / f"{uuid4().hex}.part"
    path.write_bytes(content)
    return store_instance(team=team, path=path, actor=None, door="import").instance


# --- segmentations --------------------------------------------------------------------------------------------------


def test_a_segmentation_leaves_as_dicom_and_comes_back_with_its_overlap(
    page: Page, drawn: Segmentation, tmp_path: Path
) -> None:
    answer = page.export("seg", f"&segmentation={drawn.uuid}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom")
    ds = checked(answer.content, tmp_path / "seg.dcm")
    assert (ds.Modality, ds.SegmentationType, ds.NumberOfFrames) == ("SEG", "BINARY", 4)
    assert [s.SegmentNumber for s in ds.SegmentSequence] == [1, 2]
    assert ds.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "39607008"
    assert ds.PatientName == page.series.study.patient.patient_name
    assert ds.FrameOfReferenceUID == page.series.frame_of_reference_uid
    # In the archive once, however often it is put there; then read like anybody's.
    (first,) = page.post("export/store/", form="seg", segmentation=str(drawn.uuid)).json()
    assert first["status"] == "stored"
    assert page.post("export/store/", form="seg", segmentation=str(drawn.uuid)).json()[0]["status"] == "duplicate"
    made = page.post("import/", series_instance_uid=first["series_instance_uid"]).json()
    again = page.post("import/", series_instance_uid=first["series_instance_uid"]).json()
    assert (made["left_out"], made["segmentations"]) == ([], again["segmentations"])
    back = Segmentation.objects.get(uuid=made["segmentations"][0])
    frames = frames_of(page.series)
    ours = [volume for *_, volume in volumes_of(drawn, frames)]
    theirs = [volume for *_, volume in volumes_of(back, frames)]
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    said = [content for _, content, _ in volumes_of(back, frames)]
    assert (said[0]["label"], said[0]["type"], said[1]["algorithm"]) == ("Lung", LUNG, "AUTOMATIC")
    assert [one["color"] for one in said] == [named("", 2)["color"], named("", 5)["color"]]
    assert (back.source, back.series_id) == ("import", page.series.pk)
    assert {"annotations.exported", "annotations.stored"} <= set(AuditEvent.objects.values_list("action", flat=True))


@pytest.mark.skipif(not shutil.which("dsrdump"), reason="dcmtk is not installed")
def test_a_report_is_read_by_dcmtk(marked: Page, tmp_path: Path) -> None:
    path = tmp_path / "sr.dcm"
    path.write_bytes(marked.export("sr").content)
    done = subprocess.run(["dsrdump", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Imaging Measurement Report" in done.stdout


def test_a_segmentation_leaves_as_nifti_in_its_place(page: Page, drawn: Segmentation) -> None:
    content = page.export("nifti", f"&segmentation={drawn.uuid}").content
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    labels = np.asarray(image.dataobj)
    assert labels.shape == (SIDE, SIDE, SLICES)
    assert (labels[20, 20, 1], labels[12, 12, 0], labels[0, 0, 0]) == (5, 2, 0)
    corner = image.affine @ [0, 0, 0, 1]
    # RAS of the first voxel: LPS with both signs turned.
    assert np.allclose(corner[:3], [64, 64, 0])


def test_nothing_leaves_where_nothing_is(page: Page) -> None:
    assert page.export("seg").json()["code"] == "nothing_to_export"
    assert page.export("sr").json()["code"] == "nothing_measured"
    create_segmentation(page.client.user, page.series, uuid4(), "empty")
    assert page.export("seg").json()["code"] == "empty_segmentation"
    assert page.export("parchment").status_code == 400


# --- measurements ---------------------------------------------------------------------------------------------------


def test_measurements_leave_as_a_report_and_come_back(marked: Page, tmp_path: Path) -> None:
    ds = checked(marked.export("sr").content, tmp_path / "sr.dcm")
    assert ds.SOPClassUID.name == "Comprehensive 3D SR Storage"
    (put,) = marked.post("export/store/", form="sr").json()
    assert marked.post("export/store/", form="sr").json()[0]["status"] == "duplicate"
    mine = {mark.kind: mark for mark in Mark.objects.all()}
    Mark.objects.all().delete()
    answer = marked.post("import/", series_instance_uid=put["series_instance_uid"]).json()
    assert (answer["marks"], answer["left_out"]) == (len(mine), [])
    back = {mark.kind: mark for mark in Mark.objects.all()}
    assert set(back) == set(mine)
    for kind, mark in mine.items():
        assert (back[kind].source, back[kind].space) == ("import", "patient")
        assert back[kind].sop_instance_uid == mark.sop_instance_uid
        if kind != "arrow":
            assert np.allclose(back[kind].points, mark.points, atol=1e-3), kind
        for name, value in (mark.data.get("stats") or {}).items():
            assert back[kind].data["stats"][name] == (value if isinstance(value, str) else pytest.approx(value)), kind
    assert back["arrow"].data["text"] == "Befund: Rundherd 结节"
    assert np.allclose(back["arrow"].points[0], mine["arrow"].points[0], atol=1e-3)
    assert back["rectangle"].data["finding"]["value"] == "27925004"
    assert marked.post("import/", series_instance_uid=put["series_instance_uid"]).json()["marks"] == 0


def test_a_report_is_shown_as_a_page(marked: Page, client_for: Any) -> None:
    (put,) = marked.post("export/store/", form="sr").json()
    viewer = Page(client_for("viewer"), marked.series)
    answer = viewer.client.get(f"{viewer.url}structured-reports/{put['sop_instance_uid']}/").json()
    assert (answer["title"], answer["verification"]) == ("Imaging Measurement Report", "UNVERIFIED")
    length = next(item for item in answer["items"] if item["concept"] == "Length")
    assert (length["kind"], length["value"], length["unit"]) == ("NUM", "20.0", "mm")
    assert any(item["references"] for item in answer["items"])
    image = marked.series.instances.first().sop_instance_uid
    refused = viewer.client.get(f"{viewer.url}structured-reports/{image}/")
    assert (refused.status_code, refused.json()["code"]) == (422, "report")


def test_tables_and_texts(marked: Page) -> None:
    marked.mark("length", [[0, 0, 5], [1, 0, 5]], stats={"length_mm": 1.0}, label="=SUM(A1)")
    rows = list(csv.DictReader(io.StringIO(marked.export("csv").content.decode("utf-8-sig"))))
    assert len(rows) == Mark.objects.count()
    assert (rows[0]["kind"], rows[0]["length_mm"], rows[0]["label"]) == ("length", "20.0", "long")
    assert rows[-1]["label"] == "'=SUM(A1)"
    said = json.loads(marked.export("json").content)
    assert len(said["marks"]) == len(rows)


# --- what others have made ------------------------------------------------------------------------------------------


def test_what_cannot_be_taken_is_told(page: Page, drawn: Segmentation, team: Any) -> None:
    images = page.post("import/", series_instance_uid=page.series.series_instance_uid)
    assert images.json()["code"] == "nothing_to_import"
    ds = pydicom.dcmread(io.BytesIO(page.export("seg").content))
    ds.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    out = io.BytesIO()
    ds.save_as(out)
    instance = stored(team, out.getvalue())
    answer = page.post("import/", series_instance_uid=instance.series.series_instance_uid).json()
    assert answer["segmentations"] == []
    assert "is not in this study" in answer["left_out"][0]


@needs_real_data
@pytest.mark.parametrize(
    "name",
    ["dcmqi/sr-example/sr.dcm", "highdicom/sr_document_with_multiple_groups.dcm", "pydicom/reportsi.dcm", "dicomparser/report_dfl"],
)  # fmt: skip
def test_real_reports_are_read(page: Page, team: Any, name: str) -> None:
    instance = stored(team, (DATA / "dicom" / name).read_bytes())
    study = instance.series.study
    url = f"/api/v1/teams/{team.slug}/studies/{study.study_instance_uid}/"
    answer = page.client.get(f"{url}structured-reports/{instance.sop_instance_uid}/")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["items"]) > 3
    made = page.client.post(
        f"{url}import/", {"series_instance_uid": instance.series.series_instance_uid}, content_type="application/json"
    )
    assert made.status_code == 200, made.content
    # Their images are elsewhere: told, and nothing is made of them.
    assert made.json()["marks"] == 0


@needs_real_data
@pytest.mark.parametrize(
    ("folder", "name", "label"),
    [
        ("dcmqi/ct-3slice", "dcmqi/segmentations/liver.dcm", "Liver"),
        ("dcmqi/image", "dcmqi/seg/label.seg", ""),
        ("dcmqi/ct-3slice", "pydicom-data/liver_expb.dcm", "Liver"),
    ],
)
def test_real_segmentations_open_on_their_series(
    client_for: Any, team: Any, folder: str, name: str, label: str
) -> None:
    for path in sorted((DATA / "dicom" / folder).iterdir()):
        if path.suffix == ".dcm" and path.name not in ("liver.dcm", Path(name).name):
            with contextlib.suppress(MedportalError):
                stored(team, path.read_bytes())
    instance = stored(team, (DATA / "dicom" / name).read_bytes())
    url = f"/api/v1/teams/{team.slug}/studies/{instance.series.study.study_instance_uid}/import/"
    words = {"series_instance_uid": instance.series.series_instance_uid}
    answer = client_for("reader").post(url, words, content_type="application/json").json()
    assert answer["left_out"] == []
    made = Segmentation.objects.get(uuid=answer["segmentations"][0])
    volumes = list(volumes_of(made, frames_of(made.series)))
    assert any(volume.any() for *_, volume in volumes)
    assert not label or label.lower() in volumes[0][1]["label"].lower()


# --- the arithmetic -------------------------------------------------------------------------------------------------


def test_pixels_and_patient_are_inverse() -> None:
    plane = Plane(position_mm=(10.0, -20.0, 5.0), orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0), spacing_mm=(0.5, 0.25))
    there = to_patient([[3.5, 7.25], [0.5, 0.5]], plane)
    assert there is not None
    assert there[1] == [10.0, -20.0, 5.0]
    assert np.allclose(to_pixels(there, plane), [[3.5, 7.25], [0.5, 0.5]])


@pytest.mark.parametrize("color", ["#e69f00", "#000000", "#ffffff", "#0072b2", "#00ff00"])
def test_colours_survive_cielab(color: str) -> None:
    back = color_of(lab_of(color))
    assert all(abs(int(back[at : at + 2], 16) - int(color[at : at + 2], 16)) <= 1 for at in (1, 3, 5))


def test_a_models_name_is_no_words_of_a_reader(page: Page) -> None:
    page.mark("length", [[-10, 0, 5], [10, 0, 5]], stats={"length_mm": 20.0})
    Mark.objects.update(source="model", model="bright", version=3)
    (put,) = page.post("export/store/", form="sr").json()
    Mark.objects.all().delete()
    page.post("import/", series_instance_uid=put["series_instance_uid"])
    assert "label" not in Mark.objects.get().data


def test_frames_that_end_within_a_byte_are_packed_without_a_gap() -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random((5, 7)) < 0.5 for _ in range(9)]
    whole = np.packbits(np.concatenate([mask.ravel() for mask in masks]), bitorder="little").tobytes()
    assert seg_write._packed(iter(masks)) == whole


def test_what_is_too_large_is_refused_before_it_is_made(
    page: Page, drawn: Segmentation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seg_write, "MOST_BYTES", 100)
    assert page.export("seg").json()["code"] == "segmentation_size"
    monkeypatch.setattr(exchange, "MOST_BYTES", 100)
    assert (page.export("json").status_code, page.export("json").json()["code"]) == (413, "export_size")


def test_a_segmentation_that_is_cut_off_makes_nothing(page: Page, drawn: Segmentation, team: Any) -> None:
    ds = pydicom.dcmread(io.BytesIO(page.export("seg").content))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "2.25.78"
    ds.PixelData = ds.PixelData[:200]
    out = io.BytesIO()
    ds.save_as(out)
    try:
        instance = stored(team, out.getvalue())
    except MedportalError:
        # Refused at the door: nothing to be taken.
        assert Segmentation.objects.count() == 1
        return
    answer = page.post("import/", series_instance_uid=instance.series.series_instance_uid).json()
    assert answer["segmentations"] == []
    assert answer["left_out"]
    assert Segmentation.objects.count() == 1
