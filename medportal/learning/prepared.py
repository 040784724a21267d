"""Writes the prepared folder of a training run: volumes in, slices and index out. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from medportal.imaging.volumes import Volume
from medportal.inference.manifest import InputSpec
from medportal.inference.preprocess import prepare_volume

SLICES, INDEX = "slices.npy", "index.json"


@dataclass(frozen=True)
class SliceRow:
    """What a prepared slice is; `label` is None for a slice that takes no part in training."""

    series_uid: str
    group: str
    split: str
    slice_index: int
    sop_instance_uid: str
    label: str | None
    series_label: str


@dataclass(frozen=True)
class SeriesToPrepare:
    """A series of a cohort: its labels by SOP Instance UID (empty: each slice has the series' label)."""

    volume: Volume
    series_uid: str
    group: str
    split: str
    label: str
    slice_labels: dict[str, str]


def input_spec(config: dict[str, object], modalities: Iterable[str]) -> InputSpec:
    """Return the declarative preparation that a recipe's configuration asks for."""
    size = int(config["size"])  # type: ignore[call-overload]
    return InputSpec(
        modalities=tuple(sorted(set(modalities))),
        minimum_slices=int(config["minimum_slices"]),  # type: ignore[call-overload]
        window=(float(config["window_low"]), float(config["window_high"])),  # type: ignore[arg-type]
        pixel_mm=float(config["pixel_mm"]),  # type: ignore[arg-type]
        size=(size, size),
        context=int(config["context"]),  # type: ignore[call-overload]
    )


def write_prepared(folder: Path, spec: InputSpec, series: Iterable[SeriesToPrepare]) -> int:
    """Prepare every series into `folder`, one after the other in memory; return the number of slices.

    The array is written as it grows, so that a cohort larger than memory can be prepared.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[SliceRow] = []
    raw = folder / "slices.raw"
    with raw.open("wb") as file:
        for one in series:
            file.write(np.ascontiguousarray(prepare_volume(spec, one.volume), np.float16).tobytes())
            rows += [
                SliceRow(
                    series_uid=one.series_uid,
                    group=one.group,
                    split=one.split,
                    slice_index=index,
                    sop_instance_uid=uid,
                    label=one.slice_labels.get(uid) if one.slice_labels else one.label,
                    series_label=one.label,
                )
                for index, uid in enumerate(one.volume.sop_instance_uids)
            ]
    shape = (len(rows), *spec.size)
    header = np.lib.format.open_memmap(folder / SLICES, mode="w+", dtype=np.float16, shape=shape)
    header[:] = np.memmap(raw, np.float16, "r", shape=shape) if rows else 0
    header.flush()
    raw.unlink()
    (folder / INDEX).write_text(json.dumps([asdict(row) for row in rows]))
    return len(rows)
