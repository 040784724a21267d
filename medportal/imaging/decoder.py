"""Decodes hostile frames in child processes with limits on memory and time; this module is both ends of their pipes."""

from __future__ import annotations

import json
import os
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import BinaryIO

import numpy as np

from medportal.errors import InvalidError, TooLargeError, UnavailableError
from medportal.imaging.frames import Array, PixelDescription

# The largest frame (128 MB) as codecs hold it: input, output, and room between.
MEMORY_BYTES = 2 * 1024**3
TIMEOUT_S = 20.0
_HEAD = struct.Struct(">II")


def _read_exactly(pipe: BinaryIO, size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Wait until a pipe is ready (or broken: the next call says so); raises TimeoutError at the deadline."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
        raise TimeoutError


class _Child:
    """One decoding process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "medportal.imaging.decoder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # No secret of ours is in its environment, and one thread keeps its memory countable.
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
            },
        )
        assert self._process.stdin
        assert self._process.stdout
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        # A child that does not read must not hold us beyond the deadline.
        os.set_blocking(self._to, False)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, head: bytes, body: bytes, timeout_s: float) -> tuple[dict[str, object], bytearray]:
        """Send a frame and return the answer; raises OSError, EOFError or TimeoutError when the child is lost."""
        deadline = time.monotonic() + timeout_s
        # The child reads all of a request before it answers, so that neither end waits for the other.
        for part in (_HEAD.pack(len(head), len(body)) + head, body):
            self._send(part, deadline)
        head_length, body_length = _HEAD.unpack(self._receive(_HEAD.size, deadline))
        answer = json.loads(self._receive(head_length, deadline))
        return answer, self._receive(body_length, deadline)

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            _wait(self._to, select.POLLOUT, deadline)
            view = view[os.write(self._to, view[: 1 << 16]) :]

    def _receive(self, size: int, deadline: float) -> bytearray:
        data = bytearray()
        while len(data) < size:
            _wait(self._from, select.POLLIN, deadline)
            chunk = os.read(self._from, min(size - len(data), 1 << 20))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait()


class Decoder:
    """Children that decode frames: started when needed, kept, and replaced after a death. Safe for several threads."""

    def __init__(self, *, children: int = 2, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._places = threading.BoundedSemaphore(children)
        self._idle: list[_Child] = []
        self._lock = threading.Lock()

    def decode(self, data: bytes, pixel: PixelDescription) -> Array:
        """Return a frame as `codecs.decode_compressed` does.

        Raises InvalidError `decoding` or `transfer_syntax` when it cannot be decoded, TooLargeError `pixel_limit` when
        its memory does not suffice, UnavailableError `decoder_lost` when the child died or passed its time; the next
        frame gets a new child.
        """
        with self._places:
            child = self._take()
            try:
                head, body = child.ask(json.dumps(asdict(pixel)).encode(), data, self._timeout_s)
            except (OSError, EOFError, ValueError) as error:
                child.end()
                raise UnavailableError("decoder_lost", "The frame could not be decoded within its limits.") from error
            self._give_back(child)
        if "code" in head:
            kind = TooLargeError if head["code"] == "pixel_limit" else InvalidError
            raise kind(str(head["code"]), str(head["detail"]))
        return np.frombuffer(body, np.dtype(str(head["dtype"]))).reshape(head["shape"])  # type: ignore[call-overload, no-any-return]

    def close(self) -> None:
        """End the idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive:
                    return child
                child.end()
        return _Child()

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            self._idle.append(child)


def _answer(head: dict[str, object], body: bytes) -> None:
    text = json.dumps(head).encode()
    out = sys.stdout.buffer
    out.write(_HEAD.pack(len(text), len(body)) + text)
    out.write(body)
    out.flush()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def _limit_next_frame() -> None:
    """Allow the CPU time of one more frame; the parent's clock is the tighter limit, this one survives the parent."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + TIMEOUT_S) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _serve(decode: Callable[[bytes, PixelDescription], Array]) -> None:
    """Answer requests until the pipe closes, which it does when the parent ends, however it ends."""
    _limit()
    source = sys.stdin.buffer
    while True:
        try:
            head_length, body_length = _HEAD.unpack(_read_exactly(source, _HEAD.size))
            pixel = PixelDescription(**json.loads(_read_exactly(source, head_length)))
            data = _read_exactly(source, body_length)
        except EOFError:
            return
        _limit_next_frame()
        try:
            frame = np.ascontiguousarray(decode(data, pixel))
        except InvalidError as error:
            _answer({"code": error.code, "detail": error.detail}, b"")
        except MemoryError:
            _answer({"code": "pixel_limit", "detail": "The frame takes more memory than this site gives it."}, b"")
        else:
            little = frame.astype(frame.dtype.newbyteorder("<"), copy=False)
            _answer({"dtype": little.dtype.str, "shape": frame.shape}, little.tobytes())


if __name__ == "__main__":
    from medportal.imaging.codecs import decode_compressed

    _serve(decode_compressed)
