"""Looks for what would make a model's figures untrue before anything is trained: leakage, imbalance, shortcuts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice, product
from typing import Any

import numpy as np

from medportal.annotations.models import Source
from medportal.archive.models import Series
from medportal.cohorts.crossing import finding, patients_met_twice
from medportal.cohorts.fingerprints import counts_in
from medportal.cohorts.models import Kind, PerceptualHash, Split
from medportal.imaging.perceptual import NEAR, Block, near_blocks, same_places

# What a report looks for: one of another form is made anew when it is asked for.
FORM = 2
# Pairs that are named; all are counted.
LISTED_PAIRS = 100
# A class with fewer groups cannot be in each of three splits.
FEW_GROUPS = 3
# By how much a manufacturer's share may differ between two classes.
UNEVEN = 0.3
_SAID_BY: Mapping[str, str] = {
    Source.PERSON: "people",
    Source.IMPORT: "imports",
    Source.PHANTOM: "phantoms (true by construction)",
    Source.MODEL: "models",
}
_AT_ONCE = 1000


def check_of(
    kind: str,
    classes: Sequence[str],
    series: Sequence[Series],
    *,
    splits: Sequence[str],
    groups: Sequence[str],
    held: Sequence[Sequence[str]],
    in_slices: Sequence[Collection[str]],
    sources: Mapping[str, int],
) -> dict[str, Any]:
    """Return the report of a cohort's check; `splits`, `groups` and `held` (the classes in it) are of each series.

    So is `in_slices`: the classes by which its slices are labelled. A class is there where a slice has it: it is slices
    that are learnt from. `sources` says how many of the targets are whose, as far as that is known.

    `findings` are for people, the worst first: {"code", "severity": "error" | "warning" | "note", "detail"}. That no
    group is on two sides is seen to before this is called. Near-duplicates are looked for among the series whose
    hashes are known; `unhashed` says how many are not.
    """
    hashes = known_hashes(series)
    pairs, total = _pairs_across(series, splits, [hashes.get(one.pk, []) for one in series])
    there = [sorted({*whole, *slices}) for whole, slices in zip(held, in_slices, strict=True)]
    report: dict[str, Any] = {
        "form": FORM,
        "balance": {split: counts_in(split, classes, splits, there) for split in Split.values},
        "groups": {split: _groups_in(split, classes, splits, groups, there) for split in Split.values},
        "series_of_split": {split: list(splits).count(split) for split in Split.values},
        "manufacturers": _manufacturers(series, held) if kind in (Kind.CLASSES, Kind.MULTI_LABEL) else {},
        "sources": dict(sources),
        "near_duplicates": pairs,
        "near_duplicate_pairs": total,
        "near_distance": NEAR,
        "unhashed": sum(one.pk not in hashes for one in series),
    }
    findings = [
        *patients_met_twice(series, splits),
        *_of_leakage(report),
        *_of_splits(report),
        *_of_classes(report, classes),
        *_of_makers(report),
    ]
    findings += _of_sources(sources)
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
    """Return (some pairs of near-duplicates in different splits, how many there are).

    Series of the same hashes are compared as one, and pairs are counted, not gone through: of n black images there are
    n²/2.
    """
    places = same_places(hashes)
    sides = sorted(set(splits))
    # Places by split, and how many: (hash, split).
    parted = [[[i for i in one if splits[i] == side] for side in sides] for one in places]
    counts = np.asarray([[len(part) for part in parts] for parts in parted], np.int64).reshape(len(places), len(sides))
    own = np.arange(len(places))
    blocks: Iterator[Block] = chain(
        [(own, own, np.zeros(len(places), np.uint8))], near_blocks([hashes[one[0]] for one in places])
    )
    listed: list[dict[str, Any]] = []
    total = 0
    for first, second, distance in blocks:
        across = counts[first].sum(1) * counts[second].sum(1) - (counts[first] * counts[second]).sum(1)
        # With itself each pair is counted twice.
        across = np.where(first == second, across // 2, across)
        total += int(across.sum())
        for at in np.nonzero(across)[0][: LISTED_PAIRS - len(listed)].tolist():
            pairs = _pairs_of(parted[first[at]], parted[second[at]], is_one=first[at] == second[at])
            for i, j in islice(pairs, LISTED_PAIRS - len(listed)):
                uids = [series[place].series_instance_uid for place in (i, j)]
                listed.append({"series": uids, "splits": [splits[i], splits[j]], "distance": int(distance[at])})
    return listed, total


def _pairs_of(one: list[list[int]], other: list[list[int]], *, is_one: bool) -> Iterator[tuple[int, int]]:
    """Yield the pairs of places of different splits; of the same hash each pair once."""
    for side, places in enumerate(one):
        for other_side, other_places in enumerate(other):
            if side < other_side or (side > other_side and not is_one):
                yield from product(places, other_places)


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


def _of_leakage(report: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    if total := report["near_duplicate_pairs"]:
        detail = f"{total} pair(s) of images look alike and are in different splits: figures will be too good."
        found.append(finding("near_duplicates", "warning", detail))
    if unhashed := report["unhashed"]:
        detail = f"{unhashed} series have not been looked at for near-duplicates yet."
        found.append(finding("not_compared", "note", detail))
    return found


def _of_splits(report: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    for split, number in report["series_of_split"].items():
        if number == 0:
            severity = "warning" if split == Split.TRAIN else "note"
            found.append(finding("empty_split", severity, f"The {split} split is empty."))
            continue
        for name, count in report["balance"][split].items():
            if count == 0:
                severity = "error" if split == Split.TRAIN else "warning"
                detail = f"The {split} split has no series of class “{name}”."
                found.append(finding("class_not_in_split", severity, detail))
    return found


def _of_sources(sources: Mapping[str, int]) -> list[dict[str, str]]:
    if not sources:
        return []
    told = ", ".join(f"{_SAID_BY.get(source, source)} {number}" for source, number in sources.items())
    if number := sources.get(Source.MODEL, 0):
        detail = f"{number} series are marked by a model: whoever learns from them learns its faults too ({told})."
        return [finding("model_marks", "warning", detail)]
    return [finding("sources", "note", f"Who has marked how many series: {told}.")]


def _of_classes(report: dict[str, Any], classes: Sequence[str]) -> list[dict[str, str]]:
    found = []
    totals = {name: sum(report["balance"][split][name] for split in Split.values) for name in classes}
    groups = {name: sum(report["groups"][split][name] for split in Split.values) for name in classes}
    if few := [name for name in classes if groups[name] < FEW_GROUPS]:
        named = ", ".join(f"“{name}” {groups[name]}" for name in few[:10]) + (" …" if len(few) > 10 else "")
        detail = f"Of fewer than {FEW_GROUPS} patients: {named}. Such a class cannot be learnt and tried on others."
        found.append(finding("class_too_small", "warning", detail))
    if totals and max(totals.values()) > 10 * max(min(totals.values()), 1):
        rare, common = min(totals, key=lambda n: totals[n]), max(totals, key=lambda n: totals[n])
        detail = f"{totals[common]} series hold “{common}”, {totals[rare]} hold “{rare}”."
        found.append(finding("imbalance", "warning", detail))
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
            found.append(finding("manufacturer_uneven", "warning", detail))
    return found
