"""How far a mask is from the true one: overlap, distance of surfaces, and objects found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from medportal.learning.metrics.figures import (
    ROUNDS,
    Figures,
    Floats,
    Measured,
    mean_of_told,
    ratio,
    resample,
    weighted_mean,
)

Mask = NDArray[np.integer[Any]]
Spacing = tuple[float, float, float]
OBJECT_IOU = 0.5
# Surface distances within this are right: about a voxel of a clinical CT.
TOLERANCE_MM = 2.0


@dataclass(frozen=True)
class Overlap:
    """What one segment of one case is worth; NaN where neither mask holds it, and so nothing can be said."""

    dice: float = np.nan
    iou: float = np.nan
    hd95: float = np.nan
    surface_dice: float = np.nan


MEASURES = tuple(one.name for one in fields(Overlap))


@dataclass(frozen=True)
class Objects:
    """Objects of one case: found, missed, and called where there is none."""

    hits: int
    missed: int
    false: int


def overlap(
    truth: NDArray[np.bool_], found: NDArray[np.bool_], spacing: Spacing, *, tolerance: float = TOLERANCE_MM
) -> Overlap:
    """Return the measures of two masks (slice, row, column) with the spacing in mm (or 1, 1, 1 for voxels).

    Dice 1945 and Jaccard 1901; HD95: the greater of both directions' 95th percentiles of the distances between
    surfaces (Huttenlocher et al. 1993; Taha and Hanbury 2015); surface Dice: the part of both surfaces that lies within
    `tolerance` of the other (Nikolov et al. 2018). Both empty: not defined. One empty: 0, 0, the image's diagonal, 0.
    """
    sizes = int(truth.sum()), int(found.sum())
    if not any(sizes):
        return Overlap()
    if not all(sizes):
        diagonal = float(np.linalg.norm(np.multiply(truth.shape, spacing)))
        return Overlap(dice=0.0, iou=0.0, hd95=diagonal, surface_dice=0.0)
    shared = int((truth & found).sum())
    ours, theirs = surface_distances(truth, found, spacing)
    near = int((ours <= tolerance).sum() + (theirs <= tolerance).sum())
    return Overlap(
        dice=2 * shared / sum(sizes),
        iou=shared / (sum(sizes) - shared),
        hd95=float(max(np.percentile(ours, 95), np.percentile(theirs, 95))),
        surface_dice=near / (len(ours) + len(theirs)),
    )


def surface_distances(truth: NDArray[np.bool_], found: NDArray[np.bool_], spacing: Spacing) -> tuple[Floats, Floats]:
    """Return how far each surface voxel of the one is from the nearest of the other, in both directions.

    A surface voxel has a neighbour (by face) outside the mask or the image. A single slice is a plane: its voxels'
    neighbours are those within it.
    """
    points = [np.argwhere(_surface(mask)) * np.asarray(spacing, np.float64) for mask in (truth, found)]
    trees = [cKDTree(one) for one in points]
    ours, theirs = trees[1].query(points[0])[0], trees[0].query(points[1])[0]
    return np.asarray(ours, np.float64), np.asarray(theirs, np.float64)


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    cross = ndimage.generate_binary_structure(3, 1)
    if mask.shape[0] == 1:
        cross = cross & (np.arange(3) == 1)[:, None, None]
    edge = np.zeros_like(mask)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    # What lies outside the mask's own box is not of the mask, so eroding the box alone gives the same.
    inside = mask[box]
    edge[box] = inside & ~ndimage.binary_erosion(inside, cross)
    return edge


def measure_segments(
    truth: Mask, found: Mask, segments: int, spacing: Spacing, *, tolerance: float = TOLERANCE_MM
) -> list[Overlap]:
    """Return the measures of segments 1 to `segments` of two integer masks of one shape."""
    return [overlap(truth == k, found == k, spacing, tolerance=tolerance) for k in range(1, segments + 1)]


def match_objects(truth: Mask, found: Mask, *, iou: float = OBJECT_IOU) -> Objects:
    """Return how many objects (each with a number of its own, 0 none) are found by one that overlaps by more than `iou`.

    Above one half no object can have two partners, so there is nothing to choose (Kirillov et al. 2019, 4.1).
    """
    true_numbers, true_at = np.unique(truth, return_inverse=True)
    found_numbers, found_at = np.unique(found, return_inverse=True)
    pairs = true_at.ravel() * len(found_numbers) + found_at.ravel()
    shared = np.bincount(pairs, minlength=len(true_numbers) * len(found_numbers))
    shared = shared.reshape(len(true_numbers), len(found_numbers))
    whole = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
    is_match = (shared > iou * whole)[np.ix_(true_numbers > 0, found_numbers > 0)]
    hits = int(is_match.any(axis=1).sum())
    return Objects(hits=hits, missed=is_match.shape[0] - hits, false=is_match.shape[1] - hits)


def split_into_objects(mask: Mask) -> NDArray[np.int32]:
    """Return the mask's connected parts (by face) as objects numbered from 1."""
    objects, _ = ndimage.label(mask > 0)
    return np.asarray(objects, np.int32)


def segmentation_figures(
    cases: Sequence[Sequence[Overlap]],
    groups: Sequence[str],
    *,
    objects: Sequence[Objects] = (),
    rounds: int = ROUNDS,
) -> Figures:
    """Return for each segment the mean over the cases that hold it, and over all the mean of the segments.

    `cases` holds for each case its segments' measures; `objects`, where given, each case's objects: their recall,
    precision and F1 are counted over all cases.
    """
    columns = {
        name: np.array([[getattr(one, name) for one in case] for case in cases], np.float64) for name in MEASURES
    }
    counts = np.array([list(asdict(one).values()) for one in objects], np.float64)

    def measure(weights: Floats) -> Measured:
        per_segment = {name: weighted_mean(weights, column) for name, column in columns.items()}
        overall = {name: mean_of_told(values) for name, values in per_segment.items()}
        return Measured(overall | (_object_rates(weights @ counts) if len(counts) else {}), per_segment)

    return resample(groups, measure, rounds=rounds)


def _object_rates(counts: Floats) -> dict[str, Floats]:
    hits, missed, false = counts.T
    return {
        "object_recall": ratio(hits, hits + missed),
        "object_precision": ratio(hits, hits + false, empty=0.0),
        "object_f1": ratio(2 * hits, 2 * hits + missed + false),
    }


def worst_slice(truth: Mask, found: Mask) -> int:
    """Return the slice in which the most voxels differ."""
    return int((truth != found).reshape(len(truth), -1).sum(axis=1).argmax())
