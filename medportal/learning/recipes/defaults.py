"""What is sensible for a cohort: chosen from its fingerprint, in the manner of nnU-Net (Isensee et al. 2021).

A fingerprint says how many series there are, how large they are, their spacing, modality and classes; see
`cohorts.models.CohortVersion.fingerprint`. An empty one gives what is right for CT of many slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

Fingerprint = Mapping[str, Any]
Settings = dict[str, Any]
# Samples that a run sees by default, so that epochs fit the cohort's size.
_SEEN = {"classification": 40_000, "autoencoder": 150_000, "generation": 400_000}


def _scaling(known: Fingerprint) -> Settings:
    """Return how values become 0…1: by the modality, and by the number of bits."""
    if known.get("bits") == 8:
        return {"scaling": "window", "low": 0.0, "high": 255.0}
    if set(known.get("modalities", ["CT"])) == {"CT"}:
        return {"scaling": "window", "low": -1000.0, "high": 300.0}
    return {"scaling": "percentiles", "low": 0.5, "high": 99.5}


def _common(known: Fingerprint) -> Settings:
    return {"colour": known.get("channels", 1) == 3, **_scaling(known)}


def is_stack(known: Fingerprint) -> bool:
    """Say whether the cohort's series are stacks of slices, and no single images."""
    return float(known.get("slices", 40)) > 1


def _longest(known: Fingerprint) -> float:
    return float(max(known.get("rows", 512), known.get("columns", 512)))


def _rounded(value: float, multiple: int, low: int, high: int) -> int:
    """Return a side near `value`, as a multiple, within bounds."""
    return int(min(max(round(value / multiple) * multiple, low), high))


def _training_series(known: Fingerprint) -> int:
    return max(1, int(known.get("series_of_split", {}).get("train", known.get("series", 40))))


def _training_slices(known: Fingerprint) -> float:
    return _training_series(known) * (float(known.get("slices", 40)) if is_stack(known) else 1.0)


def _fit_whole(known: Fingerprint, largest: int) -> Settings:
    """Return the fit of recipes that see a whole slice: by millimetres where they are known, else by the frame."""
    spacing = known.get("spacing_mm_zyx", [5.0, 1.0, 1.0])
    if not is_stack(known) or spacing is None:
        size = _rounded(_longest(known), 4 if _longest(known) <= 64 else 32, 16, largest)
        return {"fit": "frame", "size": size, "pixel_mm": 1.0}
    extent = _longest(known) * float(spacing[1]) if known.get("rows") else 288.0
    return {"fit": "millimetres", "size": largest, "pixel_mm": round(max(extent / largest, 0.1), 3)}


def classification(known: Fingerprint) -> Settings:
    """Return settings for telling classes apart."""
    chosen = _common(known)
    if known.get("dimensions") == "3":
        return chosen | _whole_volumes(known)
    if is_stack(known):
        # Findings are small beside a slice, and slices are many.
        fit = _fit_whole(known, 128) if known.get("rows") else {"fit": "millimetres", "size": 128, "pixel_mm": 2.25}
        chosen |= fit | {"context": 1, "pooling": "maximum", "negatives_per_positive": 3.0, "repeats": 3, "epochs": 10}
        # Of hundreds of stacks an epoch alone would take hours.
        return chosen | {"minutes": 18.0}
    series = _training_series(known)
    chosen |= _fit_whole(known, 192) | {
        "pooling": "mean",
        "width": 16,
        "depth": 5,
        "dropout": 0.2,
        "mixing": 0.3,
        "smoothing": 0.05,
        "rotate_degrees": 15.0,
        "scale_fraction": 0.15,
        "deform_probability": 0.3,
        "intensity": 0.2,
        "mosaic_probability": 0.0,
        "weight_decay": 0.05,
        "learning_rate": 0.003,
        "epochs": min(120, max(10, ceil(_SEEN["classification"] / series))),
        "minutes": 8.0,
    }
    if chosen["size"] <= 64:
        # Small images cost little: they are seen more often.
        chosen |= {"batch_size": 64, "depth": 3, "width": 32, "minutes": 2.5}
        chosen |= {"epochs": min(120, max(10, ceil(4 * _SEEN["classification"] / series)))}
    return chosen


def _whole_volumes(known: Fingerprint) -> Settings:
    """Return settings for telling volumes apart as wholes: few samples, each of them large."""
    chosen = _fit_whole(known, 96)
    slices = float(known.get("slices", 40))
    count = _rounded(slices, 8, 16, 64)
    spacing = known.get("spacing_mm_zyx") or [5.0, 1.0, 1.0]
    chosen |= {"dimensions": 3, "slices": count, "slice_mm": round(max(slices * float(spacing[0]) / count, 0.1), 3)}
    chosen |= {"pooling": "maximum", "width": 12, "depth": 3, "batch_size": 4, "mosaic_probability": 0.0}
    return chosen | {"epochs": min(100, max(20, ceil(4000 / _training_series(known)))), "minutes": 18.0}


