"""Leakage, imbalance and shortcuts are told before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from medportal.archive.models import Series
from medportal.cohorts import checking, generators, services
from medportal.cohorts.models import CohortVersion, PerceptualHash
from medportal.cohorts.services import Choice, freeze_version
from medportal.imaging.perceptual import near_pairs
from tests.chests import CLASSES, make_chest, store_chest
from tests.cohorts import sets
from tests.factories import make_member

Import = Callable[..., dict[str, Any]]


def codes(report: dict[str, Any]) -> set[str]:
    return {one["code"] for one in report["findings"]}


def test_near_duplicates_across_splits(import_set: Import, tmp_path: Path) -> None:
    rows = [dict(row, split=("train", "test")[int(row["group"][1:]) // 4]) for row in sets.patients(8)]
    path = sets.table(tmp_path, rows)
    twin = sets.picture(0)
    sets.save(tmp_path / rows[-1]["path"], twin)
    report = import_set(path, "csv")
    assert "near_duplicates" in codes(report)
    check = CohortVersion.objects.get().check_report
    (pair,) = check["near_duplicates"]
    assert (sorted(pair["splits"]), pair["distance"], check["near_duplicate_pairs"]) == (["test", "train"], 0, 1)
    assert check["unhashed"] == 0


def test_pairs_are_counted_as_if_each_were_compared() -> None:
    rng = np.random.default_rng(0)
    hashes = [[f"{1 << int(bit):032x}"] if bit else [] for bit in rng.integers(0, 12, 90)]
    # A bit away from those above, and from one another two.
    hashes += [[f"{3 << n:032x}"] for n in range(10)]
    splits = [("train", "validation", "test")[int(n)] for n in rng.integers(0, 3, len(hashes))]
    series = [Series(series_instance_uid=str(n)) for n in range(len(hashes))]
    wanted = {(i, j): bits for i, j, bits in near_pairs(hashes) if splits[i] != splits[j]}
    listed, total = checking._pairs_across(series, splits, hashes)
    assert (total, len(listed)) == (len(wanted), checking.LISTED_PAIRS)
    for one in listed:
        i, j = sorted(map(int, one["series"]))
        assert wanted.pop((i, j)) == one["distance"]
        assert sorted(one["splits"]) == sorted((splits[i], splits[j]))
    few, total = checking._pairs_across(series[:15], splits[:15], hashes[:15])
    assert len(few) == total


def test_many_black_images_take_no_time(team: Any) -> None:
    black = [["0" * 32]] * 20_000
    series = [Series(series_instance_uid=str(n)) for n in range(len(black))]
    listed, total = checking._pairs_across(series, ["train"] * 19_000 + ["test"] * 1_000, black)
    assert (len(listed), total) == (checking.LISTED_PAIRS, 19_000_000)


def test_splits_and_classes(import_set: Import, tmp_path: Path) -> None:
    rows = [dict(row, split="train" if row["label"] == "ill" else "test") for row in sets.patients(40, images=1)]
    rows = [row for row in rows if row["label"] == "ill"] + rows[:1]
    report = import_set(sets.table(tmp_path, rows), "csv")
    found = {one["code"]: one["severity"] for one in reversed(report["findings"])}
    assert found["class_not_in_split"] == "error"
    assert report["findings"][0]["severity"] == "error"
    assert (found["class_too_small"], found["imbalance"]) == ("warning", "warning")
    assert any("validation" in one["detail"] for one in report["findings"] if one["code"] == "empty_split")


@pytest.fixture
def frozen(team: Any) -> CohortVersion:
    """Six chests of the archive, never hashed; those with cancer are from another scanner."""
    series = [
        store_chest(team, n, has_cancer=n % 2 == 0, slices=2, Manufacturer=("A", "B")[n % 2]) for n in range(1, 7)
    ]
    # The same patient's images again, as another patient: what a check is for.
    series.append(_stored_again(team, 1))
    splits = ["train", "train", "train", "train", "test", "test", "test"]
    choices = [
        Choice(one, f"p{n}", CLASSES[n % 2] if n < 6 else CLASSES[0], split=split)
        for n, (one, split) in enumerate(zip(series, splits, strict=True))
    ]
    return freeze_version(team, name="chests", classes=CLASSES, choices=choices, actor=None)[0]


def _stored_again(team: Any, number: int) -> Any:
    from medportal.archive import storage
    from medportal.archive.services import store_instance
    from medportal.imaging.phantom_dicom import phantom_datasets
    from medportal.imaging.written import to_file_bytes

    for dataset in phantom_datasets(make_chest(number, has_cancer=False, slices=2), number + 100):
        content = to_file_bytes(dataset)
        path = storage.receive([content], len(content))
        series = store_instance(team=team, path=path, actor=None, door="import").series
    return series


def test_a_patient_whom_groups_put_on_two_sides(team: Any) -> None:
    """As a table does that comes with DICOM: its groups are not what PatientID says."""
    whom = ("A", "A", "B", "C", "C", "D")
    series = [store_chest(team, n, has_cancer=n % 2 == 0, slices=1, PatientID=id_) for n, id_ in enumerate(whom, 1)]
    splits = ["train", "test", "train", "train", "train", "test"]

    def freeze(places: range, name: str) -> dict[str, Any]:
        choices = [Choice(series[n], f"g{n}", CLASSES[n % 2], split=splits[n]) for n in places]
        version, _ = freeze_version(team, name=name, classes=CLASSES, choices=choices, actor=None)
        return {one["code"]: one for one in version.check_report["findings"]}

    found = freeze(range(6), "all")["patient_on_two_sides"]
    assert (found["severity"], "1 patient(s)" in found["detail"]) == ("error", True)
    assert all(f"{series[n]} ({splits[n]})" in found["detail"] for n in (0, 1))
    assert "patient_on_two_sides" not in freeze(range(1, 6), "apart")
    # One PatientID on everything names nobody.
    assert freeze(range(2), "one")["one_patient_in_all"]["severity"] == "warning"


def test_a_version_of_before_is_looked_at_anew(
    frozen: CohortVersion, client_for: Callable[..., Any], team: Any
) -> None:
    """An earlier release did not look for everything."""
    CohortVersion.objects.filter(pk=frozen.pk).update(check_report={"unhashed": 0, "findings": [], "sources": {}})
    report = client_for("viewer").get(f"/api/v1/teams/{team.slug}/cohorts/chests/versions/1/check/").json()
    assert "near_duplicates" in codes(report)


def test_manufacturers_that_tell_the_classes_apart(frozen: CohortVersion) -> None:
    assert "manufacturer_uneven" in codes(frozen.check_report)


def test_series_of_the_archive_are_compared_when_it_is_asked_for(
    frozen: CohortVersion, client_for: Callable[..., Any], team: Any
) -> None:
    assert frozen.check_report["unhashed"] == 7
    assert "not_compared" in codes(frozen.check_report)
    url = f"/api/v1/teams/{team.slug}/cohorts/chests/versions/1/check/"
    report = client_for("viewer").get(url).json()
    assert (report["unhashed"], report["near_duplicate_pairs"]) == (0, 1)
    assert PerceptualHash.objects.count() == 7
    frozen.refresh_from_db()
    assert frozen.check_report["unhashed"] == 0
    assert client_for("viewer").get(url).json() == report
    assert client_for("viewer").get(url.replace("/1/", "/9/")).status_code == 404


def test_comparing_stops_in_time_and_goes_on(frozen: CohortVersion, team: Any) -> None:
    user = make_member(team, "viewer")
    report = services.check_version(user, team.slug, "chests", 1, budget_s=-1)
    assert report["unhashed"] == 7
    assert services.check_version(user, team.slug, "chests", 1)["unhashed"] == 0


def test_a_series_that_has_grown_is_hashed_anew(frozen: CohortVersion, team: Any) -> None:
    from medportal.cohorts.checking import known_hashes
    from medportal.cohorts.hashing import hash_series

    series = [member.series for member in frozen.members.select_related("series") if member.series]
    assert hash_series(series, budget_s=10) == 7
    assert hash_series(series, budget_s=10) == 0
    series[0].revision += 1
    assert series[0].pk not in known_hashes(series)
    assert hash_series(series, budget_s=10) == 1


def test_what_the_maker_of_what_a_maker_learnt_from_has_seen_counts(team: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"PatientID": "SYNTHETIC-0123456789abcdef", "PatientName": "SYNTHETIC^maker"}
    first, second, stray = (store_chest(team, n, has_cancer=False, slices=1, **made) for n in (1, 2, 3))
    real = store_chest(team, 4, has_cancer=False, slices=1)
    jobs = {first.pk: uuid4(), second.pk: uuid4()}
    lessons = {jobs[first.pk]: {second.pk, real.pk}, jobs[second.pk]: {stray.pk, first.pk}}
    monkeypatch.setattr(generators, "_makers", [lambda rows: {row: jobs[row] for row in rows if row in jobs}])
    monkeypatch.setattr(generators, "_lessons", [lambda asked: {job: lessons[job] for job in asked}])
    taught = generators.taught_makers([first.pk])
    assert taught.by == {first.pk, second.pk, stray.pk, real.pk}
    assert taught.unknown == {stray.pk}


def test_a_version_of_before_has_neither(team: Any, client_for: Callable[..., Any]) -> None:
    """Rows that an earlier release made are shown as they are."""
    from tests.working import make_cohort

    version = make_cohort(team, patients=6)
    CohortVersion.objects.filter(pk=version.pk).update(fingerprint={}, check_report={})
    (listed,) = client_for("viewer").get(f"/api/v1/teams/{team.slug}/cohorts/").json()
    assert (listed["versions"][0]["fingerprint"], listed["versions"][0]["check"]) == ({}, {})
    assert listed["versions"][0]["counts"]["train"] == dict.fromkeys(CLASSES, 1)
