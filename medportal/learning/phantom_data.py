"""Phantoms as training data: which patients, which split, which labels. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medportal.imaging.marks import Box, Corner
from medportal.imaging.phantom_dicom import patient_id, phantom_uid
from medportal.imaging.phantoms import Kind, Phantom, make_phantom
from medportal.imaging.volumes import Volume
from medportal.learning.prepared import SeriesToPrepare

CLASSES = ("normal", "lung cancer")
NODULE = "nodule"
CLASS_OF_KIND = {"normal": "normal", "cancer": "lung cancer"}
# A slice shows cancer from this area of nodule on; slices with less, but some, are left out.
POSITIVE_AREA_MM2 = 30.0
DESCRIPTION = (
    "synthetic chest CT phantoms made by medportal (painted lungs, vessels, ribs; painted nodules in the cancer cases)"
)
LIMITS = (
    "It was trained on synthetic phantoms alone. It finds painted nodules in painted chests; on images of people it "
    "means nothing."
)


@dataclass(frozen=True)
class PhantomCase:
    """A phantom patient of a demo: its number, and the seed and kind that make it."""

    number: int
    seed: int
    kind: Kind


def phantom_cases(patients: int, *, first_seed: int = 1000) -> list[PhantomCase]:
    """Return half cancer, half normal cases, mixed."""
    kinds = np.random.default_rng(first_seed).permutation(np.arange(patients) % 2)
    return [
        PhantomCase(number, first_seed + number, "cancer" if kinds[number - 1] else "normal")
        for number in range(1, patients + 1)
    ]


def slice_labels(phantom: Phantom, uids: list[str]) -> dict[str, str]:
    """Return the class of each slice of which there is no doubt, by SOP Instance UID."""
    labels = {}
    for uid, area in zip(uids, phantom.mask_area_mm2(), strict=True):
        if area >= POSITIVE_AREA_MM2:
            labels[uid] = CLASSES[1]
        elif area == 0:
            labels[uid] = CLASSES[0]
    return labels


def boxes_of(phantom: Phantom) -> tuple[Box, ...]:
    """Return the boxes around a phantom's nodules by their centres and diameters, in voxel edges of its stack."""
    origin, spacing = np.array(phantom.origin_mm[::-1]), np.array(phantom.spacing_mm_zyx)
    found = []
    for nodule in phantom.nodules:
        centre = np.array(nodule.centre_mm[::-1])
        # A voxel's centre is half a voxel from its edges.
        low, high = (
            np.clip((centre + side * nodule.diameter_mm / 2 - origin) / spacing + 0.5, 0, phantom.array.shape)
            for side in (-1, 1)
        )
        found.append(Box(NODULE, _corner(low), _corner(high)))
    return tuple(found)


def _corner(edges: NDArray[np.float64]) -> Corner:
    z, y, x = (float(edge) for edge in edges)
    return (z, y, x)


def series_of(cases: list[PhantomCase], splits: dict[int, str]) -> Iterator[SeriesToPrepare]:
    """Yield the phantoms as they would come out of an archive."""
    for case in cases:
        phantom = make_phantom(case.seed, case.kind)
        uids = [phantom_uid(case.seed, case.kind, case.number, "instance", i) for i in range(phantom.array.shape[0])]
        volume = Volume(
            array=phantom.array,
            spacing_mm_zyx=phantom.spacing_mm_zyx,
            sop_instance_uids=tuple(uids),
            frames=(1,) * len(uids),
            modality="CT",
        )
        yield SeriesToPrepare(
            volume=volume,
            series_uid=phantom_uid(case.seed, case.kind, case.number, "series"),
            group=patient_id(case.number),
            split=splits[case.number],
            label=CLASS_OF_KIND[case.kind],
            slice_labels=slice_labels(phantom, uids),
            boxes=boxes_of(phantom),
        )
