"""Reads NIfTI and NRRD files within limits: sizes are checked against the bytes that are there before arrays are made."""

from __future__ import annotations

import bz2
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import nibabel
import nrrd
import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError, MedportalError, TooLargeError
from medportal.imaging.limits import MIB
from medportal.imaging.voxel_grids import VOLUME_BYTES, VoxelGrid, checked

SUFFIXES = (".nii", ".nii.gz", ".nrrd")
_HEADER_BYTES = MIB
# Names of types in NRRD (Teem's nrrd format, 5.4).
_NRRD_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "int64", "int64_t"), "i8"),
    "float": "f4",
    "double": "f8",
}
# Signs that turn a space's axes into RAS.
_SPACES = {"left-posterior-superior": (-1, -1, 1), "lps": (-1, -1, 1), "right-anterior-superior": (1, 1, 1)}
_SPACES |= {"ras": (1, 1, 1), "left-anterior-superior": (-1, 1, 1), "las": (-1, 1, 1)}


def is_volume_file(name: str) -> bool:
    """Say whether a file is read here, by its name."""
    return name.lower().endswith(SUFFIXES)


def read_volume_file(data: bytes, *, has_channels: bool = False) -> VoxelGrid:
    """Return the grid in a NIfTI (1 or 2, gzip or not) or an NRRD with its data within.

    With `has_channels` a NIfTI of four dimensions is its first volume.

    Raises InvalidError `volume_file` where it is none or broken, `volume` where it is no single volume of numbers;
    TooLargeError `volume_size`.
    """
    try:
        if data[:4] == b"NRRD":
            return _read_nrrd(data)
        return _read_nifti(_inflated(data) if data[:2] == b"\x1f\x8b" else data, has_channels=has_channels)
    except (MedportalError, MemoryError):
        raise
    except Exception as error:
        # Parsers of others' raise what they like on what is broken.
        raise InvalidError("volume_file", "It is no NIfTI or NRRD file, or is broken.") from error


def attached(header: bytes, read: Callable[[str], bytes]) -> bytes:
    """Return a detached NRRD header (.nhdr) as an NRRD with its data within; `read` gives the file that it names.

    Raises InvalidError `volume_file` where it names none, several, or one in another folder; and what `read` raises.
    """
    lines = header[:_HEADER_BYTES].split(b"\n\n", 1)[0].splitlines()
    found = [line for line in lines if re.match(rb"data ?file:", line)]
    name = found[0].split(b":", 1)[1].strip().decode("utf-8", "replace") if len(found) == 1 else ""
    if not name or any(sign in name for sign in "/\\\0% ") or name.upper() == "LIST":
        raise InvalidError("volume_file", "It is a header that names no single file in its own folder as its data.")
    return b"\n".join(line for line in lines if line and line not in found) + b"\n\n" + read(name)


def _too_large() -> TooLargeError:
    return TooLargeError("volume_size", f"It unpacks to more than {VOLUME_BYTES // MIB} MB.")


def _inflated(data: bytes) -> bytes:
    machine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    out = machine.decompress(data, VOLUME_BYTES + 1)
    if len(out) > VOLUME_BYTES:
        raise _too_large()
    if not machine.eof:
        raise InvalidError("volume_file", "It is cut short.")
    return out


def _read_nifti(data: bytes, *, has_channels: bool) -> VoxelGrid:
    is_second = struct.unpack("<i", data[:4])[0] == 540 or struct.unpack(">i", data[:4])[0] == 540
    kind = nibabel.Nifti2Image if is_second else nibabel.Nifti1Image
    header = kind.header_class.from_fileobj(BytesIO(data), check=True)  # type: ignore[no-untyped-call]
    shape, dtype = header.get_data_shape(), header.get_data_dtype()
    _require_bytes(shape, dtype, len(data) - int(header["vox_offset"]))
    image = kind.from_bytes(data)
    return checked(_scaled(image.dataobj), np.asarray(image.affine, np.float64), has_channels=has_channels)


