"""What a network answers becomes probabilities, masks, boxes and verdicts. Loads no runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from medportal.imaging.marks import Box, Corner
from medportal.inference.manifest import ClassificationOutput, DetectionOutput, ReconstructionOutput

Floats = NDArray[np.float32]
# A box of the stack that is thinner is none, voxels.
_THIN = 0.01
# Steps in which objects are told apart.
_LEVELS = 33


@dataclass(frozen=True)
class Verdict:
    """What a model says of a series. `probability` is that of the value, of the positive class where there are two."""

    value: str
    probability: float
    threshold: float
    positive: bool
    # Each class's probability, where the model tells classes apart.
    probabilities: dict[str, float] = field(default_factory=dict)
    # What was measured: millilitres of each segment, number of boxes, largest anomaly, …
    measures: dict[str, float] = field(default_factory=dict)


def softmax(logits: NDArray[np.generic], axis: int = 1) -> Floats:
    """Return the softmax along an axis."""
    scaled = logits.astype(np.float64)
    scaled -= scaled.max(axis=axis, keepdims=True)
    odds = np.exp(scaled)
    shares: Floats = (odds / odds.sum(axis=axis, keepdims=True)).astype(np.float32)
    return shares


def sigmoid(logits: NDArray[np.generic]) -> Floats:
    """Return the logistic function, without overflow."""
    chances: Floats = (0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))).astype(np.float32)
    return chances


def probabilities(logits: NDArray[np.generic], temperature: float, activation: str = "softmax") -> Floats:
    """Return (batch, classes) probabilities of logits at a temperature (Guo et al. 2017, eq. 9)."""
    scaled = logits.astype(np.float64) / temperature
    return sigmoid(scaled) if activation == "sigmoid" else softmax(scaled)


def series_probabilities(slices: NDArray[Any], top_k: int) -> NDArray[np.float64]:
    """Return each class's probability of a series from its slices', shape (slices, classes).

    The `top_k` slices that speak most against the first class are averaged; of independent classes each has its own.
    """
    slices = np.asarray(slices, np.float64)
    if not len(slices):
        return np.zeros(slices.shape[1] if slices.ndim == 2 else 0)
    order = np.argsort(slices[:, 0], kind="stable")[:top_k]
    mean: NDArray[np.float64] = slices[order].mean(axis=0)
    return mean


def independent_probabilities(slices: NDArray[Any], top_k: int) -> NDArray[np.float64]:
    """Return each of several independent classes' probability: the mean of its `top_k` highest slices."""
    highest = np.sort(np.asarray(slices, np.float64), axis=0)[::-1][:top_k]
    mean: NDArray[np.float64] = highest.mean(axis=0)
    return mean


def aggregate(slices: NDArray[Any], spec: ClassificationOutput) -> NDArray[np.float64]:
    """Return the series' class probabilities from its slices', shape (slices, classes)."""
    if spec.activation == "sigmoid":
        return independent_probabilities(slices, spec.top_k)
    return series_probabilities(slices, spec.top_k)


def class_verdict(chances: NDArray[Any], spec: ClassificationOutput, classes: Sequence[str]) -> Verdict:
    """Return the verdict on a series from its class probabilities."""
    named = {name: float(p) for name, p in zip(classes, chances, strict=True)}
    if spec.activation == "sigmoid":
        found = [i for i, t in enumerate(spec.thresholds) if chances[i] >= t]
        best = max(found or range(len(classes)), key=lambda i: float(chances[i]))
        value = ", ".join(classes[i] for i in found) or "none"
        return Verdict(value, float(chances[best]), spec.thresholds[best], bool(found), named)
    if len(classes) == 2:
        probability = float(1 - chances[0])
        positive = probability >= spec.thresholds[0]
        return Verdict(classes[1] if positive else classes[0], probability, spec.thresholds[0], positive, named)
    best = int(np.argmax(chances))
    return Verdict(classes[best], float(chances[best]), 0.0, best != 0, named)


def peaks(
    heat: Floats, extent: Floats, spec: DetectionOutput, classes: Sequence[str], sample: tuple[int, ...] | None
) -> list[Box]:
    """Return the boxes of one sample: local maxima of the heat (Zhou et al. 2019, CenterNet), then suppression.

    `heat` is (classes, *cells) in 0…1, `extent` (2·dimensions, *cells): distances in voxels from the cell's centre to
    the low sides, then to the high ones (Tian et al. 2019, FCOS). `sample` is the sample's shape, to which boxes are
    clipped; of a window it is None. In two dimensions boxes reach from 0 to 1 along the stack.
    """
    axes = heat.ndim - 1
    tops = ndimage.maximum_filter(heat, size=(1, *(3,) * axes), mode="constant")
    found = np.argwhere((heat == tops) & (heat >= spec.score_threshold))
    scores = heat[tuple(found.T)]
    order = np.argsort(-scores, kind="stable")[: 4 * spec.maximum]
    boxes = []
    for place, score in zip(found[order], scores[order], strict=True):
        centre = (place[1:] + 0.5) * spec.stride
        reach = extent.reshape(2 * axes, -1)[:, np.ravel_multi_index(tuple(place[1:]), heat.shape[1:])]
        low, high = centre - reach[:axes], centre + reach[axes:]
        if sample is not None:
            low, high = np.clip(low, 0, sample), np.clip(high, 0, sample)
        if (high - low > 1e-3).all():
            boxes.append(Box(classes[int(place[0])], _corner(low, 0.0), _corner(high, 1.0), float(score)))
    return suppress(boxes, spec.iou_threshold)[: spec.maximum]


