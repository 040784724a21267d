"""What must hold before the site can start: each failure is one sentence that says what to do.

Uses the standard library alone, so that `make run` can ask before it installs anything.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class CannotStartError(Exception):
    """The site cannot start; the message is one sentence for who started it."""


@dataclass(frozen=True)
class Address:
    """Where the site listens."""

    host: str
    port: int

    @property
    def reached_by(self) -> str:
        """The host as this machine itself reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        name = self.reached_by
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"


def check_python(version: tuple[int, ...] = sys.version_info[:2]) -> None:
    """Refuse a Python that is too old."""
    if version < OLDEST_PYTHON:
        raise CannotStartError(
            f"medportal needs Python 3.11 or newer, and this is {version[0]}.{version[1]}: "
            "name a newer one, as in `make run PYTHON=python3.12`."
        )


def address_from(environment: dict[str, str]) -> Address:
    """Read HOST and PORT."""
    text = environment.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStartError(f"PORT is {text!r}, which is not a port number between 1 and 65535.")
    return Address(environment.get("HOST") or "127.0.0.1", int(text))


def check_address(address: Address) -> None:
    """Refuse an address on which this machine cannot listen."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            # As the web server does: an address that is only resting from an earlier run is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
            probe.listen(1)
    except OSError as error:
        where = f"port {address.port} on {address.host}"
        if error.errno == errno.EADDRINUSE:
            message = f"The {where} is taken: end what listens there, or choose another, as in `PORT=8001 make run`."
        elif error.errno == errno.EACCES:
            message = f"The {where} is for the system alone: choose one above 1023, as in `PORT=8000 make run`."
        else:
            message = f"HOST is {address.host!r}, which is not an address of this machine."
        raise CannotStartError(message) from error


def data_dir_from(environment: dict[str, str]) -> Path:
    """Say where the data lie, as the settings will."""
    return Path(environment.get("MEDPORTAL_DATA_DIR") or ROOT / "var").resolve()


def check_data_dir(folder: Path) -> None:
    """Refuse a data directory that cannot be made or written."""
    try:
        for part in (folder, folder / "run", folder / "logs"):
            part.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"can this be written?")
    except OSError as error:
        why = (error.strerror or "it failed").lower()
        raise CannotStartError(
            f"The data directory {folder} cannot be written ({why}): set MEDPORTAL_DATA_DIR to a folder that can."
        ) from error


def claim_data_dir(folder: Path) -> IO[str]:
    """Take the data directory for this site; the kernel gives it back when we end, however we end."""
    file = (folder / "run" / "supervisor.pid").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        other = file.read().strip() or "unknown"
        raise CannotStartError(
            f"A site runs on the data directory {folder} already (process {other}): end it first."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def names_of(address: Address) -> list[str]:
    """List the names under which browsers may ask for the site: for a site that is not for this machine alone."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    if address.host in LOOPBACK:
        return names
    if address.host not in {"0.0.0.0", "::"}:  # noqa: S104
        return [*names, address.host]
    names += [socket.gethostname(), socket.getfqdn()]
    with contextlib.suppress(OSError):
        names += [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing; it only asks which of our addresses would be used.
        probe.connect(("192.0.2.1", 9))
        names.append(probe.getsockname()[0])
    return list(dict.fromkeys(f"[{name}]" if ":" in name else name for name in names))


def main() -> int:
    """Check all that can be checked before anything is installed; returns the exit code."""
    environment = dict(os.environ)
    try:
        check_python()
        check_data_dir(data_dir_from(environment))
        check_address(address_from(environment))
    except CannotStartError as error:
        print(f"medportal: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
