"""What a generator's images are worth: classifiers that learn from real images, from generated ones, and from both.

    python -m tests.benchmarks.worth_of_generated MODEL COHORT

The newest version of the model and of the cohort on the site that MEDPORTAL_DATA_DIR names; the classifiers are held
against the cohort's test split (its validation split where there is none), and end with one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import django


def main(model: str, cohort: str) -> None:
    """Prepare the cohort as the generator saw it, and let classifiers learn."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medportal.config.settings")
    django.setup()
    from medportal.cohorts.models import CohortVersion
    from medportal.cohorts.reading import load_member
    from medportal.inference.session import Session
    from medportal.learning.prepared import write_prepared
    from medportal.learning.splits import with_validation
    from medportal.learning.store import Prepared
    from medportal.learning.synthetic import worth
    from medportal.zoo.models import ModelVersion
    from medportal.zoo.packages import open_version

    version = CohortVersion.objects.filter(cohort__name=cohort).order_by("-number")[0]
    package = open_version(ModelVersion.objects.filter(model__name=model).order_by("-number")[0])
    members = list(version.members.select_related("series__team", "version"))
    seed = package.manifest.trained["config"]["seed"]
    splits = with_validation([(one.group, one.label, one.split) for one in members], seed=seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "data"
        series = (replace(load_member(one), split=split) for one, split in zip(members, splits, strict=True))
        write_prepared(data, package.manifest.input, series, whole=())
        prepared = Prepared(data, version.classes)
        found = worth(Session(package, use_gpu=False), prepared, Path(work))
        numbers = prepared.of_split(prepared.measured_split)
    told = {
        "metrics": {f"{way}_{name}": found[way][name] for way in found for name in ("balanced_accuracy", "auc")},
        "n": len(numbers),
        "groups": len({prepared.items[number].group for number in numbers}),
        "training": (time.monotonic() - began) / 60,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
