"""`make run`'s supervisor: it starts the whole site, keeps its data, and leaves no process behind, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from medportal.config.before_start import CannotStartError, check_python
from tests.processes import ROOT, Child, free_port, wait_until

PASSWORD = "a first password for both"


class Run:
    """A supervised site on a data folder and a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.starts = 0

    @property
    def env(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MEDPORTAL_") and k != "REDIS_URL"}
        own = {"MEDPORTAL_DATA_DIR": str(self.folder), "MEDPORTAL_ADMIN_PASSWORD": PASSWORD, "MEDPORTAL_DEMO": "0"}
        return kept | own | {"PORT": str(self.port), "HOST": "127.0.0.1"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Child:
        self.starts += 1
        log = self.folder.parent / f"run-{self.starts}.log"
        child = Child([sys.executable, "-m", "medportal.config.supervisor"], log=log, env=self.env)
        wait_until(lambda: "Accounts:" in child.output() or child.process.poll() is not None, 60, "the greeting")
        assert child.process.poll() is None, child.output()
        return child

    def refused(self, **changed: str) -> tuple[int, str]:
        """Start it where it cannot; return exit code and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "medportal.config.supervisor"],
            env=self.env | changed,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stderr.strip()

    def processes(self) -> set[int]:
        """Return the processes that know this data folder: by environment, command line, or where they run."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                    told += str((entry / "cwd").readlink()).encode()
                    is_alive = "\nState:\tZ" not in (entry / "status").read_text()
                except OSError:
                    continue
                if is_alive and str(self.folder).encode() in told:
                    found.add(int(entry.name))
        return found

    def token(self) -> str:
        answer = httpx.post(f"{self.url}/api/v1/auth/token", json={"username": "demo", "password": PASSWORD})
        return str(answer.raise_for_status().json()["token"])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "data")
    yield run
    for pid in run.processes():
        os.kill(pid, signal.SIGKILL)


def test_it_serves_keeps_its_data_and_ends_whole(run: Run) -> None:
    first = run.start()
    ready = httpx.get(f"{run.url}/readyz").json()
    assert ready == {
        "status": "ready",
        "database": True,
        "broker": True,
        "storage": True,
        "workers": {"default": True, "training": True, "inference": True},
    }
    headers = {"Authorization": f"Bearer {run.token()}"}
    # Supervisor, broker, web, three workers.
    assert len(run.processes()) >= 6
    assert first.stop() == 0
    assert run.processes() == set()

    second = run.start()
    assert httpx.get(f"{run.url}/api/v1/auth/me/", headers=headers).json()["username"] == "demo"
    second.signal(signal.SIGINT)
    assert second.process.wait(20) == 0
    assert run.processes() == set()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux'")
def test_killed_it_leaves_no_orphan(run: Run) -> None:
    supervisor = run.start()
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.process.wait(10)

    wait_until(lambda: not run.processes(), 15, "every child ends")


def test_a_child_that_dies_is_started_again(run: Run) -> None:
    run.start()
    web = next(pid for pid in run.processes() if b"uvicorn" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(web, signal.SIGKILL)

    def serves_again() -> bool:
        try:
            return httpx.get(f"{run.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(lambda: web not in run.processes() and serves_again(), 40, "the web process is back")


def test_a_second_one_on_the_same_data_is_refused(run: Run) -> None:
    run.start()
    code, told = run.refused(PORT=str(free_port()))

    assert code != 0
    assert "already" in told
    assert len(told.splitlines()) == 1


def test_a_port_that_is_taken_is_named(run: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", run.port))
        other.listen()
        code, told = run.refused()

    assert code != 0
    assert told == (
        f"medportal: The port {run.port} on 127.0.0.1 is taken: end what listens there, or choose another, "
        "as in `PORT=8001 make run`."
    )


def test_a_data_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    code, told = run.refused(MEDPORTAL_DATA_DIR=str(tmp_path / "file" / "data"))

    assert code != 0
    assert str(tmp_path / "file" / "data") in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_port_that_is_none_is_refused(run: Run, port: str) -> None:
    code, told = run.refused(PORT=port)

    assert code != 0
    assert told.startswith("medportal: PORT is")


def test_a_python_that_is_too_old_is_told_what_to_do() -> None:
    with pytest.raises(CannotStartError, match=r"needs Python 3\.11 or newer, and this is 3\.10"):
        check_python((3, 10))


def test_make_run_asks_before_it_sets_anything_up(run: Run) -> None:
    done = subprocess.run(
        ["make", "run"], env=run.env | {"PORT": "none"}, cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert done.returncode != 0
    assert "medportal: PORT is 'none'" in done.stderr
