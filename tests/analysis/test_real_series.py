"""A model on a real series, from its files: a verdict with as many slices as there are, in the order of the body."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from medportal.archive.models import Series
from medportal.jobs.models import Job
from tests.packages import register
from tests.processes import ROOT, Site
from tests.rails import People

SHARED = Path(os.environ.get("MEDPORTAL_SHARED_DATA") or ROOT.parent / "shared" / "data")
MR = SHARED / "series" / "mr-t1-120"


@pytest.mark.skipif(not MR.is_dir(), reason="no real images: MEDPORTAL_SHARED_DATA names no folder that holds them")
def test_a_real_mr_series_is_imported_and_read(site: Site, people: People, tmp_path: Path) -> None:
    people.member("reader")
    reads_mr = {"modalities": ["MR"], "window": [0.0, 2000.0]}
    version = register(people.team, tmp_path, input=reads_mr)
    words = ("predict", "--model", "bright", "--path", str(MR), "--team", people.team.slug, "--json")
    report = json.loads(site.command(*words).stdout.splitlines()[-1])
    series = Series.objects.get(team=people.team)
    result = report["result"]
    assert (series.modality, series.is_synthetic, result["is_synthetic"]) == ("MR", False, False)
    assert (report["model"], report["version"], result["sha256"]) == ("bright", 1, version.sha256)
    assert Job.objects.get(pk=report["job"]).state == "succeeded"
    positions = dict(series.instances.values_list("sop_instance_uid", "slice_position_mm"))
    order = [positions[one["sop_instance_uid"]] for one in result["slices"]]
    assert len(order) == len(positions) == 120
    assert order in (sorted(order), sorted(order, reverse=True))
    assert len({one["probability"] for one in result["slices"]}) > 20
