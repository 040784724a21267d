"""Outcomes of patients at a horizon, as labels to learn a prognosis from."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medportal.accounts.models import Team, User
from medportal.annotations.models import Label, Source
from medportal.annotations.services import label_studies
from medportal.archive.models import Study
from medportal.cohorts.datasets.items import Options
from medportal.cohorts.datasets.tables import Row, read_table, require_columns
from medportal.errors import InvalidError

COLUMNS = ("patient", "time_days", "event")
# Whether the event came within the horizon.
YES, NO = "yes", "no"
_AT_ONCE = 500


@dataclass
class Outcomes:
    """What a table says, at a horizon."""

    # PatientID → (yes or no, what the table says).
    values: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    # Patients of whom nothing is known at the horizon: they left before it without the event.
    censored: list[str] = field(default_factory=list)
    # (name, reason).
    refused: list[tuple[str, str]] = field(default_factory=list)


def read_outcomes(path: Path, horizon_days: float) -> Outcomes:
    """Read a table of patient, time_days and event (1: it came then; 0: last seen then without it).

    Raises as `read_table`; InvalidError `no_column`.
    """
    columns, rows = read_table(path, Options())
    require_columns(path.name, columns, COLUMNS)
    outcomes, seen = Outcomes(), set[str]()
    for row in rows:
        name = row.get("patient")
        try:
            if name in seen or not name:
                raise InvalidError("patient", "the patient is named twice." if name else "no patient is named.")
            seen.add(name)
            time, has_event = _time(row), _event(row)
        except InvalidError as error:
            outcomes.refused.append((name or f"line {row.number}", f"line {row.number}: {error.detail}"))
            continue
        if not has_event and time < horizon_days:
            outcomes.censored.append(name)
            continue
        value = YES if has_event and time <= horizon_days else NO
        outcomes.values[name] = (value, {"time_days": time, "event": has_event, "horizon_days": horizon_days})
    return outcomes


def _time(row: Row) -> float:
    try:
        time = float(row.get("time_days"))
    except ValueError as error:
        raise InvalidError("time_days", f"“{row.get('time_days')}” is no number of days.") from error
    if not math.isfinite(time) or time < 0:
        raise InvalidError("time_days", f"“{row.get('time_days')}” is no number of days from 0 on.")
    return time


def _event(row: Row) -> bool:
    word = row.get("event").casefold()
    if word not in ("0", "1", "0.0", "1.0", "no", "yes", "false", "true"):
        raise InvalidError("event", f"“{row.get('event')}” is neither 1 (it came) nor 0 (it did not).")
    return word in ("1", "1.0", "yes", "true")


def import_outcomes(team: Team, actor: User, path: Path, *, scheme: str, horizon_days: float) -> dict[str, Any]:
    """Label every study of the table's patients `yes` or `no` at the horizon; returns a report.

    Who was lost sight of before the horizon is left out and counted. Raises InvalidError `other_horizon` where the
    scheme holds outcomes at another one, and as `read_outcomes`.
    """
    if not math.isfinite(horizon_days) or horizon_days <= 0:
        raise InvalidError("horizon", "The horizon is a number of days above 0.")
    for detail in Label.objects.filter(team=team, scheme=scheme).values_list("detail", flat=True)[:1]:
        if detail.get("horizon_days") != horizon_days:
            raise InvalidError("other_horizon", f"The scheme “{scheme}” is not of this horizon: name another one.")
    outcomes = read_outcomes(path, horizon_days)
    studies = _studies(team, list(outcomes.values))
    refused = outcomes.refused + [
        (name, "the team has no study of this patient.") for name in outcomes.values if name not in studies
    ]
    labels = [(study, *outcomes.values[name]) for name, of in studies.items() for study in of]
    new = label_studies(labels, scheme=scheme, source=Source.IMPORT, author=actor)
    values = [outcomes.values[name][0] for name in studies]
    return {
        "scheme": scheme,
        "horizon_days": horizon_days,
        "patients": len(studies),
        YES: values.count(YES),
        NO: values.count(NO),
        "censored": len(outcomes.censored),
        "studies": len(labels),
        "new_labels": new,
        "refused": [{"item": name, "reason": reason} for name, reason in refused],
    }


def _studies(team: Team, patients: list[str]) -> dict[str, list[Study]]:
    found: dict[str, list[Study]] = defaultdict(list)
    for start in range(0, len(patients), _AT_ONCE):
        rows = Study.objects.filter(team=team, patient__patient_id__in=patients[start : start + _AT_ONCE])
        for study in rows.select_related("patient", "team").order_by("pk"):
            found[study.patient.patient_id].append(study)
    return found
