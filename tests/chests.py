"""Small CT series of made-up patients, stored and labelled as the demo's are: a chest with or without something bright."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np

SCHEME = "lung-cancer"
CLASSES = ("normal", "lung cancer")
SLICES, SIDE, PIXEL_MM = 8, 64, 2.0


def make_chest(number: int, *, has_cancer: bool, slices: int = SLICES) -> Any:
    """Return a phantom: lung, a body around it, noise, and in the middle slices of a cancer case a bright disc."""
    from medportal.imaging.phantoms import Phantom

    rng = np.random.default_rng([number, slices])
    row, column = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    plane = np.where(np.hypot(row, column) < 28, -850.0, 50.0)
    array = np.repeat(plane[None], slices, axis=0) + rng.normal(0, 20, (slices, SIDE, SIDE))
    mask = np.zeros(array.shape, bool)
    if has_cancer:
        place = rng.integers(-10, 10, 2)
        disc = np.hypot(row - place[0], column - place[1]) < 8
        mask[slices // 2 - 1 : slices // 2 + 1] = disc
        array[mask] = 900.0
    return Phantom(
        seed=number,
        kind="cancer" if has_cancer else "normal",
        array=np.clip(array, -1024, 3000).astype(np.int16),
        mask=mask,
        nodules=(),
        spacing_mm_zyx=(5.0, PIXEL_MM, PIXEL_MM),
        origin_mm=(-64.0, -64.0, 0.0),
        sex="F",
        age_years=60,
    )


def store_chest(team: Any, number: int, *, has_cancer: bool, slices: int = SLICES, **attributes: Any) -> Any:
    """Store a patient's series, with its labels, and return it; `attributes` are set on each DICOM object."""
    from medportal.annotations.models import Source
    from medportal.annotations.services import label_instances, label_series
    from medportal.archive import storage
    from medportal.archive.services import store_instance
    from medportal.imaging.phantom_dicom import phantom_datasets
    from medportal.imaging.written import to_file_bytes

    phantom = make_chest(number, has_cancer=has_cancer, slices=slices)
    series, values = None, {}
    for index, dataset in enumerate(phantom_datasets(phantom, number)):
        for name, value in attributes.items():
            setattr(dataset, name, value)
        path = storage.incoming_dir() / f"{uuid4().hex}.part"
        path.write_bytes(to_file_bytes(dataset))
        series = store_instance(team=team, path=path, actor=None, door="import").series
        values[str(dataset.SOPInstanceUID)] = (CLASSES[int(phantom.mask[index].any())], {})
    label_series(series, scheme=SCHEME, value=CLASSES[int(has_cancer)], source=Source.PHANTOM, author=None)
    label_instances(series, scheme=SCHEME, values=values, source=Source.PHANTOM, author=None)
    return series


def store_chests(team: Any, patients: int, *, slices: int = SLICES) -> list[Any]:
    """Store so many patients, every other one with cancer."""
    return [store_chest(team, n, has_cancer=n % 2 == 0, slices=slices) for n in range(1, patients + 1)]
