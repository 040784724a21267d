"""Nothing acknowledged is lost: the web process is killed while objects come in, and the order of writing is watched."""

from __future__ import annotations

import random
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from medportal.archive.models import Instance
from tests import dicom
from tests.archive.conftest import address, uids_of
from tests.factories import make_member, make_team, make_token
from tests.processes import Child, Site, wait_until

pytestmark = pytest.mark.faults


@pytest.fixture
def owner(site: Site) -> Any:
    return make_team(f"team-{dicom.new_uid()[-12:]}")


@pytest.fixture
def client(site: Site, owner: Any) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {make_token(make_member(owner, 'reader'))}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=30) as client:
        yield client


def test_killed_while_objects_come_in(site: Site, owner: Any, client: httpx.Client) -> None:
    """Kill -9 in the midst of parallel uploads: what was acknowledged is there, and no row is without its bytes."""
    acknowledged: dict[str, bytes] = {}
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            data = dicom.ct_slice(dicom.noise(64, 64, seed=random.randrange(2**31)))
            try:
                answer = client.post(
                    f"/api/v1/teams/{owner.slug}/instances/",
                    content=data,
                    headers={"Content-Type": "application/dicom"},
                )
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 201:
                acknowledged[uids_of(data)[2]] = data

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        before = len(acknowledged)
        wait_until(lambda before=before: len(acknowledged) > before + 5, what="uploads")
        time.sleep(random.random() / 10)
        web = next(child for child in reversed(site.children) if child.log.name == "web.log")
        web.kill()
        site.start_web()
    done.set()
    for thread in threads:
        thread.join()
    rows = {row.sop_instance_uid: row for row in Instance.objects.filter(team=owner)}
    assert acknowledged.keys() <= rows.keys()
    for uid, row in rows.items():
        kept = (site.folder / "objects" / row.storage_key).read_bytes()
        assert len(kept) == row.size_bytes
        assert acknowledged.get(uid, kept) == kept
    some = next(iter(acknowledged.values()))
    assert client.get(address(owner.slug, some), headers={"Accept": "application/dicom"}).content == some
    counted = client.get(f"/api/v1/teams/{owner.slug}/studies/").json()["count"]
    assert counted == len(rows)


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace on this machine")
def test_the_order_of_writing(site: Site, owner: Any, tmp_path: Path) -> None:
    """The object's bytes, its name, its folder; only then the database's commit."""
    path, trace = tmp_path / "object.dcm", tmp_path / "trace"
    path.write_bytes(dicom.ct_slice())
    calls = "fsync,fdatasync,rename,renameat,renameat2"
    command = ["strace", "-f", "-y", "-e", f"trace={calls}", "-o", trace, sys.executable, "manage.py"]
    child = Child([*command, "import", path, "--team", owner.slug], log=tmp_path / "log", env=site.env)
    assert child.process.wait(120) == 0, child.output()
    found = [
        kind
        for line in trace.read_text().splitlines()
        for kind, pattern in (
            ("bytes", r"fsync\(\d+<[^>]*/incoming/[^>]*\.part>\)"),
            ("name", r'rename(at2?)?\(.*/incoming/.*\.part".*/objects/'),
            ("folder", r"fsync\(\d+<[^>]*/objects/\d+/[0-9a-f]{2}>\)"),
            ("commit", r"f(data)?sync\(\d+<[^>]*\.sqlite3-wal>\)"),
        )
        if re.search(pattern, line)
    ]
    assert [kind for kind in found if kind != "commit"] == ["bytes", "name", "folder"]
    assert "commit" not in found[: found.index("folder")]
    assert found[-1] == "commit"


def test_the_default_worker_makes_the_pictures(site: Site, owner: Any, client: httpx.Client, worker: Any) -> None:
    """Objects come in, the worker is killed and comes again: there is one picture, of all of them."""
    first = worker("default")
    objects = dicom.ct_series(6, rows=64)
    for data in objects[:3]:
        client.post(
            f"/api/v1/teams/{owner.slug}/instances/", content=data, headers={"Content-Type": "application/dicom"}
        )
    first.kill()
    for data in objects[3:]:
        client.post(
            f"/api/v1/teams/{owner.slug}/instances/", content=data, headers={"Content-Type": "application/dicom"}
        )
    worker("default")
    url = f"/api/v1/teams/{owner.slug}/studies/{uids_of(objects[0])[0]}/"
    wait_until(lambda: client.get(url).json()["series"][0]["thumbnail_revision"] == 6, 60, "the picture")
    answer = client.get(f"/api/v1/teams/{owner.slug}/series/{uids_of(objects[0])[1]}/thumbnail/")
    assert (answer.status_code, answer.content[:3]) == (200, b"\xff\xd8\xff")
    assert client.get(url).json()["thumbnail_series_uid"] == uids_of(objects[0])[1]
