"""What generated images are worth: a classifier that learns from them alone, or from them too, is held against real ones.

After Ravuri and Vinyals 2019, "classification accuracy score", and Frid-Adar et al. 2018, who added generated lesions
to the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medportal.errors import InvalidError
from medportal.imaging.generated import PATIENT_PREFIX
from medportal.imaging.volumes import Volume
from medportal.inference.generate import generate
from medportal.inference.manifest import ClassificationOutput, InputSpec
from medportal.inference.postprocess import probabilities
from medportal.inference.session import Session
from medportal.learning.assess import as_they_are
from medportal.learning.callbacks import Reports
from medportal.learning.loop import train
from medportal.learning.metrics.classification import classification_figures
from medportal.learning.metrics.figures import Figures
from medportal.learning.prepared import SeriesToPrepare, write_prepared
from medportal.learning.recipes import complete_config
from medportal.learning.splits import with_validation
from medportal.learning.store import Prepared
from medportal.learning.tasks.classification import ClassificationTask

# What a classifier learns from.
WAYS = ("real", "generated", "both")
TOLD = ("accuracy", "balanced_accuracy", "recall", "specificity", "auc")


def worth(
    session: Session,
    prepared: Prepared,
    work: Path,
    *,
    ways: Sequence[str] = WAYS,
    settings: Mapping[str, Any] | None = None,
    count: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each way with {"training_images", "measured_images", "metrics"}: of `TOLD` {"value", "low", "high"}.

    On slices of the measured split, with intervals by group. `prepared` is what the generator learnt from; as many images
    are generated as its training split has slices, unless `count` says otherwise, of each class in turn. Classifiers
    learn by the recipe's defaults for slices of that size, but for `settings`, thresholds too; what they are measured on
    is real. `work` is an empty folder. `progress` is told the part of all ways that is done, and may raise to break off.
    Raises InvalidError `package_does_not_fit` where the generator does not know the classes.
    """
    spec = session.package.manifest.input
    if tuple(session.package.manifest.classes) != prepared.classes or len(prepared.classes) < 2:
        raise InvalidError("package_does_not_fit", "The generator must tell the cohort's classes apart, two at least.")
    config = classifier_config(prepared, spec, settings or {})
    real = _real(prepared, config["seed"])
    measured = [replace(one, split="test") for one in _slices(prepared, prepared.measured_split)]
    painted = _generated(session, real, count, seed=config["seed"]) if set(ways) - {"real"} else []
    for number, way in enumerate(ways):
        # Where generated images alone are learnt from, the threshold is chosen on such as well.
        added = [one for one in painted if one.split == "train" or way == "generated"] if way != "real" else []
        shown = (real if way != "generated" else []) + added
        write_prepared(work / way, as_they_are(spec), [*shown, *measured], whole=())
        told = partial(_told, progress, number, len(ways))
        figures = _learnt(work / way, prepared.classes, config, as_they_are(spec), told)
        yield (
            way,
            {
                "training_images": sum(one.split == "train" for one in shown),
                "measured_images": len(measured),
                "metrics": {name: value for name, value in figures.to_json().items() if name in TOLD},
            },
        )


def _told(progress: Callable[[float], None], number: int, count: int, part: float) -> None:
    progress((number + part) / count)


def classifier_config(prepared: Prepared, spec: InputSpec, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classification recipe's configuration for single slices as they were prepared for a generator."""
    rows, columns = prepared.items[0].shape[2:]
    fingerprint = {
        "slices": 1,
        "rows": rows,
        "columns": columns,
        "channels": spec.channels,
        "bits": 8,
        "series_of_split": {"train": len(_refs(prepared, "train"))},
    }
    return complete_config("classification", {"size": max(rows, columns), **settings, "context": 0}, fingerprint)


def _refs(prepared: Prepared, split: str) -> list[tuple[int, int]]:
    """Return (item, slice) of a split's real slices of a known class; generated ones may have joined the training split."""
    items = [(number, prepared.items[number]) for number in prepared.of_split(split)]
    items = [(number, item) for number, item in items if not item.group.startswith(PATIENT_PREFIX)]
    known = set(prepared.classes)
    return [(number, k) for number, item in items for k, label in enumerate(item.slice_labels) if label in known]


def _slices(prepared: Prepared, split: str) -> list[SeriesToPrepare]:
    return [
        _single(
            prepared.image(number)[:, index],
            name=f"{prepared.items[number].series_uid}.{index}",
            group=prepared.items[number].group,
            label=str(prepared.items[number].slice_labels[index]),
        )
        for number, index in _refs(prepared, split)
    ]


def _real(prepared: Prepared, seed: int) -> list[SeriesToPrepare]:
    """Return the slices that are learnt from and validated on; the latter are a part of the former where all are measured."""
    training = _slices(prepared, "train")
    if prepared.measured_split != "validation":
        return training + [replace(one, split="validation") for one in _slices(prepared, "validation")]
    # By the series' class: most slices of a diseased series may be of the negative one.
    series = [prepared.items[number] for number, _ in _refs(prepared, "train")]
    splits = with_validation([(one.group, one.label, "train") for one in series], seed=seed)
    return [replace(one, split=split) for one, split in zip(training, splits, strict=True)]


def _generated(session: Session, real: list[SeriesToPrepare], count: int, *, seed: int) -> list[SeriesToPrepare]:
    """Return as many images as there are real ones in each split (or `count` in training), of each class in turn."""
    classes, found = session.package.manifest.classes, []
    for part, split in enumerate(("train", "validation")):
        wanted = count if count and split == "train" else sum(one.split == split for one in real)
        for number, image in enumerate(generate(session, count=wanted, seed=seed + 1_000_003 * part)):
            name = f"{PATIENT_PREFIX}{split}-{number}"
            one = _single(image, name=name, group=name, label=classes[number % len(classes)])
            found.append(replace(one, split=split))
    return found


def _single(image: NDArray[Any], *, name: str, group: str, label: str) -> SeriesToPrepare:
    """Return a training image (channels, rows, columns) of 0…1 as a series of its own."""
    plane = np.asarray(image, np.float32)
    volume = Volume(
        array=np.moveaxis(plane, 0, -1)[None] if len(plane) == 3 else plane,
        spacing_mm_zyx=(1.0, 1.0, 1.0),
        sop_instance_uids=(name,),
        frames=(1,),
    )
    return SeriesToPrepare(volume=volume, series_uid=name, group=group, split="train", label=label)


def _learnt(
    folder: Path, classes: Sequence[str], config: dict[str, Any], spec: InputSpec, progress: Callable[[float], None]
) -> Figures:
    """Return the figures of a classifier that has learnt from a folder, on its test split."""
    torch.manual_seed(config["seed"])
    task = ClassificationTask(Prepared(folder, classes), config, spec)
    train(task, "classification", checkpoint_dir=folder / "checkpoint", reports=Reports(progress=progress))
    output, refs = task.calibrate(), task.refs("test")
    assert isinstance(output, ClassificationOutput)
    labels = np.stack([task.target(ref) for ref in refs]).argmax(axis=1)
    chances = probabilities(task.logits(refs), output.temperature).astype(np.float64)
    groups = [task.prepared.items[ref[0]].group for ref in refs]
    return classification_figures(
        labels, chances, groups, threshold=output.thresholds[0] if output.thresholds else None
    )
