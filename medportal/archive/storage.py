"""The bytes of instances: a local folder, addressed by team and content, written durably before anything is said."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from django.conf import settings

from medportal.errors import TooLargeError, UnavailableError

CHUNK = 1024 * 1024
FORGOTTEN_AFTER_S = 3600.0
_looked_at = 0.0
_durable_folders: set[Path] = set()


def _root() -> Path:
    return Path(settings.DATA_DIR) / "objects"


def incoming_dir() -> Path:
    """Return the folder for what is still arriving: on the store's own file system, so that a rename keeps it."""
    folder = Path(settings.DATA_DIR) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Return a stream chunk by chunk."""
    return iter(lambda: stream.read(CHUNK), b"")


def receive(chunks: Iterable[bytes], limit_bytes: int) -> Path:
    """Write what comes into a new file among the incoming ones.

    Raises TooLargeError `object_size` or UnavailableError `storage_full` or `storage`; nothing is left of it then.
    """
    _remove_forgotten()
    size, path = 0, new_incoming()
    try:
        with _full_store_is_told(), path.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit_bytes:
                    raise TooLargeError("object_size", f"An object may have at most {limit_bytes // 2**20} MB.")
                file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def new_incoming() -> Path:
    """Return a new name among the incoming files."""
    return incoming_dir() / f"{uuid4().hex}.part"


def _remove_forgotten() -> None:
    """Remove what a killed process left among the incoming files; look at most once an hour."""
    global _looked_at  # noqa: PLW0603 - the time of the last look is the process's own
    now = time.time()
    if now - _looked_at < FORGOTTEN_AFTER_S:
        return
    _looked_at = now
    for path in incoming_dir().glob("*.part"):
        with suppress(OSError):
            if now - path.stat().st_mtime > FORGOTTEN_AFTER_S:
                path.unlink()


def copy_in(path: Path) -> Path:
    """Copy a file of somebody else's among the incoming ones."""
    target = new_incoming()
    with _full_store_is_told():
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
    with _full_store_is_told():
        if path.stat().st_dev != incoming_dir().stat().st_dev:
            path = copy_in(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        _make_durable(target.parent)
        path.replace(target)
        _sync_folder(target.parent)
    return key


def keep_many(files: Sequence[tuple[Path, str]], *, team_id: int) -> list[str]:
    """Do what `keep` does with many files (path, SHA-256), made durable together; returns their storage keys.

    One flush of the file system takes the place of three for each file: of small files ten times as many are kept in
    the same time.
    """
    if not _can_flush():
        return [keep(path, team_id=team_id, sha256=sha256) for path, sha256 in files]
    keys = [f"{team_id}/{sha256[:2]}/{sha256}" for _, sha256 in files]
    with _full_store_is_told():
        for key, (path, _) in zip(keys, files, strict=True):
            target = _root() / key
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        _flush(_root())
    return keys


def _can_flush() -> bool:
    return sys.platform == "linux"


def _flush(folder: Path) -> None:
    """Make all that has been written to a folder's file system durable, names and bytes (syncfs(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


@contextmanager
def _full_store_is_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code = "storage_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "storage"
        raise UnavailableError(code, "The object could not be written to the store.") from error


def _make_durable(folder: Path) -> None:
    """Make a folder whose name survives a power cut; a folder that this process has seen to is not seen to again."""
    if folder in _durable_folders:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for parent in (folder.parent, folder.parent.parent, folder.parent.parent.parent):
        _sync_folder(parent)
    _durable_folders.add(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def path_of(key: str) -> Path:
    """Return where a stored object lies. Keys are made by `keep` alone, never by what a client says."""
    return _root() / key


def remove(key: str) -> None:
    """Remove an object that no row promises."""
    path_of(key).unlink(missing_ok=True)


def holds(key: str, size_bytes: int) -> bool:
    """Say whether an object lies where its key says, in its full length."""
    try:
        return path_of(key).stat().st_size == size_bytes
    except OSError:
        return False


def derived_path(kind: str, name: str) -> Path:
    """Return where something that can be made again lies: thumbnails, documents."""
    folder = Path(settings.DATA_DIR) / "derived" / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def read_derived(kind: str, name: str) -> bytes | None:
    """Return something that can be made again, None where it has to be."""
    try:
        return derived_path(kind, name).read_bytes()
    except OSError:
        return None


def write_derived(kind: str, name: str, content: bytes) -> None:
    """Write something that can be made again, whole or not at all."""
    target = derived_path(kind, name)
    temporary = target.with_name(f"{uuid4().hex}.part")
    temporary.write_bytes(content)
    temporary.replace(target)


def derived_names(kind: str, pattern: str) -> list[str]:
    """Return the names of a kind that match a pattern of our own making."""
    return [path.name for path in derived_path(kind, "").glob(pattern)]


def remove_derived(kind: str, name: str) -> None:
    """Remove something that can be made again."""
    derived_path(kind, name).unlink(missing_ok=True)
