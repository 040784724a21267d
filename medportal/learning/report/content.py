"""What a report says of an evaluation document, part by part; how it is set is for `html` and `pdf`."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medportal.learning.report import drawing
from medportal.learning.report.drawing import Drawing
from medportal.learning.report.words import (
    CONTROLS,
    DEFINITIONS,
    INTERVALS,
    PURPOSE,
    SEEN,
    SUBGROUPS,
    WAYS,
    WORTH,
    title_of,
)

MOST_CLASSES, MOST_CONFUSED = 40, 20


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows below a head; the first column names, the others hold numbers or words."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    # For each row, where it leads to: (study UID, series UID, slice); or nothing.
    links: tuple[tuple[str, str, int] | None, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """Grey images of one side, bytes, each with its name."""

    side: int
    images: tuple[tuple[str, bytes], ...]


Block = Text | Table | Drawing | Pictures


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A title, and sections."""

    title: str
    purpose: str
    sections: tuple[Section, ...]


def report_of(document: Mapping[str, Any]) -> Report:
    """Return the report of an evaluation document (see `evaluation.build_document`); what it lacks is left out."""
    sections = [
        Section("What was evaluated", (_facts(document),)),
        Section("Seen in training", _seen(document)),
        Section("Figures", _figures(document)),
        Section("Controls", _controls(document)),
        Section("Classes", _classes(document)),
        Section("Curves", _curves(document)),
        Section("Confusion", _confusion(document)),
        Section("Calibration", _calibration(document)),
        Section("Slices", _slices(document)),
        Section("Subgroups", _subgroups(document)),
        Section("What the images are worth", _worth(document)),
        Section("Generated images, synthetic", _samples(document)),
        Section("Worst cases", _cases(document)),
        Section("Not evaluated", _failed(document)),
        Section("Definitions", _definitions(document)),
    ]
    title = f"{document['model']}@{document['version']} on {_cohort(document)}, {document['split']}"
    return Report(title, PURPOSE, tuple(section for section in sections if section.blocks))


def _cohort(document: Mapping[str, Any]) -> str:
    number = document.get("cohort_version")
    return f"{document['cohort']}@{number}" if number else str(document["cohort"])


def _facts(document: Mapping[str, Any]) -> Table:
    named = {
        "Model": f"{document['model']}, version {document['version']}",
        "SHA-256": document.get("sha256"),
        "Task": document["task"],
        "Cohort": _cohort(document),
        "Split": document["split"],
        "Series": document["n"],
        "Groups (patients)": document["groups"],
        "Classes": ", ".join(document["classes"]),
        "Labels": f"outcome at {document['horizon_days']:g} days" if document.get("horizon_days") else None,
        "Threshold": document.get("threshold"),
        "Run on": document.get("provider"),
        "Evaluated": document.get("evaluated_at"),
    }
    return Table(("", ""), tuple((name, _plain(value)) for name, value in named.items() if value not in (None, "")))


def _seen(document: Mapping[str, Any]) -> tuple[Block, ...]:
    """Warn of figures of what the model has learnt from."""
    seen = document.get("seen_in_training") or {}
    return (Text(SEEN.format(**seen)),) if seen.get("groups") else ()


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _figures(document: Mapping[str, Any]) -> tuple[Block, ...]:
    units = document.get("units", {})
    rows = tuple((title_of(name, units), *_told(one)) for name, one in document["metrics"].items())
    shown = [
        (title_of(name, {}), one["value"], one["low"], one["high"])
        for name, one in document["metrics"].items()
        if name not in units and one["value"] is not None and 0 <= one["value"] <= 1
    ]
    table = Table(("Figure", "Value", "95 % interval"), rows)
    return (table, drawing.intervals(shown), Text(INTERVALS)) if shown else (table, Text(INTERVALS))


def _told(figure: Mapping[str, Any]) -> tuple[str, str]:
    low, high = figure.get("low"), figure.get("high")
    return number_of(figure.get("value")), f"{number_of(low)} to {number_of(high)}" if low is not None else "–"


def number_of(value: float | None) -> str:
    """Return a figure with three decimals; with three digits where it is small, and four where it is large."""
    if value is None or not math.isfinite(value):
        return "–"
    if 0 < abs(value) < 0.01 or abs(value) >= 100:
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"
    return f"{value:.3f}"


def _controls(document: Mapping[str, Any]) -> tuple[Block, ...]:
    controls = document.get("controls") or {}
    if not controls:
        return ()
    names = [name for name in document["metrics"] if any(name in one for one in controls.values())]
    rows = tuple(
        (title_of(name, {}), _beside(document["metrics"][name]), *(_beside(one.get(name)) for one in controls.values()))
        for name in names
    )
    return (Table(("Figure", "This model", *controls), rows), Text(CONTROLS))


def _beside(figure: Mapping[str, Any] | None) -> str:
    if not figure or figure.get("value") is None:
        return "–"
    value, interval = _told(figure)
    return value if interval == "–" else f"{value} ({interval})"


def _classes(document: Mapping[str, Any]) -> tuple[Block, ...]:
    per_class = document.get("per_class") or {}
    if len(per_class) < 2 and document["task"] != "segmentation":
        return ()
    shown = list(per_class.items())[:MOST_CLASSES]
    names = [name for name in (shown[0][1] if shown else {}) if not name.startswith("sensitivity_at_")][:7]
    head = ("Class", *(title_of(name, document.get("units", {})) for name in names))
    return (Table(head, tuple((label, *(number_of(one[name]["value"]) for name in names)) for label, one in shown)),)


