"""Looks for what would make a model's figures untrue before anything is trained: leakage, imbalance, shortcuts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from medportal.archive.models import Series
from medportal.cohorts.fingerprints import counts_in
from medportal.cohorts.models import Kind, PerceptualHash, Split
from medportal.imaging.perceptual import NEAR, near_pairs

# Pairs that are named; all are counted.
LISTED_PAIRS = 100
# A class with fewer groups cannot be in each of three splits.
FEW_GROUPS = 3
# By how much a manufacturer's share may differ between two classes.
UNEVEN = 0.3
_AT_ONCE = 1000


def check_of(
    kind: str,
    classes: Sequence[str],
    series: Sequence[Series],
    *,
    splits: Sequence[str],
    groups: Sequence[str],
    held: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Return the report of a cohort's check; `splits`, `groups` and `held` (the classes in it) are of each series.

    `findings` are for people, the worst first: {"code", "severity": "error" | "warning" | "note", "detail"}. That no
    group is on two sides is seen to before this is called. Near-duplicates are looked for among the series whose
    hashes are known; `unhashed` says how many are not.
    """
    hashes = known_hashes(series)
    pairs, total = _pairs_across(series, splits, [hashes.get(one.pk, []) for one in series])
    report: dict[str, Any] = {
        "balance": {split: counts_in(split, classes, splits, held) for split in Split.values},
        "groups": {split: _groups_in(split, classes, splits, groups, held) for split in Split.values},
        "series_of_split": {split: list(splits).count(split) for split in Split.values},
        "manufacturers": _manufacturers(series, held) if kind in (Kind.CLASSES, Kind.MULTI_LABEL) else {},
        "near_duplicates": pairs,
        "near_duplicate_pairs": total,
        "near_distance": NEAR,
        "unhashed": sum(one.pk not in hashes for one in series),
    }
    findings = [*_of_leakage(report), *_of_splits(report), *_of_classes(report, classes), *_of_makers(report)]
    order = ("error", "warning", "note")
    return {**report, "findings": sorted(findings, key=lambda one: order.index(one["severity"]))}


def known_hashes(series: Sequence[Series]) -> dict[int, list[str]]:
    """Return the perceptual hashes of the series as they now are: series' row → hashes."""
    revisions = {one.pk: one.revision for one in series}
    keys, known = list(revisions), dict[int, list[str]]()
    for start in range(0, len(keys), _AT_ONCE):
        rows = PerceptualHash.objects.filter(series__in=keys[start : start + _AT_ONCE])
        known |= {row.series_id: row.hashes for row in rows if row.revision == revisions[row.series_id]}
    return known


def _pairs_across(
    series: Sequence[Series], splits: Sequence[str], hashes: Sequence[Sequence[str]]
) -> tuple[list[dict[str, Any]], int]:
    """Return (some pairs of near-duplicates in different splits, how many there are)."""
    listed: list[dict[str, Any]] = []
    total = 0
    for i, j, distance in near_pairs(hashes):
        if splits[i] == splits[j]:
            continue
        total += 1
        if len(listed) < LISTED_PAIRS:
            uids = (series[i].series_instance_uid, series[j].series_instance_uid)
            listed.append({"series": list(uids), "splits": [splits[i], splits[j]], "distance": distance})
    return listed, total


def _groups_in(
    split: str, classes: Sequence[str], splits: Sequence[str], groups: Sequence[str], held: Sequence[Sequence[str]]
) -> dict[str, int]:
    of_class: dict[str, set[str]] = {name: set() for name in classes}
    for one, group, names in zip(splits, groups, held, strict=True):
        for name in names if one == split else ():
            of_class[name].add(group)
    return {name: len(members) for name, members in of_class.items()}


def _manufacturers(series: Sequence[Series], held: Sequence[Sequence[str]]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one, names in zip(series, held, strict=True):
        for name in names:
            counts[name][one.manufacturer] += 1
    return {name: dict(sorted(makers.items())) for name, makers in sorted(counts.items())}


def _finding(code: str, severity: str, detail: str) -> dict[str, str]:
    return {"code": code, "severity": severity, "detail": detail}


def _of_leakage(report: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    if total := report["near_duplicate_pairs"]:
        detail = f"{total} pair(s) of images look alike and are in different splits: figures will be too good."
        found.append(_finding("near_duplicates", "warning", detail))
    if unhashed := report["unhashed"]:
        detail = f"{unhashed} series have not been looked at for near-duplicates yet."
        found.append(_finding("not_compared", "note", detail))
    return found


def _of_splits(report: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    for split, number in report["series_of_split"].items():
        if number == 0:
            severity = "warning" if split == Split.TRAIN else "note"
            found.append(_finding("empty_split", severity, f"The {split} split is empty."))
            continue
        for name, count in report["balance"][split].items():
            if count == 0:
                severity = "error" if split == Split.TRAIN else "warning"
                detail = f"The {split} split has no series of class “{name}”."
                found.append(_finding("class_not_in_split", severity, detail))
    return found


def _of_classes(report: dict[str, Any], classes: Sequence[str]) -> list[dict[str, str]]:
    found = []
    totals = {name: sum(report["balance"][split][name] for split in Split.values) for name in classes}
    groups = {name: sum(report["groups"][split][name] for split in Split.values) for name in classes}
    if few := [name for name in classes if groups[name] < FEW_GROUPS]:
        named = ", ".join(f"“{name}” {groups[name]}" for name in few[:10]) + (" …" if len(few) > 10 else "")
        detail = f"Of fewer than {FEW_GROUPS} patients: {named}. Such a class cannot be learnt and tried on others."
        found.append(_finding("class_too_small", "warning", detail))
    if totals and max(totals.values()) > 10 * max(min(totals.values()), 1):
        rare, common = min(totals, key=lambda n: totals[n]), max(totals, key=lambda n: totals[n])
        detail = f"{totals[common]} series hold “{common}”, {totals[rare]} hold “{rare}”."
        found.append(_finding("imbalance", "warning", detail))
    return found


def _of_makers(report: dict[str, Any]) -> list[dict[str, str]]:
    """Find manufacturers that tell the classes apart: a model may learn the scanner instead of the disease."""
    found = []
    makers: dict[str, dict[str, int]] = report["manufacturers"]
    for maker in sorted({maker for counts in makers.values() for maker in counts} - {""}):
        shares = {name: counts.get(maker, 0) / sum(counts.values()) for name, counts in makers.items()}
        low, high = min(shares, key=lambda n: shares[n]), max(shares, key=lambda n: shares[n])
        if shares[high] - shares[low] > UNEVEN:
            detail = f"{shares[high]:.0%} of “{high}” but {shares[low]:.0%} of “{low}” are from {maker}."
            found.append(_finding("manufacturer_uneven", "warning", detail))
    return found
