"""Files that a model is given on the command line: taken into the archive as a series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from medportal.accounts.models import Team, User
from medportal.archive import storage
from medportal.archive.reading import decoder
from medportal.archive.services import store_instance
from medportal.cohorts.datasets.files import VOLUME_FILE_BYTES, read_bytes
from medportal.errors import InvalidError, MedportalError
from medportal.imaging.pictures import SUFFIXES, read_picture
from medportal.imaging.secondary_capture import Provenance, stack_objects, volume_objects
from medportal.imaging.volume_files import is_volume_file, read_volume_file
from medportal.imaging.voxel_grids import to_volume

ISSUER = "predict"


def import_series(path: Path, *, team: Team, actor: User, modalities: Sequence[str], refused: list[str]) -> str:
    """Take a picture, a volume, a DICOM file or a folder of one series in, and return the series' UID.

    Pictures and volumes become objects of a modality that the model reads (`modalities`). What is no DICOM object in a
    folder is passed over, and told in `refused`. Raises InvalidError `nothing_there` or `not_one_series`, and what
    reading the file raises.
    """
    found: set[str] = set()
    for source in _sources(path, modalities):
        try:
            incoming = storage.copy_in(source) if isinstance(source, Path) else _written(source)
            found.add(store_instance(team=team, path=incoming, actor=actor, door="import").series.series_instance_uid)
        except MedportalError as error:
            refused.append(f"{source if isinstance(source, Path) else path}: {error.detail}")
    if len(found) != 1:
        names = ", ".join(sorted(found)) or "none"
        reason = f" {refused[0]}" if refused and not found else ""
        raise InvalidError(
            "not_one_series",
            f"The path must hold one series; it holds {len(found)} ({names}). Name one with --series.{reason}",
        )
    return found.pop()


def _sources(path: Path, modalities: Sequence[str]) -> Iterator[Path | bytes]:
    """Yield the DICOM files that there are, or the objects that a picture or volume becomes."""
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    elif not path.is_file():
        raise InvalidError("nothing_there", f"There is nothing at {path}.")
    elif path.suffix.lower() in SUFFIXES:
        stack = read_picture(read_bytes(path), decoder())[None]
        yield from stack_objects(stack, _provenance(path, _one_of(modalities, "OT")))
    elif is_volume_file(path.name):
        volume = to_volume(read_volume_file(read_bytes(path, VOLUME_FILE_BYTES)))
        yield from volume_objects(volume, _provenance(path, _one_of(modalities, volume.modality)))
    else:
        yield path


def _one_of(modalities: Sequence[str], usual: str) -> str:
    """Return the modality that such a file usually has, or where the model does not read it, the model's first."""
    return usual if usual in modalities or not modalities else modalities[0]


def _provenance(path: Path, modality: str) -> Provenance:
    named = Provenance("", ISSUER, path.name, path.suffix.lower().lstrip("."), modality)
    return Provenance(f"FILE-{named.name_hash}", ISSUER, path.name, named.source_format, modality)


def _written(content: bytes) -> Path:
    path = storage.new_incoming()
    path.write_bytes(content)
    return path
