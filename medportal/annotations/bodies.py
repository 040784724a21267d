"""Bodies of requests that hold what was drawn: larger than forms, and bounded all the same."""

from __future__ import annotations

import re
import zlib
from io import BytesIO
from json import dumps
from typing import Any, BinaryIO, cast

from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request

from medportal.errors import InvalidError, TooLargeError

MIB = 1024 * 1024
# A NUL as JSON writes it: PostgreSQL keeps none in its texts.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class BoundedJSONParser(JSONParser):
    """JSON of at most `MOST_BYTES`, which no depth of brackets brings down."""

    MOST_BYTES = 8 * MIB

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return what the body says."""
        body = BytesIO(_read(stream, self.MOST_BYTES))
        try:
            return super().parse(body, media_type, parser_context)
        except RecursionError as error:
            raise InvalidError("nesting", "The body holds lists within lists beyond any need.") from error


class BytesParser(BaseParser):
    """Leaves the body alone: the view reads it by `read_body`."""

    media_type = "*/*"

    def parse(self, stream: Any, *_: Any, **__: Any) -> Any:
        """Return the stream."""
        return stream


def read_body(request: Request, most_bytes: int) -> bytes:
    """Return a body, inflated where it comes as gzip; TooLargeError `too_large`, InvalidError `encoding`."""
    body = _read(cast("BinaryIO", request.stream or BytesIO()), most_bytes)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise InvalidError("unsupported_media_type", "The body may come as it is or as gzip.")
    machine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        inflated = machine.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise InvalidError("encoding", "The body is no gzip.") from error
    if len(inflated) > most_bytes:
        raise _too_large(most_bytes)
    if not machine.eof:
        raise InvalidError("encoding", "The body is not whole.")
    return inflated


def _read(stream: BinaryIO, most_bytes: int) -> bytes:
    body = stream.read(most_bytes + 1)
    if len(body) > most_bytes:
        raise _too_large(most_bytes)
    return body


def _too_large(most_bytes: int) -> TooLargeError:
    return TooLargeError("too_large", f"The body may have at most {most_bytes // MIB} MB; send it in parts.")


def require_storable(value: Any, name: str, most_bytes: int) -> None:
    """Refuse JSON that no database keeps or that is too much: InvalidError `text`, TooLargeError `too_large`."""
    try:
        text = dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except (UnicodeEncodeError, ValueError, RecursionError) as error:
        raise InvalidError("text", f"{name} holds text or numbers that are none.") from error
    if _NUL.search(text):
        raise InvalidError("text", f"{name} holds a NUL character.")
    if size > most_bytes:
        raise TooLargeError("too_large", f"{name} may have at most {most_bytes} bytes, but has {size}.")
