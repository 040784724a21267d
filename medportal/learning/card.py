"""The model card (after Mitchell et al. 2019): what a package is, was made of, and reached, in Markdown. Loads no torch."""

from __future__ import annotations

from typing import Any

from medportal.inference.manifest import ClassificationOutput, DetectionOutput, InputSpec, Manifest

_ELSEWHERE = (
    "It knows what it was trained on, and nothing else: other scanners, protocols, ages and diseases are untested."
)


def card(manifest: Manifest) -> str:
    """Return the card of a package whose figures have been measured."""
    trained = manifest.trained
    measured, data = trained["metrics"], trained["data"]
    return f"""# {manifest.title}

**Not for diagnosis.** {manifest.intended_use}

| | |
|---|---|
| Task | {manifest.task}{": " + " / ".join(manifest.classes) if manifest.classes else ""} |
| Input | {_input(manifest.input)} |
| Network | {trained["config"].get("network", "")}, {manifest.model.parameters:,} parameters, ONNX opset {manifest.model.opset} |
| Verdict | {_verdict(manifest)} |
| Data | {data.get("description", "")} |{_outcome(data)}
| Training | {measured["epochs"]} epochs{_ended(measured)}, seed {trained["seed"]} |

## Measured on the {measured["split"]} split

{measured["n"]} series of {measured["groups"]} groups{_taken_part(measured)}. 95 % intervals by bootstrap over groups.

| | value | 95 % |
|---|---|---|
{_rows(measured["figures"])}
{_per_class(measured.get("per_class", {}))}
## Limits

{data.get("limits", _ELSEWHERE)}

ONNX Runtime and torch agree within {_furthest(trained["parity"]):.1g} on {_compared(trained["parity"])}.{_variants(manifest)}
"""


def _input(spec: InputSpec) -> str:
    what = {
        "millimetres": f"resampled to {' × '.join(f'{v:g}' for v in spec.spacing_mm or ())} mm",
        "frame": "the whole frame scaled",
        "pixels": "as they are",
    }[spec.fit]
    size = f", {' × '.join(map(str, spec.size))}" if spec.size else ""
    scale = f"{spec.scaling.kind} {spec.scaling.low:g} to {spec.scaling.high:g}"
    near = f", {spec.context} neighbour(s) on either side" if spec.context else ""
    kind = "volumes" if spec.dimensions == 3 else "slices"
    return f"{', '.join(spec.modalities)}, {'colour ' if spec.colour else ''}{kind} {what}{size}, {scale}{near}"


def _verdict(manifest: Manifest) -> str:
    output = manifest.output
    if isinstance(output, ClassificationOutput):
        at = f" ≥ {', '.join(f'{t:.3f}' for t in output.thresholds)}" if output.thresholds else ": the likeliest class"
        return f"mean of the {output.top_k} most telling slices{at}; temperature {output.temperature:.2f}; both chosen on validation"
    if isinstance(output, DetectionOutput):
        return f"boxes scored {output.score_threshold:.3f} and more, chosen on validation; overlaps above {output.iou_threshold:g} suppressed"
    return ", ".join(f"{name} {value}" for name, value in manifest.to_json()["output"].items() if value is not None)


def _outcome(data: dict[str, Any]) -> str:
    """Return the row of a prognosis: its labels are what had become of patients at a horizon."""
    days = data.get("horizon_days")
    return f"\n| Labels | outcome at {days:g} days |" if days else ""


def _ended(measured: dict[str, Any]) -> str:
    ended = f" (ended by {measured['stopped']})" if measured.get("stopped") else ""
    kept = measured.get("kept", measured["epochs"])
    return ended if kept == measured["epochs"] else f"{ended}, weights of epoch {kept}, the best on validation"


def _taken_part(measured: dict[str, Any]) -> str:
    if measured["split"] == "test":
        return ", none of which took part in training or in choosing thresholds"
    return (
        ". **The cohort has no test split**: these took no part in training, but thresholds were chosen on them, "
        "so the figures flatter"
    )


def _rows(figures: dict[str, dict[str, Any]]) -> str:
    return "\n".join(f"| {name} | {_number(one['value'])} | {_interval(one)} |" for name, one in figures.items())


def _per_class(figures: dict[str, dict[str, dict[str, Any]]]) -> str:
    if len(figures) < 2:
        return ""
    names = list(next(iter(figures.values())))
    head = f"\n| class | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    rows = [
        f"| {label} | {' | '.join(_number(row.get(name, {}).get('value')) for name in names)} |"
        for label, row in figures.items()
    ]
    return head + "\n".join(rows) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(figure: dict[str, Any]) -> str:
    return "" if figure.get("low") is None else f"{figure['low']:.3f}–{figure['high']:.3f}"


def _furthest(parity: dict[str, Any]) -> float:
    return max((v for k, v in parity.items() if k.startswith("largest")), default=0.0)


def _compared(parity: dict[str, Any]) -> str:
    """Say how much of the validation split was compared."""
    samples, of = parity["samples"], parity["of"]
    if samples == of:
        return f"all {of} samples of the validation split"
    return f"{samples} of {of} samples of the validation split, drawn at random: as many as the time allowed"


def _variants(manifest: Manifest) -> str:
    if not manifest.variants:
        return ""
    told = [
        f"{one.precision}: {one.metric} {_number(one.value)} ({-(one.loss or 0):+.3f})" for one in manifest.variants
    ]
    return f"\n\nIn less space, on the same series: {'; '.join(told)}."