def _corner(edges: NDArray[Any], along_the_stack: float) -> Corner:
    """Return (row, column) or (slice, row, column) as a corner."""
    values = [float(edge) for edge in edges]
    z, y, x = values if len(values) == 3 else [along_the_stack, *values]
    return (z, y, x)


def suppress(boxes: list[Box], iou_threshold: float) -> list[Box]:
    """Return the boxes, best first, without those that overlap a better one of their class by more than the threshold."""
    kept: list[Box] = []
    for label in dict.fromkeys(box.label for box in boxes):
        mine = sorted((box for box in boxes if box.label == label), key=lambda box: -box.score)
        edges = np.array([[*box.low, *box.high] for box in mine])
        alive = np.ones(len(mine), bool)
        for i in range(len(mine)):
            if not alive[i]:
                continue
            kept.append(mine[i])
            rest = np.flatnonzero(alive[i + 1 :]) + i + 1
            alive[rest[_overlap(edges[i], edges[rest]) > iou_threshold]] = False
    return sorted(kept, key=lambda box: -box.score)


def _overlap(one: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Return the intersection over union of a box with others, each (low z, y, x, high z, y, x)."""
    sides = np.minimum(one[3:], others[:, 3:]) - np.maximum(one[:3], others[:, :3])
    shared = np.clip(sides, 0, None).prod(axis=1)
    volume = (one[3:] - one[:3]).prod() + (others[:, 3:] - others[:, :3]).prod(axis=1)
    overlap: NDArray[Any] = shared / np.maximum(volume - shared, 1e-9)
    return overlap


def moved(box: Box, by: Corner) -> Box:
    """Return a box moved along (slice, row, column)."""
    low, high = (tuple(edge + step for edge, step in zip(corner, by, strict=True)) for corner in (box.low, box.high))
    return Box(box.label, (low[0], low[1], low[2]), (high[0], high[1], high[2]), box.score)


def clipped(box: Box, shape: Sequence[int]) -> Box | None:
    """Return the part of a box that lies in a stack of that shape; None where (nearly) nothing does."""
    low = tuple(min(max(edge, 0.0), float(side)) for edge, side in zip(box.low, shape, strict=False))
    high = tuple(min(max(edge, 0.0), float(side)) for edge, side in zip(box.high, shape, strict=False))
    if any(b - a < _THIN for a, b in zip(low, high, strict=True)):
        return None
    return Box(box.label, (low[0], low[1], low[2]), (high[0], high[1], high[2]), box.score)


def without_islands(mask: NDArray[np.uint8], minimum_voxels: int) -> NDArray[np.uint8]:
    """Return a mask without connected parts of a segment that have fewer voxels than that."""
    if minimum_voxels <= 1:
        return mask
    out = mask.copy()
    for segment in np.unique(mask[mask > 0]):
        parts, count = ndimage.label(mask == segment)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        small = sizes < minimum_voxels
        small[0] = False
        out[small[parts]] = 0
    return out


def split_objects(foreground: Floats) -> NDArray[np.uint16]:
    """Return numbered objects of a foreground probability (row, column): a watershed of the distance to the edge.

    From the maxima of the smoothed distance labels flood downwards level by level (Meyer 1994), each within the mask.
    """
    mask = foreground > 0.5
    if not mask.any():
        return np.zeros(mask.shape, np.uint16)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.0)
    tops = (distance == ndimage.maximum_filter(distance, size=7)) & mask
    seeds, count = ndimage.label(ndimage.binary_dilation(tops, iterations=2) & mask)
    labels = seeds.astype(np.int32)
    for level in np.linspace(float(distance.max()), 0, _LEVELS):
        _flood(labels, mask & (distance >= level))
    # What is so small beside something large that it has no top of its own is an object all the same.
    left = mask & (labels == 0)
    labels[left] = ndimage.label(left)[0][left] + count
    return np.clip(labels, 0, 65535).astype(np.uint16)


def _flood(labels: NDArray[np.int32], region: NDArray[np.bool_]) -> None:
    """Let labels (row, column) grow into a region to all four sides, as far as they come."""
    free = region & (labels == 0)
    while free.any():
        around = np.pad(labels, 1)
        highest = np.maximum.reduce([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])
        reached = free & (highest > 0)
        if not reached.any():
            return
        labels[reached] = highest[reached]
        free &= ~reached


def anomaly_map(image: Floats, reconstruction: Floats, spec: ReconstructionOutput) -> Floats:
    """Return how far a sample (channels, rows, columns) differs from its reconstruction, (rows, columns).

    The difference is smoothed before its sign is dropped: noise, and edges a little beside their place, cancel out,
    where the other way round they add up.
    """
    difference = image - reconstruction
    if spec.smoothing > 0:
        difference = ndimage.gaussian_filter(difference, (0, spec.smoothing, spec.smoothing))
    out: Floats = np.abs(difference).mean(axis=0).astype(np.float32)
    return out


def anomaly_score(difference: Floats, share: float) -> float:
    """Return the mean of the largest `share` of a map's values."""
    values = np.sort(difference, axis=None)[::-1]
    return float(values[: max(1, round(share * values.size))].mean())
