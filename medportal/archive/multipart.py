"""multipart/related (RFC 2387) of requests: parts read from a stream into files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from medportal.archive import storage
from medportal.errors import InvalidError, MedportalError, TooLargeError, UnavailableError

CHUNK = 1024 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_PARTS = 20_000


@dataclass(frozen=True)
class Part:
    """One part of a request, its body in an incoming file."""

    content_type: str
    path: Path | None
    # Why there is no file.
    error: MedportalError | None = None


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a multipart/related type; raises InvalidError."""
    found = re.search(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^;\s]{1,200}))', content_type, re.IGNORECASE)
    if not content_type.lower().startswith("multipart/related") or not found:
        raise InvalidError("unsupported_media_type", "The request must be multipart/related with a boundary.")
    return (found[1] or found[2]).encode("latin-1", "replace")


def read_parts(stream: BinaryIO, boundary: bytes, limit_bytes: int) -> Iterator[Part]:
    """Yield the parts as they come; one that is too large, or finds no place, comes with its error instead of a file.

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
    chunks = reader.body(mark)
    try:
        return Part(content_type, storage.receive(chunks, limit_bytes))
    except (TooLargeError, UnavailableError) as error:
        # The next part begins after the rest of this one.
        for _ in chunks:
            pass
        return Part(content_type, None, error)


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
