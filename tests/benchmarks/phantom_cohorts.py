"""Stores phantoms on a site and freezes them twice: with boxes about their nodules, and with classes of their slices.

    python -m tests.benchmarks.phantom_cohorts PATIENTS

The benchmark's own site is meant: MEDPORTAL_DATA_DIR names it.
"""

from __future__ import annotations

import json
import os
import sys

import django


def main(patients: int) -> None:
    """Store and freeze, and end with one JSON line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medportal.config.settings")
    django.setup()
    from medportal.accounts.models import Team, User
    from medportal.cohorts.services import choose_version
    from medportal.config import demo
    from medportal.imaging.phantom_dicom import phantom_uid
    from medportal.learning.phantom_data import CLASSES

    team, actor = Team.objects.get(slug="demo"), User.objects.get(username="demo")
    cases = demo.demo_cases(patients)
    demo.import_phantoms(team, actor, cases, say=lambda words: sys.stderr.write(f"{words}\n") and None)
    series = [phantom_uid(case.seed, case.kind, case.number, "series") for case in cases]
    split = {"train": 0.6, "validation": 0.15, "test": 0.25}
    boxes, _ = choose_version(actor, "demo", name="nodules", kind="boxes", series=series, split=split)
    slices, _ = choose_version(
        actor, "demo", name="phantoms", scheme=demo.SCHEME, classes=CLASSES, series=series, split=split
    )
    sys.stdout.write(json.dumps({"boxes": str(boxes), "slices": str(slices), "series": len(series)}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
