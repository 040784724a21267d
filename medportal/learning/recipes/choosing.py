"""From what a user sets to a whole configuration, and from that to the manifest's words on the input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from medportal.errors import InvalidError
from medportal.inference.manifest import InputSpec, Scaling
from medportal.learning.recipes.declared import DETECTOR_STRIDE, RECIPES, Recipe

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "text"}
# Settings that others hang on: what suits volumes is another choice than what suits slices.
STEERING = ("dimensions",)
_TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def describe_recipes(
    fingerprint: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return each recipe with its fields: name, type, group, default for the cohort, bounds, choices, what it means.

    Of `settings`, those of STEERING change the defaults of the others, as they do in `complete_config`; their own
    defaults stay. A recipe that does not offer such a choice is described as it is.
    """
    return [_describe_recipe(name, recipe, fingerprint or {}, settings or {}) for name, recipe in RECIPES.items()]


def _describe_recipe(
    name: str, recipe: Recipe, fingerprint: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    usual = chosen = recipe.choose(fingerprint)
    if all(_offers(_known(recipe)[key], settings[key]) for key in STEERING if key in settings):
        chosen = _chosen(recipe, fingerprint, settings)
    ordered = sorted(fields(recipe.settings), key=lambda one: _GROUPS.index(one.metadata["group"]))
    return {
        "name": name,
        "task": name,
        "title": recipe.title,
        "kinds": list(recipe.kinds),
        "headline": recipe.headline,
        "more_is_better": recipe.more_is_better,
        "fields": [
            _describe(one, (usual if one.name in STEERING else chosen).get(one.name, one.default)) for one in ordered
        ],
    }


def _chosen(recipe: Recipe, fingerprint: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sensible for the cohort, once the settings that others hang on are set."""
    known = _known(recipe)
    asked = {name: str(_value(known[name], settings[name])) for name in STEERING if name in settings}
    return recipe.choose({**fingerprint, **asked})


def _known(recipe: Recipe) -> dict[str, Any]:
    return {setting.name: setting for setting in fields(recipe.settings)}


_GROUPS = ("network", "training", "data", "augmentation", "verdict", "control")


def _describe(setting: Any, default: Any) -> dict[str, Any]:
    metadata = setting.metadata
    return {
        "name": setting.name,
        "type": "choice" if "choices" in metadata else _TYPES[str(setting.type)],
        "group": metadata["group"],
        "default": default,
        "minimum": metadata.get("minimum"),
        "maximum": metadata.get("maximum"),
        "choices": [str(choice) for choice in metadata["choices"]] if "choices" in metadata else None,
        "help": metadata["help"],
    }


def complete_config(
    recipe: str, settings: Mapping[str, Any], fingerprint: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the whole configuration: the settings given, and for the others what is sensible for the cohort.

    Raises InvalidError `recipe` or `setting`, naming what is not known, of the wrong type or out of bounds. Text is
    taken for numbers and truths, since command lines have nothing else.
    """
    if recipe not in RECIPES:
        raise InvalidError("recipe", f"There is no recipe {recipe!r}; there is {', '.join(RECIPES)}.")
    known = _known(RECIPES[recipe])
    if unknown := sorted(set(settings) - set(known)):
        raise InvalidError("setting", f"The recipe {recipe} has no setting {unknown[0]!r}.")
    chosen = _chosen(RECIPES[recipe], fingerprint or {}, settings)
    config = {
        name: _value(setting, settings.get(name, chosen.get(name, setting.default))) for name, setting in known.items()
    }
    if config["low"] >= config["high"]:
        raise InvalidError("setting", "low must be below high.")
    if config["fit"] == "frame" and not config["size"]:
        raise InvalidError("setting", "size must not be 0 where the whole frame is fitted into it.")
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
        raise InvalidError("setting", f"{name} must be one of {', '.join(map(str, metadata['choices']))}.")
    return value


def _offers(setting: Any, given: Any) -> bool:
    """Say whether a setting can be set to what is given."""
    try:
        _value(setting, given)
    except InvalidError:
        return False
    return True


def _convert(type_: str, given: Any) -> Any:
    if type_ == "bool":
        if isinstance(given, bool):
            return given
        return _TRUTHS[str(given).lower()] if str(given).lower() in _TRUTHS else _refuse()
    if isinstance(given, bool):
        _refuse()
    if type_ == "int":
        return int(given) if isinstance(given, str) or int(given) == given else _refuse()
    return float(given) if type_ == "float" else str(given)


def _refuse() -> Any:
    raise ValueError


def input_spec(config: Mapping[str, Any], modalities: Iterable[str]) -> InputSpec:
    """Return the declarative preparation that a recipe's configuration asks for.

    The scaling “dataset” must have been measured before: it has become a window then.
    """
    is_volume = config["dimensions"] == 3
    size: tuple[int, ...] | None = None
    if config["size"]:
        size = (config.get("rows") or config["size"], config["size"])
        if is_volume:
            size = (config["slices"] or config["size"], *size)
    spacing = (config["pixel_mm"],) * 2
    return InputSpec(
        modalities=tuple(sorted(set(modalities))),
        minimum_slices=config["minimum_slices"],
        dimensions=config["dimensions"],
        colour=config["colour"],
        scaling=Scaling(
            "percentiles" if config["scaling"] == "percentiles" else "window", config["low"], config["high"]
        ),
        fit=config["fit"],
        size=size,
        spacing_mm=((config["slice_mm"], *spacing) if is_volume else spacing)
        if config["fit"] == "millimetres"
        else None,
        # A detector answers in cells, and halves the resolution several times before.
        multiple=DETECTOR_STRIDE[config["dimensions"]] if "stride" in config and size is None else 1,
        context=config["context"] if not is_volume else 0,
    )