def _scaled(stored: Any) -> NDArray[Any]:
    """Return the values of a NIfTI's array; where they are scaled, in the narrowest type that holds them, if there is room."""
    raw: NDArray[Any] = np.asanyarray(stored.get_unscaled())
    if (stored.slope, stored.inter) == (1.0, 0.0) or raw.dtype.kind not in "iuf":
        return raw
    wide = np.dtype(np.float32 if raw.dtype.itemsize <= 2 else np.float64)
    _require_bytes(raw.shape, wide, VOLUME_BYTES)
    values = raw.astype(wide)
    values *= stored.slope
    values += stored.inter
    return values


def _require_bytes(shape: tuple[int, ...], dtype: np.dtype[Any], there: int) -> int:
    """Return how many bytes an array takes; refuse one of more than are there, or than the limit."""
    if dtype.hasobject or min(shape, default=0) < 1:
        raise InvalidError("volume", f"It is no volume of numbers, but {dtype} {shape}.")
    size = int(np.prod([float(side) for side in shape])) * dtype.itemsize
    if size > VOLUME_BYTES:
        raise _too_large()
    if there < size:
        raise InvalidError("volume_file", "It is cut short.")
    return size


def _read_nrrd(data: bytes) -> VoxelGrid:
    ends = [(at, mark) for mark in (b"\n\n", b"\r\n\r\n") if (at := data.find(mark, 0, _HEADER_BYTES)) >= 0]
    if not ends:
        raise InvalidError("volume_file", "It has no data after its header; a header alone is not read.")
    at, mark = min(ends)
    start = at + len(mark)
    header = nrrd.read_header(BytesIO(data[:start]))
    if "data file" in header or "datafile" in header:
        # Its data would be in any file that it cares to name.
        raise InvalidError("volume_file", "Its data are in another file, which is not read.")
    if any(int(header.get(key, 0)) for key in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise InvalidError("volume_file", "It skips lines or bytes, which is not read.")
    shape = tuple(int(side) for side in header["sizes"])
    order = ">" if str(header.get("endian", "little")).lower() == "big" else "<"
    dtype = np.dtype(order + _NRRD_TYPES[str(header["type"]).lower()])
    raw = _nrrd_data(data[start:], str(header["encoding"]).lower(), _require_bytes(shape, dtype, VOLUME_BYTES))
    array: NDArray[Any] = np.frombuffer(raw, dtype).reshape(shape, order="F")
    return checked(array.astype(dtype.newbyteorder("=")), _nrrd_affine(header, len(shape)))


def _nrrd_data(data: bytes, encoding: str, size: int) -> bytes:
    if encoding in ("gzip", "gz"):
        data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, size)
    elif encoding in ("bzip2", "bz2"):
        data = bz2.BZ2Decompressor().decompress(data, size)
    elif encoding != "raw":
        raise InvalidError("volume_file", f"Its encoding “{encoding[:20]}” is not read.")
    if len(data) < size:
        raise InvalidError("volume_file", "It is cut short.")
    return data[:size]


def _nrrd_affine(header: Mapping[str, Any], dimensions: int) -> NDArray[np.float64]:
    """Return the affine to RAS; where the file says no space, LPS, as ITK does."""
    affine = np.eye(4)
    if "space directions" in header:
        directions = np.asarray(header["space directions"], float)
        if directions.shape != (3, 3) or dimensions != 3:
            raise InvalidError("volume", "It is no single volume in space.")
        affine[:3, :3] = directions.T
    elif "spacings" in header:
        affine[:3, :3] = np.diag(np.asarray(header["spacings"], float)[:3])
    affine[:3, 3] = np.asarray(header.get("space origin", (0.0, 0.0, 0.0)), float)
    signs = _SPACES.get(str(header.get("space", "lps")).lower())
    if signs is None:
        raise InvalidError("volume", f"Its space “{str(header['space'])[:40]}” is not known here.")
    affine[:3] *= np.asarray(signs, float)[:, None]
    return affine
