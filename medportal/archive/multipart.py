"""multipart/related (RFC 2387) of requests: parts read from a stream into files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from medportal.archive import storage
from medportal.errors import InvalidError, TooLargeError

CHUNK = 1024 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_PARTS = 20_000


@dataclass(frozen=True)
class Part:
    """One part of a request, its body in an incoming file."""

    content_type: str
    path: Path
    error: TooLargeError | None = None


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a multipart/related type; raises InvalidError."""
    found = re.search(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^;\s]{1,200}))', content_type, re.IGNORECASE)
    if not content_type.lower().startswith("multipart/related") or not found:
        raise InvalidError("unsupported_media_type", "The request must be multipart/related with a boundary.")
    return (found[1] or found[2]).encode("latin-1", "replace")


def read_parts(stream: BinaryIO, boundary: bytes, limit_bytes: int) -> Iterator[Part]:
    """Yield the parts as they come; a part that is too large comes with its error instead of a whole file.

    Raises InvalidError `multipart` where the stream is not what its type says.
    """
    reader = _Reader(stream)
    mark = b"--" + boundary
    if not reader.skip_past(mark):
        raise InvalidError("multipart", "The request does not hold the boundary that it names.")
    for _ in range(MAX_PARTS):
        if reader.peek(2) == b"--":
            return
        header = reader.until(b"\r\n\r\n", MAX_HEADER_BYTES)
        if header is None:
            raise InvalidError("multipart", "A part of the request has no end to its header.")
        yield _read_body(reader, _content_type(header), b"\r\n" + mark, limit_bytes)
    raise InvalidError("multipart", f"The request has more than {MAX_PARTS} parts.")


def _content_type(header: bytes) -> str:
    for line in header.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.strip()
    return ""


def _read_body(reader: _Reader, content_type: str, mark: bytes, limit_bytes: int) -> Part:
    path, size = storage.incoming_dir() / f"{uuid4().hex}.part", 0
    try:
        with path.open("wb") as file:
            for chunk in reader.body(mark):
                size += len(chunk)
                if size <= limit_bytes:
                    file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if size <= limit_bytes:
        return Part(content_type, path)
    path.unlink(missing_ok=True)
    return Part(content_type, path, TooLargeError("object_size", "The object is larger than this site accepts."))


class _Reader:
    """A stream with a look ahead."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            chunk = self._stream.read(CHUNK)
            if not chunk:
                return
            self._buffer += chunk

    def peek(self, size: int) -> bytes:
        self._fill(size)
        return self._buffer[:size]

    def skip_past(self, mark: bytes) -> bool:
        return self.until(mark, CHUNK) is not None

    def until(self, mark: bytes, limit: int) -> bytes | None:
        """Return what stands before `mark`, and step past it; None when it does not come within `limit`."""
        self._fill(limit + len(mark))
        at = self._buffer.find(mark, 0, limit + len(mark))
        if at < 0:
            return None
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    def body(self, mark: bytes) -> Iterator[bytes]:
        """Yield what stands before `mark`, and step past it; raises InvalidError when it never comes."""
        while True:
            self._fill(len(mark) + 1)
            at = self._buffer.find(mark)
            if at >= 0:
                found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
                yield found
                return
            keep = len(mark) - 1
            sure, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
            if sure:
                yield sure
            chunk = self._stream.read(CHUNK)
            if not chunk:
                raise InvalidError("multipart", "The request ends within a part.")
            self._buffer += chunk