_AXES = {
    "roc": ("ROC", "false positive rate", "sensitivity", True, False),
    "pr": ("Precision and recall", "recall", "precision", False, False),
    "froc": ("Free response (FROC)", "false positives per series", "sensitivity", False, True),
}


def _curves(document: Mapping[str, Any]) -> tuple[Block, ...]:
    drawn = []
    for name, lines in (document.get("curves") or {}).items():
        if name in _AXES and lines:
            title, x_title, y_title, has_diagonal, is_log = _AXES[name]
            drawn.append(
                drawing.curves(title, lines, x_title=x_title, y_title=y_title, has_diagonal=has_diagonal, is_log=is_log)
            )
    return tuple(drawn)


def _confusion(document: Mapping[str, Any]) -> tuple[Block, ...]:
    found = document.get("confusion")
    if not found or len(found["classes"]) > MOST_CONFUSED:
        return ()
    return (drawing.confusion(found["classes"], found["counts"]),)


def _calibration(document: Mapping[str, Any]) -> tuple[Block, ...]:
    bins = (document.get("calibration") or {}).get("bins")
    return (drawing.reliability(bins),) if bins else ()


def _slices(document: Mapping[str, Any]) -> tuple[Block, ...]:
    found = document.get("slices")
    if not found:
        return ()
    rows = tuple((title_of(name, {}), *_told(one)) for name, one in found["metrics"].items())
    return (Text(f"{found['n']} slices have a label of their own."), Table(("Figure", "Value", "95 % interval"), rows))


def _subgroups(document: Mapping[str, Any]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    chosen = [name for name in MAIN_FIGURES if name in document["metrics"]][:5]
    for attribute, rows in (document.get("subgroups") or {}).items():
        head = (SUBGROUPS.get(attribute, attribute), "Series", "Groups", *(title_of(name, {}) for name in chosen))
        lines = tuple(
            (
                row["value"] or "not known",
                str(row["n"]),
                str(row["groups"]),
                *(_beside(row["metrics"].get(name)) for name in chosen),
            )
            for row in rows
        )
        blocks.append(Table(head, lines))
    return tuple(blocks)


# What is told of subgroups, the first that there are.
MAIN_FIGURES = ("accuracy", "recall", "specificity", "auc", "dice", "hd95", "map50", "sensitivity_at_1", "f1", "psnr")


def _samples(document: Mapping[str, Any]) -> tuple[Block, ...]:
    samples = document.get("samples") or []
    images = tuple((one["caption"], base64.b64decode(one["grey"])) for one in samples)
    side = samples[0]["side"] if samples else 0
    return (Pictures(side, images),) if images else ()


def _worth(document: Mapping[str, Any]) -> tuple[Block, ...]:
    worth = document.get("worth") or {}
    if not worth:
        return ()
    names = [name for name in WORTH_FIGURES if any(name in told["metrics"] for told in worth.values())]
    head = ("A classifier that learnt from", "Training images", *(title_of(name, {}) for name in names))
    rows = tuple(
        (title, str(told["training_images"]), *(_beside(told["metrics"].get(name)) for name in names))
        for way, title in WAYS.items()
        if (told := worth.get(way))
    )
    measured = next(iter(worth.values()))["measured_images"]
    return (Table(head, rows), Text(WORTH.format(images=measured, split=document["split"])))


WORTH_FIGURES = ("balanced_accuracy", "accuracy", "auc")


def _cases(document: Mapping[str, Any]) -> tuple[Block, ...]:
    cases: Sequence[Mapping[str, Any]] = document.get("cases") or []
    if not cases:
        return ()
    rows = tuple(
        (
            str(one["series_uid"]),
            str(one["group"]),
            one["truth"] or "–",
            one["prediction"] or "–",
            number_of(one["score"]),
            str(int(one["slice"]) + 1),
        )
        for one in cases
    )
    links = tuple(
        (str(one["study_uid"]), str(one["series_uid"]), int(one["slice"])) if one.get("study_uid") else None
        for one in cases
    )
    return (Table(("Series", "Group", "Truth", "Called", "Score", "Slice"), rows, links),)


def _failed(document: Mapping[str, Any]) -> tuple[Block, ...]:
    failed = document.get("failed") or []
    if not failed:
        return ()
    rows = tuple((str(one["series_uid"]), str(one["detail"])) for one in failed)
    return (Text(f"In no figure: {len(failed)} series."), Table(("Series", "Why"), rows))


def _definitions(document: Mapping[str, Any]) -> tuple[Block, ...]:
    names = dict.fromkeys(
        "sensitivity_at" if name.startswith("sensitivity_at_") else name for name in document["metrics"]
    )
    rows = tuple((title_of(name, {}), DEFINITIONS[name]) for name in names if name in DEFINITIONS)
    return (Table(("", ""), rows),) if rows else ()


def grid_of(pictures: Pictures, *, columns: int = 8) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the images as one, in rows of `columns`, a white line between them."""
    side, count = pictures.side, len(pictures.images)
    rows = math.ceil(count / columns)
    grid = np.full((rows * (side + 1), columns * (side + 1)), 255, np.uint8)
    for k, (_, raw) in enumerate(pictures.images):
        y, x = k // columns * (side + 1), k % columns * (side + 1)
        grid[y : y + side, x : x + side] = np.frombuffer(raw, np.uint8).reshape(side, side)
    return grid
