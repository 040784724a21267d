"""Bodies of answers: small ones whole, large ones streamed, so that no object has to fit into memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

STEP = 1024 * 1024
# Larger bodies are streamed.
WHOLE_BYTES = 8 * STEP


@dataclass(frozen=True)
class FileRange:
    """Bytes that lie in a file."""

    path: Path
    offset: int
    length: int


Piece = bytes | FileRange


@dataclass(frozen=True)
class Part:
    """One part of a multipart answer, or a whole answer."""

    content_type: str
    pieces: tuple[Piece, ...]

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return sum(len(p) if isinstance(p, bytes) else p.length for p in self.pieces)


def respond(part: Part, headers: dict[str, str]) -> HttpResponseBase:
    """Return an answer that is one part alone."""
    return _response(part.pieces, part.size_bytes, part.content_type, headers)


def respond_multipart(parts: Sequence[Part], type_: str, headers: dict[str, str]) -> HttpResponseBase:
    """Return an answer in parts (RFC 2387)."""
    boundary = uuid4().hex
    pieces: list[Piece] = []
    for part in parts:
        head = f"--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Length: {part.size_bytes}\r\n\r\n"
        pieces += [head.encode(), *part.pieces, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    size = sum(len(p) if isinstance(p, bytes) else p.length for p in pieces)
    return _response(pieces, size, f'multipart/related; type="{type_}"; boundary={boundary}', headers)


def _response(pieces: Sequence[Piece], size_bytes: int, content_type: str, headers: dict[str, str]) -> HttpResponseBase:
    if size_bytes <= WHOLE_BYTES:
        return HttpResponse(b"".join(_chunks(pieces)), content_type=content_type, headers=headers)
    response = StreamingHttpResponse(_stream(pieces), content_type=content_type, headers=headers)
    response["Content-Length"] = str(size_bytes)
    return response


def _chunks(pieces: Sequence[Piece]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        with piece.path.open("rb", buffering=0) as file:
            file.seek(piece.offset)
            left = piece.length
            while left and (chunk := file.read(min(left, STEP))):
                left -= len(chunk)
                yield chunk


async def _stream(pieces: Sequence[Piece]) -> AsyncIterator[bytes]:
    """Yield chunk after chunk, reading in threads: Django gathers a plain iterator before it sends the first byte."""
    chunks = _chunks(pieces)
    while chunk := await asyncio.to_thread(next, chunks, b""):
        yield chunk
