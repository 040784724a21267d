"""A package on disk: opened, its digest checked. Loads no runtime."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.inference.manifest import Manifest, read_manifest

MANIFEST, GOLDEN = "manifest.json", "golden.npz"


@dataclass(frozen=True)
class Package:
    """A package whose manifest is valid and whose network is the one that the manifest names."""

    path: Path
    manifest: Manifest

    @property
    def sha256(self) -> str:
        """Digest of model.onnx."""
        return self.manifest.model.sha256

    @property
    def model_path(self) -> Path:
        """Where the network lies."""
        return self.path / self.manifest.model.file

    def file_of(self, precision: str = "") -> tuple[Path, str]:
        """Return where the network lies in a precision (`fp16`, `int8`; empty: as trained), and its digest.

        Raises InvalidError `no_such_precision`, or `digest_mismatch` where a variant is not the file that was entered.
        """
        if not precision:
            return self.model_path, self.sha256
        variant = next((one for one in self.manifest.variants if one.precision == precision), None)
        if variant is None:
            raise InvalidError("no_such_precision", f"This package has no network in {precision}.")
        path = self.path / variant.file
        if path.is_symlink() or not path.is_file() or _sha256_of(path) != variant.sha256:
            raise InvalidError("digest_mismatch", f"{variant.file} is not the file that the manifest names.")
        return path, variant.sha256

    def golden(self) -> tuple[list[NDArray[np.generic]], dict[str, NDArray[np.float32]]]:
        """Return the golden inputs, in the manifest's order, and outputs by name; raises InvalidError `golden`."""
        model = self.manifest.model
        try:
            with np.load(self.path / GOLDEN, allow_pickle=False) as file:
                found = {name: file[name] for name in (*model.inputs, *model.outputs)}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InvalidError("golden", "The package has no readable golden input and output.") from error
        return [found[name] for name in model.inputs], {name: found[name] for name in model.outputs}


def open_package(path: Path, expected_sha256: str | None = None) -> Package:
    """Open a package and check its network's digest against the manifest (and `expected_sha256`, if given).

    Raises InvalidError `manifest`, `not_a_package` or `digest_mismatch`.
    """
    manifest = read_manifest(path / MANIFEST)
    model = path / manifest.model.file
    if model.is_symlink() or not model.is_file():
        raise InvalidError("not_a_package", "The package has no model.onnx.")
    digest = _sha256_of(model)
    if digest != manifest.model.sha256 or digest != (expected_sha256 or digest):
        raise InvalidError("digest_mismatch", "model.onnx is not the file that the manifest (or the zoo) names.")
    return Package(path, manifest)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
