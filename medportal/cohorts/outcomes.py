"""Outcomes of patients at a horizon, as labels to learn a prognosis from."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from django.db import transaction

from medportal.accounts.models import Team, User
from medportal.annotations.access import horizon_of
from medportal.annotations.models import Label, Source
from medportal.annotations.services import label_studies
from medportal.archive.models import Study
from medportal.audit.services import record
from medportal.cohorts.datasets.columns import EVENTS, PATIENTS, TIMES, column_named, meant_or_named
from medportal.cohorts.datasets.items import Options
from medportal.cohorts.datasets.tables import Row, parse_table
from medportal.errors import InvalidError

# Whether the event came within the horizon.
YES, NO = "yes", "no"
# cBioPortal has 1:DECEASED and 0:LIVING.
_CAME = ("1", "1.0", "yes", "true", "dead", "deceased", "1:deceased")
_CAME_NOT = ("0", "0.0", "no", "false", "alive", "living", "0:living")
_AT_ONCE = 500
_LONGEST_SCHEME = 60


@dataclass(frozen=True)
class Columns:
    """What a table calls the PatientID, the days until the event or the last sight, and whether it came (1 or 0)."""

    patient: str = "patient"
    time_days: str = "time_days"
    event: str = "event"


@dataclass(frozen=True)
class Outcome:
    """What a line of a table says of a patient, at a horizon."""

    line: int
    # YES or NO.
    value: str
    detail: dict[str, Any]


@dataclass
class Outcomes:
    """What a table says, at a horizon."""

    # As the table calls them.
    columns: Columns
    # By PatientID.
    of: dict[str, Outcome] = field(default_factory=dict)
    # Patients of whom nothing is known at the horizon: they left before it without the event.
    censored: list[str] = field(default_factory=list)
    # (name, reason).
    refused: list[tuple[str, str]] = field(default_factory=list)


def read_outcomes(name: str, table: bytes, columns: Columns, horizon_days: float) -> Outcomes:
    """Read a CSV table of patient, time_days and event (1: it came then; 0: last seen then without it).

    Columns that keep their usual names may be called as others call them, where one alone can be meant. Raises as
    `parse_table`; InvalidError `no_column`.
    """
    known, rows = parse_table(name, table, Options())
    columns = _columns(name, known, columns)
    outcomes, seen = Outcomes(columns), set[str]()
    for row in rows:
        patient = row.get(columns.patient)
        try:
            if patient in seen or not patient:
                raise InvalidError("patient", "the patient is named twice." if patient else "no patient is named.")
            seen.add(patient)
            time, has_event = _time(row, columns.time_days), _event(row, columns.event)
        except InvalidError as error:
            outcomes.refused.append((patient or f"line {row.number}", f"line {row.number}: {error.detail}"))
            continue
        if not has_event and time < horizon_days:
            outcomes.censored.append(patient)
            continue
        value = YES if has_event and time <= horizon_days else NO
        detail = {"time_days": time, "event": has_event, "horizon_days": horizon_days}
        outcomes.of[patient] = Outcome(row.number, value, detail)
    return outcomes


def _columns(name: str, known: Sequence[str], columns: Columns) -> Columns:
    pairs = zip(astuple(columns), (PATIENTS, TIMES, EVENTS), strict=True)
    return Columns(
        *(meant_or_named(name, known, wanted, words) or column_named(name, known, wanted) for wanted, words in pairs)
    )


def _time(row: Row, column: str) -> float:
    try:
        time = float(row.get(column))
    except ValueError as error:
        raise InvalidError("time_days", f"“{row.get(column)}” is no number of days.") from error
    if not math.isfinite(time) or time < 0:
        raise InvalidError("time_days", f"“{row.get(column)}” is no number of days from 0 on.")
    return time


def _event(row: Row, column: str) -> bool:
    word = row.get(column).casefold()
    if word not in _CAME + _CAME_NOT:
        raise InvalidError("event", f"“{row.get(column)}” is neither 1 (it came) nor 0 (it did not).")
    return word in _CAME


@transaction.atomic
def import_outcomes(
    team: Team,
    actor: User,
    *,
    name: str,
    table: bytes,
    scheme: str,
    horizon_days: float,
    columns: Columns | None = None,
) -> dict[str, Any]:
    """Label every study of the table's patients `yes` or `no` at the horizon; returns a report.

    Who was lost sight of before the horizon is left out and counted. Raises InvalidError `scheme`, `horizon`,
    `other_horizon` where the scheme holds outcomes at another one or other labels, and as `read_outcomes`.
    """
    _check(team, scheme, horizon_days)
    outcomes = read_outcomes(name, table, columns or Columns(), horizon_days)
    studies = _studies(team, list(outcomes.of))
    refused = outcomes.refused + [
        (patient, f"line {one.line}: the team has no study of this patient.")
        for patient, one in outcomes.of.items()
        if patient not in studies
    ]
    labels = [
        (study, outcomes.of[patient].value, outcomes.of[patient].detail)
        for patient, of in studies.items()
        for study in of
    ]
    new = label_studies(labels, scheme=scheme, source=Source.IMPORT, author=actor)
    values = [outcomes.of[patient].value for patient in studies]
    counts = {
        "patients": len(studies),
        YES: values.count(YES),
        NO: values.count(NO),
        "censored": len(outcomes.censored),
        "studies": len(labels),
        "new_labels": new,
    }
    record(
        actor=actor,
        action="outcomes.imported",
        team=team.slug,
        object_type="scheme",
        object_id=scheme,
        detail={
            "horizon_days": horizon_days,
            "table_sha256": hashlib.sha256(table).hexdigest(),
            **counts,
            "refused": len(refused),
        },
    )
    return {
        "scheme": scheme,
        "horizon_days": horizon_days,
        "columns": asdict(outcomes.columns),
        **counts,
        "refused": [{"item": patient, "reason": reason} for patient, reason in refused],
    }


def _check(team: Team, scheme: str, horizon_days: float) -> None:
    if not 0 < len(scheme) <= _LONGEST_SCHEME:
        raise InvalidError("scheme", f"A label scheme has a name of at most {_LONGEST_SCHEME} characters.")
    if not math.isfinite(horizon_days) or horizon_days <= 0:
        raise InvalidError("horizon", "The horizon is a number of days above 0.")
    is_used = Label.objects.filter(team=team, scheme=scheme).exists()
    if is_used and horizon_of(team, scheme) != horizon_days:
        raise InvalidError("other_horizon", f"The scheme “{scheme}” is not of this horizon: name another one.")


def _studies(team: Team, patients: list[str]) -> dict[str, list[Study]]:
    found: dict[str, list[Study]] = defaultdict(list)
    for start in range(0, len(patients), _AT_ONCE):
        rows = Study.objects.filter(team=team, patient__patient_id__in=patients[start : start + _AT_ONCE])
        for study in rows.select_related("patient", "team").order_by("pk"):
            found[study.patient.patient_id].append(study)
    return found
