"""Segmentations as arrays and back: for exports, imports, and results that people go on from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from medportal.accounts.models import User
from medportal.annotations.access import get_label_map
from medportal.annotations.label_maps import array_of
from medportal.annotations.models import Segmentation, Source
from medportal.annotations.segmentations import access, document
from medportal.annotations.segmentations.access import Frame, Origin, State
from medportal.archive.models import Series
from medportal.archive.reading import load_series_stack
from medportal.errors import InvalidError

# Okabe and Ito (2008): told apart by those who see no red or no green as well.
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
Mask = NDArray[np.bool_]


def named(label: str, number: int, **words: Any) -> dict[str, Any]:
    """Return what a segment says of itself where little is known of it."""
    content = {
        "label": label[:64] or f"segment {number}",
        "color": PALETTE[(number - 1) % len(PALETTE)],
        "opacity": 0.5,
        "is_hidden": False,
        "is_locked": False,
        "category": None,
        "type": None,
        "region": None,
        "algorithm": "MANUAL",
        "model": "",
    }
    return content | words


def frames_of(series: Series) -> list[Frame]:
    """Return the frames of a series' stack, in the order of `archive.reading.load_series_volume`."""
    return [(source.sop_instance_uid, source.number) for source in load_series_stack(series)]


def volumes_of(segmentation: Segmentation, frames: Sequence[Frame]) -> Iterable[tuple[int, dict[str, Any], Mask]]:
    """Yield each segment as (number, what it says of itself, voxels (slice, row, column)), slices as `frames` are."""
    state = access.state_of(segmentation)
    place = {frame: index for index, frame in enumerate(frames)}
    by_number: dict[int, list[tuple[int, bytes]]] = {number: [] for number in state.segments}
    for (number, frame), (runs, _) in state.frames.items():
        if frame in place:
            by_number[number].append((place[frame], runs))
    for number, (content, _) in sorted(state.segments.items()):
        volume = np.zeros((len(frames), segmentation.rows, segmentation.columns), bool)
        for index, runs in by_number[number]:
            volume[index] = document.mask_of(runs, segmentation.rows, segmentation.columns)
        yield number, content, volume


def state_of_volumes(
    segments: Mapping[int, dict[str, Any]], volumes: Iterable[tuple[int, Mask]], frames: Sequence[Frame]
) -> State:
    """Return as a state what segments hold: voxels (slice, row, column), slices as `frames` are."""
    state = State({number: (content, 0) for number, content in segments.items()})
    for number, volume in volumes:
        for index in np.flatnonzero(volume.any(axis=(1, 2))).tolist():
            state.frames[number, frames[index]] = (document.runs_of(volume[index]).tobytes(), 0)
    return state


def state_of_label_map(user: User, team_slug: str, set_id: UUID, series: Series) -> tuple[State, Origin]:
    """Return a result's mask as a state, and where it comes from.

    Raises NotFoundError `mask_not_found`; InvalidError `mask_of_other_series` or `mask_shape`.
    """
    label_map = get_label_map(user, team_slug, set_id)
    result = label_map.annotation_set
    if result.series_id != series.pk:
        raise InvalidError("mask_of_other_series", "The mask is of another series.")
    array, frames = array_of(label_map), frames_of(series)
    if len(frames) != len(array):
        raise InvalidError("mask_shape", "The mask has not as many slices as the series has now.")
    is_model = result.source == Source.MODEL
    words = {"algorithm": "AUTOMATIC" if is_model else "MANUAL", "model": result.model}
    if label_map.is_instances:
        names = {int(value): f"{label_map.segments[0]['label']} {value}" for value in np.unique(array) if value}
    else:
        names = {int(one["value"]): str(one["label"]) for one in label_map.segments}
    contents = {number: named(label, number, **words) for number, label in list(names.items())[: access.MOST_SEGMENTS]}
    state = State({number: (content, 0) for number, content in contents.items()})
    for frame, values in zip(frames, array, strict=True):
        # Slice by slice: of a thousand objects few are on each.
        for number in np.unique(values).tolist():
            if number in contents:
                state.frames[number, frame] = (document.runs_of(values == number).tobytes(), 0)
    origin = Origin(result.source if is_model else Source.PERSON, result.model if is_model else "", result.version)
    return state, origin
