"""ONNX Runtime sessions: loaded by path after the gate, kept resident, honest about the provider they use."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from medportal.errors import InvalidError, UnavailableError
from medportal.inference.gate import check_model
from medportal.inference.package import Package

Floats = NDArray[np.float32]
RESIDENT = 4
# What its own arena, C++, and CUDA's libraries say.
_NO_MEMORY = ("failed to allocate memory", "bad_alloc", "bad allocation", "out of memory", "alloc_failed")


class Stop:
    """Ends runs of networks from another thread, at once: also in the midst of a network that takes long."""

    def __init__(self) -> None:
        self.options = onnxruntime.RunOptions()

    def set(self) -> None:
        """End the runs that are going on with it, and let no other begin."""
        self.options.terminate = True


class Session:
    """A network ready to run, as it was trained or in one of its variants' precision (`fp16`, `int8`).

    Whatever the precision, inputs and outputs are float32.
    """

    def __init__(
        self, package: Package, precision: str | None = None, *, threads: int | None = None, use_gpu: bool = True
    ) -> None:
        self.precision = precision or ""
        path, self.sha256 = package.file_of(self.precision)
        check_model(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        # Threads that wait sleep: the machine is shared with the web process and with training.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=_wanted_providers(use_gpu))
        except Exception as error:
            _require_memory(error)
            raise InvalidError("model_cannot_be_loaded", "ONNX Runtime cannot load this model.") from error
        self._model = package.manifest.model
        self._require_names()
        self.package = package

    def _require_names(self) -> None:
        """Refuse a network that does not have the input and outputs that its manifest names."""
        there = {one.name for one in (*self._session.get_inputs(), *self._session.get_outputs())}
        for name in (*self._model.inputs, *self._model.outputs):
            if name not in there:
                raise InvalidError("model_cannot_be_loaded", f"The network has no {name!r}, which its manifest names.")

    @property
    def provider(self) -> str:
        """The execution provider that really runs the network."""
        return str(self._session.get_providers()[0]).removesuffix("ExecutionProvider")

    def run(self, *inputs: NDArray[Any], stop: Stop | None = None) -> dict[str, Floats]:
        """Return the outputs by name, for inputs in the manifest's order, each (batch, …).

        Raises InvalidError `model_failed` where the network does not take them, answers with what is no number, or was
        stopped; UnavailableError `memory` where there is too little of it.
        """
        named, options = dict(zip(self._model.inputs, inputs, strict=True)), stop.options if stop else None
        try:
            answers = self._session.run(list(self._model.outputs), named, options)
        except Exception as error:
            _require_memory(error)
            raise InvalidError("model_failed", "The network cannot be run on samples of this shape.") from error
        if not all(np.isfinite(answer).all() for answer in answers):
            raise InvalidError("model_failed", "The network's answer is not a number.")
        return {
            name: answer.astype(np.float32, copy=False)
            for name, answer in zip(self._model.outputs, answers, strict=True)
        }


def _require_memory(error: Exception) -> None:
    """Raise UnavailableError `memory` where that is what ONNX Runtime, which says so in words alone, has run out of."""
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
        raise UnavailableError("memory", "There was not enough memory to run the network.") from error


def _wanted_providers(use_gpu: bool) -> list[str]:
    """Return CUDA before CPU where a GPU may be there; what comes of it is asked of the session."""
    if not use_gpu or "CUDAExecutionProvider" not in onnxruntime.get_available_providers() or not _has_nvidia_device():
        return ["CPUExecutionProvider"]
    if hasattr(onnxruntime, "preload_dlls"):
        # CUDA and cuDNN lie in the wheels that torch brings along.
        onnxruntime.preload_dlls()
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]


def _has_nvidia_device() -> bool:
    """Say whether the driver shows a device: without one, asking for CUDA only prints errors."""
    return os.path.exists("/dev/nvidia0") or os.path.exists("/proc/driver/nvidia/gpus") or os.name == "nt"  # noqa: PTH110


class ResidentSessions:
    """The sessions last used, by package: loading a model is what takes long. Safe for several threads."""

    def __init__(self, limit: int = RESIDENT) -> None:
        self._limit = limit
        # By folder too: two versions may hold one network under two manifests.
        self._sessions: OrderedDict[tuple[Path, str, str], Session] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, package: Package, precision: str = "") -> Session:
        """Return the package's session in a precision, loaded at its first use; raises as `Session`."""
        # Asked each time: the file must still be the one that was entered.
        _, sha256 = package.file_of(precision)
        with self._lock:
            key = (package.path, package.sha256, sha256)
            session = self._sessions.pop(key, None) or Session(package, precision)
            self._sessions[key] = session
            while len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)
            return session


def check_golden(package: Package, *, tolerance: float = 1e-3) -> float:
    """Run the golden input and return the largest difference; raises InvalidError `golden` above the tolerance.

    The tolerance is a part of the largest expected value, where that is above 1.
    """
    difference = _golden_difference(package, "")
    # NaN is no agreement either: the comparison fails for it.
    if not difference <= tolerance:
        raise InvalidError("golden", f"The golden input gives another output (largest difference {difference:.2g}).")
    return difference


def check_variants(package: Package) -> dict[str, float]:
    """Run the golden input through each variant; return precision → largest difference to the golden output.

    What a variant loses is in the manifest; here it must be the file that was entered, and answer in numbers of the
    right shapes. Raises InvalidError `digest_mismatch`, `model_failed`, `golden`, and as `Session`.
    """
    differences = {one.precision: _golden_difference(package, one.precision) for one in package.manifest.variants}
    for precision, difference in differences.items():
        if not np.isfinite(difference):
            raise InvalidError("golden", f"The golden input gives output of another shape in {precision}.")
    return differences


def _golden_difference(package: Package, precision: str) -> float:
    """Return the largest difference to the golden output, infinite where a shape differs, NaN where a value is none."""
    inputs, expected = package.golden()
    answers = Session(package, precision, use_gpu=False).run(*inputs)
    difference = 0.0
    for name, wanted in expected.items():
        got = answers[name]
        scale = max(1.0, float(np.abs(wanted).max())) if wanted.size else 1.0
        here = float(np.abs(got - wanted).max(initial=0)) / scale if got.shape == wanted.shape else float("inf")
        difference = here if not here <= difference else difference
    return difference
