"""The same network in less space: half precision and eight-bit integers, with what that costs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

from medportal.errors import MedportalError
from medportal.inference.manifest import Manifest, Variant
from medportal.inference.package import open_package
from medportal.inference.session import Session
from medportal.learning.assess import evaluation_for, read_records
from medportal.learning.package_writer import write_manifest
from medportal.learning.recipes import RECIPES
from medportal.learning.store import Prepared
from medportal.learning.tasks.base import Task

log = logging.getLogger(__name__)
# Series that are measured at most, and batches from which the range of each value is learnt.
MEASURED, CALIBRATED = 60, 16


def write_variants(folder: Path, manifest: Manifest, task: Task, kind: str, check: Callable[[], None]) -> Manifest:
    """Write model.fp16.onnx and model.int8.onnx beside the network and return the manifest that names them.

    Each is measured on the same series as the full network. One that cannot be made or run is left out.
    """
    made = {}
    for precision, write in (("fp16", _write_half), ("int8", _write_integers)):
        check()
        path = folder / f"model.{precision}.onnx"
        try:
            write(folder / manifest.model.file, path, task)
        except Exception:
            log.exception("The variant %s cannot be made.", precision)
            path.unlink(missing_ok=True)
            continue
        made[precision] = Variant(precision, path.name, _digest(path), RECIPES[manifest.task].headline, None, None)
    listed = _measured(folder, replace(manifest, variants=tuple(made.values())), task.prepared, kind, check)
    return replace(manifest, variants=listed)


def _measured(
    folder: Path, manifest: Manifest, prepared: Prepared, kind: str, check: Callable[[], None]
) -> tuple[Variant, ...]:
    write_manifest(folder, manifest)
    package, recipe = open_package(folder), RECIPES[manifest.task]
    numbers = prepared.of_split(prepared.measured_split)
    numbers = [numbers[k] for k in np.unique(np.linspace(0, len(numbers) - 1, MEASURED).astype(int))]

    def value(precision: str | None) -> float | None:
        session = Session(package, use_gpu=False, precision=precision)
        evaluation = evaluation_for(session, prepared, kind, numbers)
        figures = evaluation.figures(read_records(session, prepared, evaluation, numbers, check), rounds=1)
        found = figures.overall.get(recipe.headline)
        return found.value if found else None

    full = value(None)
    listed = []
    for variant in manifest.variants:
        try:
            here = value(variant.precision)
        except MedportalError:
            log.exception("The variant %s cannot be run.", variant.precision)
            (folder / variant.file).unlink(missing_ok=True)
            continue
        loss = None if full is None or here is None else (full - here if recipe.more_is_better else here - full)
        listed.append(replace(variant, value=here, loss=loss))
    return tuple(listed)


def _write_half(source: Path, target: Path, task: Task) -> None:  # noqa: ARG001 - nothing is calibrated
    """Write the network with weights and values of 16 bits; inputs and outputs stay as they are."""
    model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    # A constant that several nodes share was cast for each of them, under one and the same name.
    made: set[str] = set()
    for node in list(model.graph.node):
        if made.intersection(node.output):
            model.graph.node.remove(node)
        made.update(node.output)
    target.write_bytes(model.SerializeToString(deterministic=True))


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    """The first validation batches, as the quantiser wants them."""

    def __init__(self, names: tuple[str, ...], batches: Iterator[tuple[NDArray[np.generic], ...]]) -> None:
        self._names, self._batches, self._left = names, batches, CALIBRATED

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Return the next batch, or None after the last."""
        self._left -= 1
        inputs = next(self._batches, None) if self._left >= 0 else None
        return None if inputs is None else dict(zip(self._names, inputs, strict=True))


def _write_integers(source: Path, target: Path, task: Task) -> None:
    """Write the network with convolutions of eight-bit integers (QDQ), ranges learnt from validation samples."""
    prepared = target.with_suffix(".prepared")
    try:
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            _Samples(task.export().inputs, task.parity_batches()),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "ConvTranspose", "Gemm", "MatMul"],
        )
    finally:
        prepared.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
