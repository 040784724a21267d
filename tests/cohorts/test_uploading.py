"""A data set comes in through the page: one job for each id, unpacked with limits, with the same report."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT

from medportal.accounts.models import Membership
from medportal.archive.models import Series
from medportal.cohorts import uploads
from medportal.cohorts.models import CohortVersion
from medportal.cohorts.run_dataset import run_dataset
from medportal.jobs.models import Job
from tests.cohorts import sets

assert MULTIPART_CONTENT


def zipped(folder: Path, *, prefix: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, prefix + path.relative_to(folder).as_posix())
    return out.getvalue()


@pytest.fixture
def upload(client_for: Callable[..., Any], team: Any) -> Callable[..., Any]:
    """Return a function that sends a data set, as a researcher."""
    researcher = client_for("researcher")

    def upload(content: bytes, format_: str, *, client: Any = researcher, **fields: Any) -> Any:
        words = {"id": str(uuid4()), "format": format_, "cohort": "set", **fields}
        file = SimpleUploadedFile("set.zip", content)
        return client.post(f"/api/v1/teams/{team.slug}/datasets/", words | {"file": file})

    return upload


def done(answer: Any) -> Job:
    assert answer.status_code == 202, answer.content
    run_dataset(answer.json()["id"], worker="test")
    return Job.objects.get(pk=answer.json()["id"])


def test_a_zip_is_imported_by_a_job(upload: Callable[..., Any], tmp_path: Path) -> None:
    root = sets.imagefolder(tmp_path / "set", {"ill": 5, "normal": 5})
    (root / "ill" / "broken.png").write_text("no picture")
    answer = upload(zipped(root), "imagefolder", classes="normal,ill", split="all:train")
    assert (answer.json()["kind"], answer.json()["state"]) == ("dataset", "queued")
    job = done(answer)
    assert (job.state, job.progress, job.error_detail) == ("succeeded", 1.0, "")
    assert job.result is not None
    assert (job.result["images"], job.result["classes"]) == (10, ["normal", "ill"])
    assert [one["item"] for one in job.result["refused"]] == ["ill/broken.png"]
    assert job.result["refused_in_all"] == 1
    assert Series.objects.count() == 10
    run_dataset(job.pk, worker="again")
    assert CohortVersion.objects.count() == 1


def test_the_upload_is_removed_at_the_end(
    upload: Callable[..., Any], tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    answer = upload(sets.npz(tmp_path / "a.npz").read_bytes(), "npz")
    folder = uploads.folder_of(answer.json()["id"])
    assert (folder / uploads.UPLOAD).is_file()
    with django_capture_on_commit_callbacks(execute=True):
        assert done(answer).state == "succeeded"
    assert not folder.exists()


def test_the_same_id_is_the_same_job(upload: Callable[..., Any], tmp_path: Path) -> None:
    content, id_ = sets.npz(tmp_path / "a.npz").read_bytes(), str(uuid4())
    assert upload(content, "npz", id=id_).status_code == 202
    assert upload(content, "npz", id=id_).status_code == 202
    assert Job.objects.count() == 1
    other = upload(content, "npz", id=id_, cohort="other")
    assert (other.status_code, other.json()["code"]) == (409, "job_id_taken")


def test_a_folder_around_the_set_and_a_table_at_the_top(upload: Callable[..., Any], tmp_path: Path) -> None:
    path = sets.table(tmp_path / "set", sets.patients(8))
    answer = upload(zipped(path.parent, prefix="my set/"), "csv", group_column="group", where=["label=ill", "group=p1"])
    job = done(answer)
    assert job.state == "failed"
    assert "few" in job.error_detail
    job = done(upload(zipped(path.parent, prefix="my set/"), "csv", group_column="group"))
    assert job.result is not None
    assert (job.result["images"], job.result["groups"]) == (16, 8)


def test_a_zip_is_read_as_its_folder_is(upload: Callable[..., Any], tmp_path: Path) -> None:
    """Text beside the folder around a set makes it no class; a class alone is no such folder."""
    root = sets.imagefolder(tmp_path / "set" / "chest" / "train", {"ill": 4, "normal": 4})
    sets.save(root.parent / "test" / "ill" / "a.png", sets.picture(70))
    sets.save(root.parent / "test" / "normal" / "b.png", sets.picture(71))
    (tmp_path / "set" / "README.md").write_text("about it")
    job = done(upload(zipped(tmp_path / "set"), "imagefolder"))
    assert job.result is not None, job.error_detail
    assert (job.result["classes"], job.result["splits"]) == (["normal", "ill"], {"train": 8, "test": 2})
    alone = sets.imagefolder(tmp_path / "alone", {"normal": 4})
    job = done(upload(zipped(alone), "imagefolder", cohort="alone", split="all:test"))
    assert job.result is not None, job.error_detail
    assert job.result["classes"] == ["normal"]


def members(*names: str, content: bytes = b"x", mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


def patched(content: bytes, *, method: int | None = None, offset: int | None = None) -> bytes:
    """A ZIP whose only member says that it is packed otherwise, or lies elsewhere (APPNOTE 4.3.7, 4.3.12)."""
    raw = bytearray(content)
    central = raw.rindex(b"PK\x01\x02")
    if method is not None:
        raw[8:10] = raw[central + 10 : central + 12] = method.to_bytes(2, "little")
    if offset is not None:
        raw[central + 42 : central + 46] = offset.to_bytes(4, "little")
    return bytes(raw)


HOSTILE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "a name that leads out": (lambda: members("../../evil.png"), "zip", "leads out"),
    "an absolute name": (lambda: members("/etc/evil.png"), "zip", "leads out"),
    "a name of another system": (lambda: members("..\\evil.png"), "zip", "leads out"),
    "a link": (lambda: members("a/link.png", mode=0o120777), "zip", "link"),
    "a file in a file": (lambda: members("a", "a/b.png"), "zip", "twice"),
    "a bomb": (lambda: members("a/b.png", content=bytes(80 * 2**20)), "zip_size", "MB"),
    "no zip": (lambda: b"no zip at all", "zip", "no ZIP"),
    "what is no LZMA": (lambda: patched(members("a/b.png", content=b"\xff" * 999), method=14), "zip", "broken"),
    "a member beyond the end": (lambda: patched(members("a/b.png"), offset=2**31), "zip", ""),
    "nothing in it": (lambda: members("readme.txt"), "empty", "no folder of"),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_what_is_hostile_gets_nowhere(upload: Callable[..., Any], fault: str) -> None:
    make, code, words = HOSTILE[fault]
    job = done(upload(make(), "imagefolder"))
    assert (job.state, job.error_code) == ("failed", code)
    assert words in job.error_detail
    outside = [p for p in (Path(settings.DATA_DIR).parent, Path(settings.DATA_DIR)) if (p / "evil.png").exists()]
    assert outside == []


def test_bad_words_are_refused_before_anything_is_kept(upload: Callable[..., Any]) -> None:
    for fields, status in (
        ({"split": "half"}, 422),
        ({"where": ["label"]}, 422),
        ({"cohort": "../x"}, 400),
        ({"format_": "tar"}, 400),
        ({"id": "1"}, 400),
    ):
        words = {"format_": "npz", **fields}
        assert upload(b"x", **words).status_code == status, fields
    assert not Job.objects.exists()


def test_too_large_a_set_is_refused(upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_DATASET_BYTES", 1000)
    answer = upload(bytes(5000), "npz")
    assert (answer.status_code, answer.json()["code"]) == (413, "dataset_size")


def test_who_is_no_researcher_any_more_imports_nothing(upload: Callable[..., Any], tmp_path: Path) -> None:
    answer = upload(sets.npz(tmp_path / "a.npz").read_bytes(), "npz")
    Membership.objects.filter(role="researcher").update(role="reader")
    job = done(answer)
    assert (job.state, job.error_code) == ("failed", "role_too_small")
    assert not Series.objects.exists()
