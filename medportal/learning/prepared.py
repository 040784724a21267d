"""Writes the prepared folder of a training run: series in, samples' arrays and index out. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.marks import Box, box_of
from medportal.imaging.volumes import Volume
from medportal.inference.manifest import InputSpec
from medportal.inference.preprocess import check_fit, prepare_mask, prepare_volume

IMAGES, MASKS, INDEX = "images.raw", "masks.raw", "index.json"


@dataclass(frozen=True)
class SeriesToPrepare:
    """A series of a cohort with its truth; what its kind of cohort does not know is empty."""

    volume: Volume
    series_uid: str
    group: str
    split: str
    label: str = ""
    # All classes that apply, where several may.
    labels: tuple[str, ...] = ()
    # By SOP Instance UID; empty: each slice has the series' label.
    slice_labels: dict[str, str] = field(default_factory=dict)
    # (slice, row, column): 0 background, k the k-th class; of instances, the number of the object.
    mask: NDArray[np.uint16] | None = None
    is_instances: bool = False
    # In voxel edges of the stack.
    boxes: tuple[Box, ...] = ()
    # Sex, age band and manufacturer, as far as they are known: figures are told by them.
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A prepared series: where its values lie in the files, and its truth."""

    series_uid: str
    group: str
    split: str
    # (channels, slices, rows, columns), and the place of the first value in images.raw and masks.raw, in values.
    shape: tuple[int, int, int, int]
    offset: int
    mask_offset: int | None
    # Whether the mask numbers objects of one class.
    is_instances: bool
    label: str
    labels: tuple[str, ...]
    # For each slice: its SOP Instance UID, and its class; None for a slice that takes no part in training.
    slice_uids: tuple[str, ...]
    slice_labels: tuple[str | None, ...]
    # In voxel edges of the prepared series: (class, low z, y, x, high z, y, x).
    boxes: tuple[tuple[str, float, float, float, float, float, float], ...]
    spacing_mm_zyx: tuple[float, float, float]
    # What the stack was before it was prepared: (slices, rows, columns), and where it lies (see `Grid`).
    stack_shape: tuple[int, int, int]
    step: tuple[float, float, float]
    origin: tuple[float, float, float]


def write_prepared(
    folder: Path, spec: InputSpec, series: Iterable[SeriesToPrepare], *, whole: Collection[str] = ("test",)
) -> int:
    """Prepare every series into `folder`, one after the other in memory; return the number of slices.

    Files are written as they grow, so that a cohort larger than memory can be prepared. The series of the splits in
    `whole` are kept as they come as well: they are measured as they will be when the model is run. Raises InvalidError
    `mask_shape`, naming the series, and what `preprocess` raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items: list[Item] = []
    with (folder / IMAGES).open("wb") as images, (folder / MASKS).open("wb") as masks:
        for one in series:
            items.append(_write(one, spec, images, masks))
            if one.split in whole:
                _keep_whole(folder, len(items) - 1, one)
    (folder / INDEX).write_text(json.dumps([asdict(item) for item in items]))
    return sum(item.shape[1] for item in items)


def _keep_whole(folder: Path, number: int, one: SeriesToPrepare) -> None:
    """Write a series as it is: its arrays, and the rest as JSON."""
    arrays = {"array": one.volume.array} | ({} if one.mask is None else {"mask": one.mask})
    document = asdict(replace(one, mask=None, volume=replace(one.volume, array=np.zeros(0, np.int16))))
    del document["mask"], document["volume"]["array"]
    np.savez(folder / f"whole-{number}.npz", **arrays)  # type: ignore[arg-type]
    (folder / f"whole-{number}.json").write_text(json.dumps(document))


def read_whole(folder: Path, number: int) -> SeriesToPrepare | None:
    """Return a series as it came; None where it was not kept."""
    path = folder / f"whole-{number}.json"
    if not path.is_file():
        return None
    document = json.loads(path.read_text())
    with np.load(folder / f"whole-{number}.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    volume: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in document["volume"].items()}
    return SeriesToPrepare(
        **{
            **document,
            "volume": Volume(array=arrays["array"], **volume),
            "labels": tuple(document["labels"]),
            "mask": arrays.get("mask"),
            "boxes": tuple(box_of(box) for box in document["boxes"]),
        }
    )


def _write(one: SeriesToPrepare, spec: InputSpec, images: IO[bytes], masks: IO[bytes]) -> Item:
    volume = one.volume
    check_fit(spec, modality=volume.modality, slices=volume.number_of_slices, colour=volume.is_colour)
    prepared, grid = prepare_volume(spec, volume)
    offset = images.tell() // 2
    images.write(np.ascontiguousarray(prepared, np.float16).tobytes())
    mask_offset = None
    if one.mask is not None:
        if one.mask.shape != volume.array.shape[:3]:
            raise InvalidError(
                "mask_shape",
                f"The mask of series {one.series_uid} is {one.mask.shape}, its images are {volume.array.shape[:3]}.",
            )
        mask_offset = masks.tell() // 2
        masks.write(np.ascontiguousarray(prepare_mask(spec, grid, one.mask)).tobytes())
    boxes = [grid.box_from_stack(box) for box in one.boxes]
    shape = prepared.shape
    return Item(
        series_uid=one.series_uid,
        group=one.group,
        split=one.split,
        shape=(shape[0], shape[1], shape[2], shape[3]),
        offset=offset,
        mask_offset=mask_offset,
        is_instances=one.is_instances,
        label=one.label,
        labels=one.labels,
        slice_uids=volume.sop_instance_uids,
        slice_labels=tuple(
            one.slice_labels.get(uid) if one.slice_labels else one.label for uid in volume.sop_instance_uids
        ),
        boxes=tuple((box.label, *box.low, *box.high) for box in boxes),
        spacing_mm_zyx=_spacing(grid.step, volume.spacing_mm_zyx),
        stack_shape=(volume.array.shape[0], volume.array.shape[1], volume.array.shape[2]),
        step=grid.step,
        origin=grid.origin,
    )


def _spacing(step: tuple[float, float, float], spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    z, y, x = (a * b for a, b in zip(step, spacing, strict=True))
    return (z, y, x)


def item_of(document: dict[str, Any]) -> Item:
    """Return the item that a line of the index describes."""
    lists = ("shape", "labels", "slice_uids", "slice_labels", "spacing_mm_zyx", "stack_shape", "step", "origin")
    return Item(
        **{
            **document,
            **{name: tuple(document[name]) for name in lists},
            "boxes": tuple(tuple(box) for box in document["boxes"]),
        }
    )
