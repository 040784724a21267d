"""Packages on disk, under `<zoo>/<team>/<model>/<number>/`: durable before they are named, never overwritten."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from django.conf import settings

from medportal.errors import ConflictError, InvalidError, UnavailableError
from medportal.inference.manifest import check_name, parse_manifest
from medportal.inference.package import Package, open_package
from medportal.zoo.models import ModelVersion

CARD = "README.md"
MAX_FILES = 32
MAX_PACKAGE_BYTES = 2 * 1024**3
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class StagedPackage:
    """A checked copy of a package, durable, in the zoo but without a number yet."""

    path: Path
    manifest: dict[str, Any]
    sha256: str

    def discard(self) -> None:
        """Remove the copy, if it has not become a version."""
        shutil.rmtree(self.path, ignore_errors=True)


def model_dir(team_slug: str, model_name: str) -> Path:
    """Return the folder of a model's versions; no path can be hidden in the names."""
    check_name(model_name)
    return Path(settings.MODEL_ZOO_DIR) / team_slug / model_name


def package_dir(version: ModelVersion) -> Path:
    """Return where the version's package lies."""
    return model_dir(version.model.team.slug, version.model.name) / str(version.number)


def open_version(version: ModelVersion) -> Package:
    """Open a version's package: network and manifest are those that were entered, or InvalidError `digest_mismatch`."""
    package = open_package(package_dir(version), version.sha256)
    if package.manifest != parse_manifest(version.manifest):
        raise InvalidError("digest_mismatch", "manifest.json is not the one that was entered in the zoo.")
    return package


def stage_package(team_slug: str, model_name: str, source: Path) -> StagedPackage:
    """Copy a package into the zoo, make the copy durable and check it; the slow part, done without a transaction.

    Raises InvalidError for what is no valid package.
    """
    # Brings onnx along, which nobody needs who only looks at the zoo.
    from medportal.inference.gate import check_model

    folder = model_dir(team_slug, model_name)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f".incoming-{uuid4().hex}"
    target.mkdir()
    try:
        for name in _files_of(source):
            _copy_durably(source / name, target / name)
        _sync_dir(target)
        package = open_package(target)
        check_model(package.model_path)
        for variant in package.manifest.variants:
            check_model(package.file_of(variant.precision)[0])
        return StagedPackage(target, package.manifest.to_json(), package.sha256)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def place_package(staged: StagedPackage, team_slug: str, model_name: str, *, above: int) -> int:
    """Give a staged package the lowest free number above `above` and return it.

    A folder that is there already is never written to. It is taken as the version where it holds the very same
    files: so a package that is part of the checkout, or one whose transaction was cut off, is entered and not doubled.
    """
    folder = model_dir(team_slug, model_name)
    for number in range(above + 1, above + 10_000):
        target = folder / str(number)
        if target.exists():
            if _same_files(staged.path, target):
                staged.discard()
                return number
            continue
        try:
            # The caller holds the model's row: nobody else can make this folder meanwhile.
            staged.path.rename(target)
        except OSError as error:
            raise UnavailableError("storage", "The model zoo cannot be written to just now.") from error
        _sync_dir(folder)
        return number
    raise ConflictError("no_free_number", "The model zoo holds too many folders of this model without an entry.")


def read_card(version: ModelVersion) -> str:
    """Return the version's card, Markdown; empty where the file is gone."""
    path = package_dir(version) / CARD
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def zip_package(version: ModelVersion) -> IO[bytes]:
    """Return the package as an open zip file, at its start; it is removed when it is closed."""
    folder = package_dir(version)
    archive = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name in _files_of(folder):
            file.write(folder / name, f"{version.model.name}-{version.number}/{name}")
    archive.seek(0)
    return archive


def _files_of(source: Path) -> list[str]:
    """Return the names of a package's files; a package is flat, and holds no links."""
    names = sorted(entry.name for entry in source.iterdir()) if source.is_dir() else []
    odd = [n for n in names if n.startswith(".") or not (source / n).is_file() or (source / n).is_symlink()]
    if not names or odd or len(names) > MAX_FILES:
        raise InvalidError(
            "not_a_package", "A package is a folder of a few plain files, without folders or links in it."
        )
    if sum((source / name).stat().st_size for name in names) > MAX_PACKAGE_BYTES:
        raise InvalidError("package_too_large", "The package is larger than two gigabytes.")
    return names


def _copy_durably(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, _CHUNK)
        writer.flush()
        os.fsync(writer.fileno())


def _sync_dir(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same_files(one: Path, other: Path) -> bool:
    return _digests(one) == _digests(other)


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
