"""Finds patients who are met on two sides of a version's splits: by PatientID, or through a model that paints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from medportal.archive.models import Series
from medportal.cohorts.access import generated_among, patients_of
from medportal.cohorts.generators import taught_makers
from medportal.cohorts.models import Split

Finding = dict[str, str]


def finding(code: str, severity: str, detail: str) -> Finding:
    """Return something that a check has found; `severity` is error, warning or note."""
    return {"code": code, "severity": severity, "detail": detail}


def patients_met_twice(series: Sequence[Series], splits: Sequence[str]) -> list[Finding]:
    """Return what speaks for one person being learnt from and tested; `splits` are of each series.

    Patients are named by their series alone.
    """
    whose = patients_of([one.pk for one in series])
    # Each patient's splits, with a series in each.
    sides: dict[tuple[str, ...], dict[str, Series]] = defaultdict(dict)
    for one, split in zip(series, splits, strict=True):
        sides[whose[one.pk]].setdefault(split, one)
    return [*_of_ids(list(sides.values())), *_of_generators(series, sides)]


def _of_ids(sides: Sequence[Mapping[str, Series]]) -> list[Finding]:
    """Find patients in several splits: a table's groups may say otherwise than PatientID does."""
    parted = [splits for splits in sides if len(splits) > 1]
    if not parted:
        return []
    told = " and ".join(f"{one} ({split})" for split, one in parted[0].items())
    if len(sides) == 1:
        # So it is where PatientID was overwritten: then the groups know better.
        detail = (
            f"All series bear one PatientID, in several splits: if that is one person, figures say nothing ({told})."
        )
        return [finding("one_patient_in_all", "warning", detail)]
    detail = f"{len(parted)} patient(s) are in several splits: by PatientID {told} are of one, whatever the groups say."
    return [finding("patient_on_two_sides", "error", detail)]


def _of_generators(series: Sequence[Series], sides: Mapping[tuple[str, ...], Mapping[str, Series]]) -> list[Finding]:
    """Find patients who are tested and from whom a model has learnt whose images are learnt from."""
    if not (made := generated_among(series)):
        return []
    taught, found = taught_makers(made), []
    if taught.unknown:
        detail = f"{len(taught.unknown)} series are of models of which it is not known whom they have learnt from."
        found.append(finding("generator_unknown", "note", detail))
    known = set(patients_of(taught.by).values())
    for split in (Split.VALIDATION, Split.TEST):
        met = [splits[split] for patient, splits in sides.items() if split in splits and patient in known]
        if met:
            detail = (
                f"A model whose images are in the train split has learnt from {len(met)} patient(s) of the {split} "
                f"split (one has series {met[0]}): figures will be too good."
            )
            found.append(finding("generator_has_seen", "error", detail))
    return found
