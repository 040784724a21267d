"""Unpacks the arrays of NPZ files that are asked for, within limits, and nothing that would have to be unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError, TooLargeError
from medportal.imaging.limits import MIB

# One array, and all that are read of a file, unpacked: they lie in memory together.
ARRAY_BYTES, ARRAYS_BYTES = 2048 * MIB, 4096 * MIB
_MOST_MEMBERS = 64
_MOST_HEADER = 10_000


def array_names(path: Path) -> list[str]:
    """Return the names of a file's arrays; InvalidError `npz` where it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except (OSError, zipfile.BadZipFile) as error:
        raise _broken(path) from error


def read_arrays(path: Path, is_wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names are wanted, each checked against the limits before it is unpacked.

    Raises InvalidError `npz`, TooLargeError `array_size` where one of them, or all together, would find no room.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            members = [info for info in members if is_wanted(info.filename.removesuffix(".npy"))]
            if len(members) > _MOST_MEMBERS:
                raise InvalidError("npz", f"“{path.name}” holds more than {_MOST_MEMBERS} arrays.")
            if sum(info.file_size for info in members) > ARRAYS_BYTES:
                detail = f"The arrays of “{path.name}” unpack to more than {ARRAYS_BYTES // MIB} MB."
                raise TooLargeError("array_size", detail)
            return {info.filename.removesuffix(".npy"): _array(archive, info) for info in members}
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise _broken(path) from error


def _broken(path: Path) -> InvalidError:
    return InvalidError("npz", f"“{path.name}” is no NPZ file, or is broken.")


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    if info.file_size > ARRAY_BYTES:
        raise TooLargeError("array_size", f"“{info.filename}” unpacks to more than {ARRAY_BYTES // MIB} MB.")
    try:
        with archive.open(info) as file:
            shape, is_fortran, dtype = _header(file)
            count = int(np.prod(shape, dtype=np.float64))
            if dtype.hasobject or min(shape, default=0) < 0 or count * dtype.itemsize > info.file_size:
                raise InvalidError("npz", f"“{info.filename}” is no plain array, or is cut short.")
            data = file.read(count * dtype.itemsize)
    except (ValueError, TypeError, SyntaxError) as error:
        raise InvalidError("npz", f"“{info.filename}” is no plain array.") from error
    if len(data) < count * dtype.itemsize:
        raise InvalidError("npz", f"“{info.filename}” is cut short.")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file, _MOST_HEADER)
    return np.lib.format.read_array_header_2_0(file, _MOST_HEADER)
