"""Decodes hostile frames in a child process with limits on memory and time; this module is both ends of its pipe."""

from __future__ import annotations

import json
import resource
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import BinaryIO

import numpy as np

from medportal.errors import InvalidError, UnavailableError
from medportal.imaging.frames import Array, PixelDescription

MEMORY_BYTES = 3 * 1024**3
TIMEOUT_S = 20.0
_HEAD = struct.Struct(">II")


def _write(pipe: BinaryIO, head: dict[str, object], body: bytes) -> None:
    text = json.dumps(head).encode()
    pipe.write(_HEAD.pack(len(text), len(body)) + text)
    pipe.write(body)
    pipe.flush()


def _read(pipe: BinaryIO) -> tuple[dict[str, object], bytes] | None:
    """Read one message; None at the end of the pipe."""
    lengths = pipe.read(_HEAD.size)
    if len(lengths) < _HEAD.size:
        return None
    head, body = _HEAD.unpack(lengths)
    return json.loads(pipe.read(head)), pipe.read(body)


class Decoder:
    """A child that decodes frames, started when first needed, and anew after it died. Safe for several threads."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def decode(self, data: bytes, pixel: PixelDescription) -> Array:
        """Return the frame as (rows, columns) or (rows, columns, samples).

        Raises InvalidError `decoding` when it cannot be decoded, UnavailableError `decoder_lost` when the child died
        or passed its time; the next frame gets a new child.
        """
        with self._lock:
            return self._decode(data, pixel)

    def _decode(self, data: bytes, pixel: PixelDescription) -> Array:
        child = self._started()
        watchdog = threading.Timer(self._timeout_s, child.kill)
        watchdog.start()
        try:
            assert child.stdin and child.stdout
            _write(child.stdin, asdict(pixel), data)
            answer = _read(child.stdout)
        except OSError:
            answer = None
        finally:
            watchdog.cancel()
        if answer is None:
            self.close()
            raise UnavailableError("decoder_lost", "The frame could not be decoded within its limits.")
        head, body = answer
        if "error" in head:
            raise InvalidError(str(head["code"]), str(head["error"]))
        return np.frombuffer(body, np.dtype(str(head["dtype"]))).reshape(head["shape"])  # type: ignore[call-overload, no-any-return]

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "medportal.imaging.decoder"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(filter(None, sys.path))},
            )
        return self._child

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def _serve(decode: Callable[[bytes, PixelDescription], Array]) -> None:
    """Answer requests until the pipe closes, which it does when the parent ends, however it ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    while (request := _read(sys.stdin.buffer)) is not None:
        head, body = request
        try:
            frame = np.ascontiguousarray(decode(body, PixelDescription(**head)))  # type: ignore[arg-type]
        except (InvalidError, MemoryError) as error:
            code = getattr(error, "code", "pixel_limit")
            _write(sys.stdout.buffer, {"error": str(error) or "out of memory", "code": code}, b"")
        else:
            _write(sys.stdout.buffer, {"dtype": frame.dtype.str, "shape": frame.shape}, frame.tobytes())


if __name__ == "__main__":
    from medportal.imaging.codecs import decode_compressed

    _serve(decode_compressed)
