"""A model on a real series, from its files: a verdict with as many slices as there are, in the order of the body."""

from __future__ import annotations

import json
from pathlib import Path

from medportal.archive.models import Series
from medportal.jobs.models import Job
from tests.packages import register
from tests.processes import Site
from tests.rails import People
from tests.real import MR_SERIES, needs_real_data


@needs_real_data
def test_a_real_mr_series_is_imported_and_read(site: Site, people: People, tmp_path: Path) -> None:
    people.member("reader")
    reads_mr = {"modalities": ["MR"], "scaling": {"kind": "window", "low": 0.0, "high": 2000.0}}
    version = register(people.team, tmp_path, input=reads_mr)
    words = ("predict", "--model", "bright", "--path", str(MR_SERIES), "--team", people.team.slug, "--json")
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
