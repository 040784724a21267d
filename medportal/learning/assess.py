"""What a trained package is worth: run as it will be run, over the series of a split as they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from medportal.inference.manifest import InputSpec, Scaling
from medportal.inference.session import Session
from medportal.learning.evaluation import Record, TaskEvaluation, build_document, evaluation_of
from medportal.learning.prepared import SeriesToPrepare
from medportal.learning.store import Prepared


def assess(session: Session, prepared: Prepared, kind: str, check: Callable[[], None]) -> dict[str, Any]:
    """Return {split, n, groups, figures, per_class, document} of the measured split; see `evaluation.build_document`.

    A control that changes the images is measured on images that are changed alike. `check` may raise to break off.
    """
    split = prepared.measured_split
    if prepared.change is not None:
        manifest = session.package.manifest
        session.package = replace(session.package, manifest=replace(manifest, input=as_they_are(manifest.input)))
    numbers = prepared.of_split(split)
    evaluation = evaluation_for(session, prepared, kind, numbers)
    records = read_records(session, prepared, evaluation, numbers, check)
    document = build_document(evaluation, records, header={"split": split})
    return {
        "split": split,
        "n": document["n"],
        "groups": document["groups"],
        "figures": document["metrics"],
        "per_class": document["per_class"],
        "document": document,
    }


def as_they_are(spec: InputSpec) -> InputSpec:
    """Return the words on the input of a model that is given what has been prepared for it already."""
    return replace(
        spec, modalities=("",), minimum_slices=1, scaling=Scaling("window", 0.0, 1.0), fit="pixels", spacing_mm=None
    )


def _case(prepared: Prepared, number: int) -> SeriesToPrepare:
    return prepared.whole(number) if prepared.change is None else prepared.as_prepared(number)


def evaluation_for(session: Session, prepared: Prepared, kind: str, numbers: Sequence[int]) -> TaskEvaluation:
    """Return the evaluation of a package on prepared series."""
    spacings = [prepared.whole(number).volume.spacing_mm_zyx for number in numbers[:1]]
    unit = "px" if all(spacing[1:] == (1.0, 1.0) for spacing in spacings) else "mm"
    return evaluation_of(session.package.manifest, kind=kind, classes=prepared.classes, distance_unit=unit)


def read_records(
    session: Session,
    prepared: Prepared,
    evaluation: TaskEvaluation,
    numbers: Sequence[int],
    check: Callable[[], None],
) -> list[Record]:
    """Run the package over series and return their records, completed."""
    # What it would leave unsaid may be wanted for the figures.
    session.package = evaluation.package_to_run(session.package)
    records = _read(session, prepared, evaluation, numbers, check)
    reference: list[Record] = []
    if evaluation.reference_split:
        known = prepared.of_split(evaluation.reference_split)
        reference = _read(session, prepared, evaluation, known, check)
    evaluation.complete(session, reference, records)
    return records


def _read(
    session: Session,
    prepared: Prepared,
    evaluation: TaskEvaluation,
    numbers: Sequence[int],
    check: Callable[[], None],
) -> list[Record]:
    records = []
    for number in numbers:
        check()
        item, one = prepared.items[number], _case(prepared, number)
        names = {"series_uid": item.series_uid, "study_uid": "", "group": item.group, "attributes": one.attributes}
        records.append({**evaluation.read(session, one), **names})
    return records