def segmentation(known: Fingerprint) -> Settings:
    """Return settings for segments: spacing, patch and normalisation by the cohort."""
    chosen = _common(known)
    spacing = known.get("spacing_mm_zyx")
    if known.get("bits") != 8 and set(known.get("modalities", ["CT"])) == {"CT"}:
        chosen |= {"scaling": "dataset", "low": 0.5, "high": 99.5}
    series = _training_series(known)
    shape = [float(known.get(name, d)) for name, d in (("slices", 40), ("rows", 256), ("columns", 256))]
    if is_stack(known) and spacing is not None:
        in_plane, between = float(spacing[1]), float(spacing[0])
        # Anisotropic stacks are seen slice by slice, as nnU-Net's 2-D configuration does.
        is_volume = between / in_plane < 4 and shape[0] >= 16
        chosen |= {"fit": "millimetres", "size": 0, "pixel_mm": round(in_plane, 4), "slice_mm": round(between, 4)}
        chosen |= {"dimensions": 3 if is_volume else 2, "batch_size": 2 if is_volume else 8}
        if is_volume:
            chosen |= {"tile": _rounded(min(shape[1:]), 16, 32, 96), "tile_slices": _rounded(shape[0], 16, 16, 64)}
            chosen |= {"depth": 3, "width": 12, "patches": 100, "epochs": 30, "minutes": 18.0}
            return chosen
    else:
        longest = _longest(known)
        largest = 512.0
        # Large single images are seen whole, in less detail; small ones as they are.
        chosen |= {"fit": "frame", "size": 256} if longest > largest else {"fit": "pixels", "size": 0}
        chosen |= {"batch_size": 8}
    side = 256 if chosen.get("fit") == "frame" else _rounded(min(shape[1:]), 32, 32, 256)
    chosen |= {"tile": side, "depth": 4, "width": 16, "epochs": 200, "minutes": 4.0 if series <= 24 else 18.0}
    chosen |= {"rotate_degrees": 20.0, "scale_fraction": 0.2, "deform_probability": 0.3, "intensity": 0.2}
    chosen |= {"patches": max(64, series), "learning_rate": 0.004, "average": 0.98}
    # Mirrored, a left lung would be learnt as a right one.
    chosen |= {"flip": len(known.get("classes", ["one"])) < 2, "flip_rows": known.get("channels", 1) == 3}
    return chosen


# A box of usual size is seen as so many pixels, of a slice or (along each axis) of a volume.
_BOX_PIXELS, _BOX_VOXELS = 52.0, 8.0
# Samples between two looks at validation, at least: looking takes time as well.
_BETWEEN_LOOKS = 800


def detection(known: Fingerprint) -> Settings:
    """Return settings for boxes: whole single images, patches of stacks; the finer, the smaller the boxes are."""
    chosen = _common(known)
    spacing = known.get("spacing_mm_zyx")
    if is_stack(known) and spacing is not None:
        return chosen | _of_volumes(known, float(spacing[0]), float(spacing[1]))
    rows, columns = float(known.get("rows", 512)), float(known.get("columns", 512))
    largest = float(max((known.get("box_px") or [1.0, 64.0, 64.0])[1:]))
    # No finer than the images are; small boxes are seen in more detail.
    longest = max(rows, columns)
    scale = min(1.0, max(_BOX_PIXELS / max(largest, 1.0), 256 / longest), 640 / longest)
    size = _rounded(columns * scale, 32, 64, 640)
    # No less high than it must be to hold the frame.
    height = min(640, ceil(round(rows * size / columns) / 32) * 32)
    samples = _training_series(known) * (float(known.get("slices", 1)) if is_stack(known) else 1.0)
    repeats = ceil(_BETWEEN_LOOKS / samples)
    chosen |= {"fit": "frame", "size": size, "rows": 0 if height == size else height, "stride": 4, "batch_size": 8}
    chosen |= {"epochs": 14, "repeats": min(repeats, 50), "minutes": 18.0}
    # Under a microscope there is no above; boxes that are turned become too large.
    chosen |= {"flip_rows": known.get("channels", 1) == 3, "rotate_degrees": 0.0}
    chosen |= {"scale_fraction": 0.25, "crop_fraction": 0.1, "intensity": 0.2}
    return chosen


def _of_volumes(known: Fingerprint, between: float, in_plane: float) -> Settings:
    """Return settings for boxes in volumes: as nearly of one distance along all axes as the slices allow."""
    box = known.get("box_mm") or [16.0, 16.0, 16.0]
    wanted = float(sorted(box)[1]) / _BOX_VOXELS
    plane, along = max(in_plane, wanted), max(between / 2, wanted)
    height = float(known.get("slices", 40)) * between / along
    side = min(float(known.get("rows", 512)), float(known.get("columns", 512))) * in_plane / plane
    return {
        "dimensions": 3,
        "fit": "millimetres",
        "size": 0,
        "pixel_mm": round(plane, 3),
        "slice_mm": round(along, 3),
        "tile": _rounded(side, 16, 32, 96),
        "tile_slices": _rounded(height, 16, 16, 48),
        "stride": 4,
        "batch_size": 4,
        "width": 16,
        "epochs": 12,
        "repeats": min(50, ceil(_BETWEEN_LOOKS / max(1.0, float(known.get("boxes", 200))))),
        "minutes": 13.0,
        "flip_rows": True,
        "flip_slices": True,
        "rotate_degrees": 0.0,
        "intensity": 0.1,
    }


def autoencoder(known: Fingerprint) -> Settings:
    """Return settings for codes of an eighth of a slice's values."""
    chosen = _common(known) | _fit_whole(known, 64)
    epochs = ceil(_SEEN["autoencoder"] / _training_slices(known))
    chosen |= {"epochs": min(200, max(4, epochs)), "batch_size": 32, "minutes": 4.0}
    values = chosen["size"] ** 2 * (3 if chosen["colour"] else 1)
    chosen |= {"depth": 3 if chosen["size"] >= 48 else 2, "code": max(2, values // 8)}
    return chosen


def generation(known: Fingerprint) -> Settings:
    """Return settings for painting images."""
    chosen = _common(known) | _fit_whole(known, 64)
    epochs = ceil(_SEEN["generation"] / _training_slices(known))
    chosen |= {"epochs": min(400, max(10, epochs)), "batch_size": 64, "minutes": 13.0}
    chosen |= {"learning_rate": 0.0006, "weight_decay": 0.0, "average": 0.995}
    return chosen
