"""Checks a frozen version anew, once more is known of how its series look; what comes of it is kept."""

from __future__ import annotations

from typing import Any

from medportal.cohorts import access
from medportal.cohorts.checking import FORM, check_of
from medportal.cohorts.hashing import hash_series
from medportal.cohorts.models import CohortVersion


def compared(version: CohortVersion, *, budget_s: float) -> dict[str, Any]:
    """Return a version's check; series without perceptual hashes get theirs first, as many as the time allows."""
    report = version.check_report
    if report.get("form") == FORM and not report["unhashed"]:
        return dict(report)
    rows = version.members.exclude(series=None).select_related("series", "annotation_set__label_map")
    members = list(rows.defer("annotation_set__label_map__payload"))
    series = [member.series for member in members if member.series]
    hash_series(series, budget_s=budget_s)
    found = check_of(
        version.kind,
        version.classes,
        series,
        splits=[member.split for member in members],
        groups=[member.group for member in members],
        held=[sorted(access.classes_of(member, version) & set(version.classes)) for member in members],
        in_slices=[set(member.slice_labels.values()) for member in members],
        sources=report.get("sources", {}),
    )
    CohortVersion.objects.filter(pk=version.pk).update(check_report=found)
    return found
