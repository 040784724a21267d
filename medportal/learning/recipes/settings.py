"""Settings that recipes have in common: what the network sees, how long it trains, how samples are varied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def setting(default: Any, help_: str, **bounds: Any) -> Any:
    """Return a dataclass field with its explanation; `group` is where the form shows it.

    Of an augmentation's setting, `is_chance` says that it is the part of the samples to which it happens, and
    `takes_of_others` that it puts something of another sample of the batch into one.
    """
    return field(default=default, metadata={"help": help_, **bounds})


@dataclass(frozen=True)
class Data:
    """What becomes of a series before the network sees it."""

    dimensions: int = setting(2, "2: the network sees slices; 3: it sees volumes.", choices=[2, 3], group="data")
    colour: bool = setting(False, "The network sees red, green and blue; otherwise grey values.", group="data")
    scaling: str = setting(
        "window",
        "What becomes black and white. window: two values of the modality. percentiles: of each series' own values. "
        "dataset: the 0.5th and 99.5th percentile of the training data, inside the marked regions where there are any; "
        "measured when the data are prepared.",
        choices=["window", "percentiles", "dataset"],
        group="data",
    )
    low: float = setting(
        -1000.0, "The value (HU for CT) or percentile that becomes 0.", minimum=-1e6, maximum=1e6, group="data"
    )
    high: float = setting(
        300.0, "The value (HU for CT) or percentile that becomes 1.", minimum=-1e6, maximum=1e6, group="data"
    )
    fit: str = setting(
        "millimetres",
        "millimetres: resampled to a distance of pixels, cropped or padded about the middle. frame: the whole frame "
        "scaled into the size, its proportions kept. pixels: as they are.",
        choices=["millimetres", "frame", "pixels"],
        group="data",
    )
    size: int = setting(
        128,
        "Rows and columns of a prepared slice, in pixels; 0: as large as the series.",
        minimum=0,
        maximum=2048,
        group="data",
    )
    slices: int = setting(
        0, "3-D: slices of a prepared volume; 0: as many as the series has.", minimum=0, maximum=512, group="data"
    )
    pixel_mm: float = setting(
        2.25, "Distance of pixels after resampling, in mm.", minimum=0.01, maximum=50.0, group="data"
    )
    slice_mm: float = setting(
        5.0, "3-D: distance of slices after resampling, in mm.", minimum=0.01, maximum=50.0, group="data"
    )
    context: int = setting(
        0, "2-D: neighbouring slices on either side that the network also sees.", minimum=0, maximum=3, group="data"
    )
    minimum_slices: int = setting(
        1, "Shorter series are refused when the model is run.", minimum=1, maximum=1000, group="data"
    )


@dataclass(frozen=True)
class Schedule:
    """How long the network trains, and how fast."""

    epochs: int = setting(10, "Passes over the training data, at most.", minimum=1, maximum=100_000, group="training")
    minutes: float = setting(
        0.0,
        "Finish training within so many minutes: where they are sooner over than the epochs, the schedule is shortened "
        "to fit, and the curve depends on the machine. 0: no such limit.",
        minimum=0.0,
        maximum=100_000.0,
        group="training",
    )
    stop_metric: str = setting(
        "none",
        "Stop before the last epoch once this figure of the validation split reaches the value below.",
        choices=["none"],
        group="training",
    )
    stop_value: float = setting(0.99, "The value at which to stop.", minimum=0.0, maximum=1000.0, group="training")
    patience: int = setting(
        0,
        "Stop after so many epochs in which the recipe's figure did not get better, and keep the weights of the best; "
        "0: never, and the last are kept.",
        minimum=0,
        maximum=10_000,
        group="training",
    )
    batch_size: int = setting(32, "Samples in a step.", minimum=1, maximum=4096, group="training")
    accumulate: int = setting(
        1, "Steps whose gradients are added up before the weights change.", minimum=1, maximum=256, group="training"
    )
    learning_rate: float = setting(
        0.004, "Highest learning rate of the one-cycle schedule (AdamW).", minimum=1e-6, maximum=1.0, group="training"
    )
    weight_decay: float = setting(0.01, "Weight decay of AdamW.", minimum=0.0, maximum=1.0, group="training")
    average: float = setting(
        0.99,
        "Share of the old weights in the running average that is measured and exported; 0: no average.",
        minimum=0.0,
        maximum=0.9999,
        group="training",
    )
    devices: int = setting(
        1,
        "GPUs (or CPU processes) that train together; 0: all GPUs that are there.",
        minimum=0,
        maximum=64,
        group="training",
    )
    memory_gb: float = setting(
        0.0,
        "The training ends with a clear error above so much memory; 0: no such limit.",
        minimum=0.0,
        maximum=4096.0,
        group="training",
    )
    control: str = setting(
        "none",
        "A control instead of a model. shuffled-labels: the truth is dealt out anew among patients; what it reaches is "
        "chance. image-border: the inner 70 % of each image is blank; what it reaches is a shortcut.",
        choices=["none", "shuffled-labels", "image-border"],
        group="control",
    )
    seed: int = setting(1, "Seed of everything random.", minimum=0, maximum=2**31 - 1, group="control")


@dataclass(frozen=True)
class Augmentation:
    """How samples are varied, each time anew."""

    flip: bool = setting(True, "Mirror left and right.", group="augmentation")
    flip_rows: bool = setting(False, "Mirror top and bottom.", group="augmentation")
    rotate_degrees: float = setting(
        12.0, "Rotate by up to this angle.", minimum=0.0, maximum=180.0, group="augmentation"
    )
    scale_fraction: float = setting(
        0.1, "Enlarge or shrink by up to this part.", minimum=0.0, maximum=0.5, group="augmentation"
    )
    intensity: float = setting(
        0.08,
        "Change brightness, contrast and gamma by up to this part, and add a little noise.",
        minimum=0.0,
        maximum=0.5,
        group="augmentation",
    )


@dataclass(frozen=True)
class Cropping:
    """Variation of where a whole image stands; a patch that is cut out anywhere has no need of it."""

    crop_fraction: float = setting(
        0.08, "Shift by up to this part of the size.", minimum=0.0, maximum=0.5, group="augmentation"
    )


@dataclass(frozen=True)
class Deformation:
    """Variation that boxes do not go along with."""

    deform_probability: float = setting(
        0.15,
        "How often a sample is bent elastically.",
        minimum=0.0,
        maximum=1.0,
        group="augmentation",
        is_chance=True,
    )
