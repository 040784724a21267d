"""Recipes: declared training configurations, each setting explained. Loads no torch: forms are made from this."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from medportal.errors import InvalidError


def _setting(default: Any, help_: str, **bounds: Any) -> Any:
    return field(default=default, metadata={"help": help_, **bounds})


@dataclass(frozen=True)
class Classification:
    """A CNN that says of each slice, and of the series, which class it shows."""

    network: str = _setting(
        "resnet_small", "The network: a small residual CNN with a class activation map.", choices=["resnet_small"]
    )
    width: int = _setting(24, "Channels of the first layer; the last has twice as many.", minimum=4, maximum=64)
    size: int = _setting(128, "Rows and columns of a prepared slice, in pixels.", minimum=32, maximum=512)
    pixel_mm: float = _setting(2.25, "Distance of pixels after resampling, in mm.", minimum=0.3, maximum=10.0)
    window_low: float = _setting(-1000.0, "Value (HU for CT) that becomes black.", minimum=-10000, maximum=10000)
    window_high: float = _setting(300.0, "Value (HU for CT) that becomes white.", minimum=-10000, maximum=10000)
    context: int = _setting(1, "Neighbouring slices on either side that the network also sees.", minimum=0, maximum=3)
    epochs: int = _setting(10, "Passes over the training data, at most.", minimum=1, maximum=1000)
    stop_metric: str = _setting(
        "none",
        "Stop before the last epoch once this figure of the validation split reaches the value below.",
        choices=["none", "accuracy", "recall", "precision", "f1", "auc"],
    )
    stop_value: float = _setting(0.99, "The value at which to stop.", minimum=0.0, maximum=1.0)
    batch_size: int = _setting(32, "Samples in a step.", minimum=1, maximum=1024)
    learning_rate: float = _setting(
        0.004, "Highest learning rate of the one-cycle schedule.", minimum=1e-6, maximum=1.0
    )
    weight_decay: float = _setting(0.01, "Weight decay of AdamW.", minimum=0.0, maximum=1.0)
    negatives_per_positive: float = _setting(
        3.0,
        "Samples of the first class for each of the others: handles rare findings.",
        minimum=0.1,
        maximum=100,
    )
    repeats: int = _setting(
        3,
        "Times that an epoch goes through the samples of the other classes, each time beside newly drawn ones of the first.",
        minimum=1,
        maximum=100,
    )
    flip: bool = _setting(True, "Augmentation: mirror left and right.")
    rotate_degrees: float = _setting(12.0, "Augmentation: rotate by up to this angle.", minimum=0.0, maximum=180.0)
    scale_fraction: float = _setting(
        0.1, "Augmentation: enlarge or shrink by up to this part.", minimum=0.0, maximum=0.5
    )
    crop_fraction: float = _setting(
        0.08, "Augmentation: shift by up to this part of the size.", minimum=0.0, maximum=0.5
    )
    intensity: float = _setting(
        0.08, "Augmentation: change brightness and contrast by up to this part.", minimum=0.0, maximum=0.5
    )
    deform_probability: float = _setting(
        0.15, "Augmentation: how often a sample is bent elastically.", minimum=0.0, maximum=1.0
    )
    mosaic_probability: float = _setting(
        0.1,
        "Augmentation: how often a quarter of a sample is taken from another of its class.",
        minimum=0.0,
        maximum=1.0,
    )
    top_k: int = _setting(
        2, "A series' probability is the mean of its slices' highest so many.", minimum=1, maximum=100
    )
    minimum_slices: int = _setting(1, "Shorter series are refused when the model is run.", minimum=1, maximum=1000)
    shuffled_labels: bool = _setting(
        False, "Control: train on labels that have been dealt out anew among patients. What it reaches is chance."
    )
    seed: int = _setting(1, "Seed of everything random.", minimum=0, maximum=2**31 - 1)


RECIPES: dict[str, tuple[type[Classification], str]] = {
    "classification": (Classification, "Classification of series and slices"),
}
_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "text"}


def describe_recipes() -> list[dict[str, Any]]:
    """Return each recipe with its fields: name, type, default, bounds, choices, and what it means."""
    return [
        {"name": name, "task": name, "title": title, "fields": [_describe(f) for f in fields(cls)]}
        for name, (cls, title) in RECIPES.items()
    ]


def _describe(setting: Any) -> dict[str, Any]:
    metadata = setting.metadata
    return {
        "name": setting.name,
        "type": "choice" if "choices" in metadata else _TYPES[str(setting.type)],
        "default": setting.default,
        "minimum": metadata.get("minimum"),
        "maximum": metadata.get("maximum"),
        "choices": metadata.get("choices"),
        "help": metadata["help"],
    }


def complete_config(recipe: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the whole configuration: the settings given, and the defaults for the others.

    Raises InvalidError `recipe` or `setting`, naming what is not known, of the wrong type or out of bounds. Text is
    taken for numbers and truths, since command lines have nothing else.
    """
    if recipe not in RECIPES:
        raise InvalidError("recipe", f"There is no recipe {recipe!r}; there is {', '.join(RECIPES)}.")
    known = {setting.name: setting for setting in fields(RECIPES[recipe][0])}
    if unknown := sorted(set(settings) - set(known)):
        raise InvalidError("setting", f"The recipe {recipe} has no setting {unknown[0]!r}.")
    config = {name: _value(setting, settings.get(name, setting.default)) for name, setting in known.items()}
    if config["window_low"] >= config["window_high"]:
        raise InvalidError("setting", "window_low must be below window_high.")
    return config


def _value(setting: Any, given: Any) -> Any:
    """Return a setting's value in its type, within its bounds."""
    name, metadata, type_ = setting.name, setting.metadata, str(setting.type)
    try:
        value = _convert(type_, given)
    except (TypeError, ValueError, OverflowError):
        raise InvalidError("setting", f"{name} must be of type {_TYPES[type_]}.") from None
    low, high = metadata.get("minimum"), metadata.get("maximum")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise InvalidError("setting", f"{name} must be between {low} and {high}.")
    if "choices" in metadata and value not in metadata["choices"]:
        raise InvalidError("setting", f"{name} must be one of {', '.join(metadata['choices'])}.")
    return value


def _convert(type_: str, given: Any) -> Any:
    if type_ == "bool":
        if isinstance(given, bool):
            return given
        return (
            {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(given).lower()]
            if str(given).lower() in {"true", "1", "yes", "false", "0", "no"}
            else _refuse()
        )
    if isinstance(given, bool):
        _refuse()
    if type_ == "int":
        return int(given) if isinstance(given, str) or int(given) == given else _refuse()
    return float(given) if type_ == "float" else str(given)


def _refuse() -> Any:
    raise ValueError
