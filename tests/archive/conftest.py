"""What the tests of the archive share: the doors, and how to speak to them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pydicom
import pytest
from django.conf import settings

DICOM = "application/dicom"


@pytest.fixture(autouse=True)
def clean_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of the test's own, and no memory of the test before."""
    from medportal.archive import storage, viewers, wado
    from medportal.audit import services

    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr(settings, "DATA_DIR", folder)
    storage._durable_folders.clear()
    viewers.CACHE.clear()
    wado._located.clear()
    services._recent_reads.clear()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def upload(team: Any) -> Callable[..., Any]:
    """Return a function that sends one object through the browser's door."""

    def send(client: Any, data: bytes, **headers: str) -> Any:
        url = f"/api/v1/teams/{team.slug}/instances/"
        return client.post(url, data, content_type=headers.pop("content_type", DICOM), headers=headers)

    return send


@pytest.fixture
def stow(team: Any) -> Callable[..., Any]:
    """Return a function that sends objects in one STOW-RS request."""

    def send(client: Any, *objects: bytes, study: str = "", slug: str = "", part_type: str = DICOM) -> Any:
        boundary = uuid4().hex
        parts = [
            b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n" % (boundary.encode(), part_type.encode(), data)
            for data in objects
        ]
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        url = f"/teams/{slug or team.slug}/dicomweb/studies" + (f"/{study}" if study else "")
        return client.post(url, body, content_type=f'multipart/related; type="{DICOM}"; boundary={boundary}')

    return send


@pytest.fixture
def store(team: Any, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that stores an object by the service, as `manage.py import` does."""

    def put(data: bytes, *, owner: Any = None) -> Any:
        from medportal.archive.services import store_instance

        path = tmp_path / f"{uuid4().hex}.dcm"
        path.write_bytes(data)
        return store_instance(team=owner or team, path=path, actor=None, door="import")

    return put


@pytest.fixture
def held() -> Callable[[], list[str]]:
    """Return a function that lists the files that the store holds, and what lies among the incoming ones."""

    def names() -> list[str]:
        root = Path(settings.DATA_DIR)
        files = [*(root / "objects").rglob("*"), *(root / "incoming").rglob("*")]
        return sorted(str(path.relative_to(root)) for path in files if path.is_file())

    return names


def failures(response: Any) -> list[tuple[str, int]]:
    """Return (code, Failure Reason) of a STOW-RS answer's failed objects."""
    items = json.loads(response.content).get("00081198", {}).get("Value", [])
    return [(item["00000902"]["Value"][0].split(":")[0], item["00081197"]["Value"][0]) for item in items]


def stored(response: Any) -> list[str]:
    """Return the SOP Instance UIDs of a STOW-RS answer's stored objects."""
    items = json.loads(response.content).get("00081199", {}).get("Value", [])
    return [item["00081155"]["Value"][0] for item in items]


def parts_of(response: Any) -> list[tuple[str, bytes]]:
    """Return (content type, body) of each part of a multipart answer."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    boundary = response["Content-Type"].split("boundary=")[1].encode()
    found = []
    for part in body.split(b"--" + boundary)[1:-1]:
        head, content = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        content = content.removesuffix(b"\r\n")
        assert int(lines["Content-Length"]) == len(content)
        found.append((lines["Content-Type"], content))
    return found


def uids_of(data: bytes) -> tuple[str, str, str]:
    """Return (study, series, instance) of an object."""
    ds = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
    return ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID


def address(slug: str, data: bytes, *, level: str = "instance") -> str:
    """Return an object's DICOMweb address, or that of its series or study."""
    study, series, instance = uids_of(data)
    url = f"/teams/{slug}/dicomweb/studies/{study}"
    if level == "study":
        return url
    url += f"/series/{series}"
    return url if level == "series" else f"{url}/instances/{instance}"
