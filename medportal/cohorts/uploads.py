"""Data sets that arrive through the page: kept in a folder of their own while a job imports them, unpacked with limits."""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from uuid import UUID

from django.conf import settings

from medportal.archive import storage
from medportal.cohorts.datasets.files import inner_folder
from medportal.cohorts.datasets.items import MOST_ITEMS
from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.limits import MIB
from medportal.jobs.models import FINAL_STATES, Job

UPLOAD, UNPACKED = "upload", "unpacked"
# A ZIP may unpack to so many times its own size (pictures hardly shrink), and to this much whatever its size.
_RATIO, _FREE_BYTES = 100, 64 * MIB
_MOST_MEMBERS, _DEEPEST, _LONGEST = 2 * MOST_ITEMS, 16, 200
_CHUNK = MIB
_FORGOTTEN_AFTER_S = 24 * 3600.0


def _root() -> Path:
    folder = Path(settings.DATA_DIR) / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def folder_of(job_id: UUID) -> Path:
    """Return the folder of a job's data set; its name is the job's own."""
    return _root() / str(job_id)


def receive_upload(job_id: UUID, chunks: Iterable[bytes]) -> Path:
    """Keep what is uploaded for a job, durably; raises TooLargeError `object_size` and UnavailableError as `storage`."""
    _remove_forgotten()
    path = storage.receive(chunks, settings.MAX_DATASET_BYTES)
    folder = folder_of(job_id)
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return path.replace(folder / UPLOAD)


def remove_upload(job_id: UUID) -> None:
    """Remove a job's data set: what was imported lies in the archive."""
    shutil.rmtree(folder_of(job_id), ignore_errors=True)


def _remove_forgotten() -> None:
    """Remove uploads whose request failed before there was a job, or whose job has ended."""
    for folder in _root().iterdir():
        with suppress(OSError, ValueError):
            is_old = time.time() - folder.stat().st_mtime > _FORGOTTEN_AFTER_S
            if is_old and not Job.objects.filter(pk=UUID(folder.name)).exclude(state__in=FINAL_STATES).exists():
                shutil.rmtree(folder, ignore_errors=True)


def open_upload(job_id: UUID, format_: str, *, check: Callable[[], None]) -> Path:
    """Return the path at which a job's data set can be read: the array file, or what its ZIP unpacks to.

    `check` is called between members and may raise to stop. Raises InvalidError `zip` and TooLargeError `zip_size`,
    each naming the member.
    """
    folder = folder_of(job_id)
    if format_ == "npz":
        return folder / UPLOAD
    target = folder / UNPACKED
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    _unpack(folder / UPLOAD, target, check)
    root = inner_folder(target, needs_folders=format_ == "imagefolder")
    if format_ != "csv":
        return root
    tables = [path for path in sorted(root.iterdir()) if path.suffix.lower() == ".csv"]
    if len(tables) != 1:
        raise InvalidError("csv", f"The ZIP has {len(tables)} CSV tables at its top: it takes one.")
    return tables[0]


def _unpack(archive: Path, target: Path, check: Callable[[], None]) -> None:
    """Unpack a ZIP into an empty folder of our own; names are checked part by part, links and devices refused."""
    limit = max(_FREE_BYTES, min(_RATIO * archive.stat().st_size, 4 * settings.MAX_DATASET_BYTES))
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.is_dir()]
            if len(members) > _MOST_MEMBERS or sum(info.file_size for info in members) > limit:
                raise _too_large(limit)
            left = limit
            for info in members:
                check()
                left -= _write(opened, info, _place(target, info), left, limit)
    except OSError as error:
        # A full disk is nobody's fault who sent it; all else is of offsets and names that make no sense.
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InvalidError("zip", "The ZIP archive is broken.") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidError("zip", "The file is no ZIP archive, or is broken or encrypted.") from error


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError("zip_size", f"The ZIP holds more than {_MOST_MEMBERS} files or {limit // MIB} MB.")


def _place(target: Path, info: zipfile.ZipInfo) -> Path:
    """Return where a member is written; InvalidError `zip` for a name that is not plain."""
    name = info.filename
    parts = PurePosixPath(name).parts
    is_plain = bool(parts) and len(parts) <= _DEEPEST and all(_is_plain(part) for part in parts)
    if not is_plain or "\\" in name or name.startswith("/") or stat.S_ISLNK(info.external_attr >> 16):
        raise InvalidError("zip", f"The ZIP holds “{name[:80]}”, which is a link, or leads out of it.")
    return target.joinpath(*parts)


def _is_plain(part: str) -> bool:
    return part not in ("", ".", "..") and part.isprintable() and len(part.encode()) <= _LONGEST


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, left: int, limit: int) -> int:
    """Write a member and return its size; what it claims is not believed."""
    size = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(info) as source, path.open("xb") as file:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > left:
                    raise _too_large(limit)
                file.write(chunk)
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidError("zip", f"The ZIP holds “{info.filename[:80]}” twice.") from error
    return size
