"""How often what a model finds alike is of one class: precision among the five nearest, outside the own group.

    python -m tests.benchmarks.alike MODEL COHORT

The newest version of the model and of the cohort on the site that MEDPORTAL_DATA_DIR names. Each series of the test
split asks among all series of other groups, as the viewer's search does; beside it, the same by the distance of the
pixels that the model is given. Ends with one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import django
import numpy as np
from numpy.typing import NDArray

NEAREST = 5


def main(model: str, cohort: str) -> None:
    """Embed a cohort and ask."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medportal.config.settings")
    django.setup()
    from medportal.cohorts.models import CohortVersion
    from medportal.cohorts.reading import load_member
    from medportal.inference.embed import embed
    from medportal.inference.preprocess import prepare_volume
    from medportal.inference.session import Session
    from medportal.learning.metrics import mean_figures
    from medportal.zoo.models import ModelVersion
    from medportal.zoo.packages import open_version

    version = CohortVersion.objects.filter(cohort__name=cohort).order_by("-number")[0]
    session = Session(
        open_version(ModelVersion.objects.filter(model__name=model).order_by("-number")[0]), use_gpu=False
    )
    began = time.monotonic()
    series = [load_member(one) for one in version.members.select_related("series__team", "version")]
    vectors = np.stack([embed(session, one.volume) for one in series])
    pixels = [prepare_volume(session.package.manifest.input, one.volume)[0].mean(axis=1).ravel() for one in series]
    groups, labels = np.array([one.group for one in series]), np.array([one.label for one in series])
    asking = np.array([one.split == "test" for one in series])
    found = {
        "precision_at_5": precision(vectors, groups, labels)[asking],
        "pixels_precision_at_5": precision(np.stack(pixels), groups, labels)[asking],
    }
    told = {
        "metrics": mean_figures(groups[asking].tolist(), found).to_json(),
        "n": int(asking.sum()),
        "groups": len(set(groups[asking])),
        "training": (time.monotonic() - began) / 60,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def precision(vectors: NDArray[Any], groups: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return for each vector the share of its class among its nearest of other groups (Euclidean)."""
    wide = vectors.astype(np.float64)
    squares = (wide**2).sum(axis=1)
    distances = squares[:, None] + squares[None] - 2 * wide @ wide.T
    distances[groups[:, None] == groups[None]] = np.inf
    nearest = np.argsort(distances, axis=1)[:, :NEAREST]
    share: NDArray[np.float64] = (labels[nearest] == labels[:, None]).mean(axis=1)
    return share


if __name__ == "__main__":
    main(*sys.argv[1:3])
