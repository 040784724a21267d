"""The bytes of instances: a local folder, addressed by team and content, written durably before anything is said."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO
from uuid import uuid4

from django.conf import settings

from medportal.errors import TooLargeError, UnavailableError

CHUNK = 1024 * 1024


def _root() -> Path:
    return Path(settings.DATA_DIR) / "objects"


def incoming_dir() -> Path:
    """Return the folder for what is still arriving: on the store's own file system, so that a rename keeps it."""
    folder = Path(settings.DATA_DIR) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def receive(source: BinaryIO, limit_bytes: int) -> Path:
    """Write a stream into a new file among the incoming ones; raises TooLargeError `object_size`."""
    size = 0
    with NamedTemporaryFile(dir=incoming_dir(), suffix=".part", delete=False) as file:
        try:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                if size > limit_bytes:
                    raise TooLargeError("object_size", f"An object may have at most {limit_bytes // 2**20} MB.")
                file.write(chunk)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return Path(file.name)


def copy_in(path: Path) -> Path:
    """Copy a file of somebody else's among the incoming ones."""
    target = incoming_dir() / f"{uuid4().hex}.part"
    shutil.copyfile(path, target)
    return target


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep(path: Path, *, team_id: int, sha256: str) -> str:
    """Move an incoming file to its place and make it durable: file, then name, then folder. Returns the storage key.

    When this returns, the bytes survive a power cut. Raises UnavailableError `storage_full` or `storage`.
    """
    key = f"{team_id}/{sha256[:2]}/{sha256}"
    target = _root() / key
    try:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(target.parent.parent)
            _sync_folder(_root())
        path.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        code = "storage_full" if error.errno == 28 else "storage"
        raise UnavailableError(code, "The object could not be written to the store.") from error
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def path_of(key: str) -> Path:
    """Return where a stored object lies. Keys are made by `keep` alone, never by what a client says."""
    return _root() / key


def derived_path(kind: str, name: str) -> Path:
    """Return where something that can be made again lies: thumbnails, documents."""
    folder = Path(settings.DATA_DIR) / "derived" / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def write_derived(kind: str, name: str, content: bytes) -> None:
    """Write something that can be made again, whole or not at all."""
    target = derived_path(kind, name)
    temporary = target.with_suffix(f".{uuid4().hex}")
    temporary.write_bytes(content)
    temporary.replace(target)
