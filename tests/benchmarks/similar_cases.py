"""How long similar cases take among many embeddings, beside the bare product of matrix and vector.

    python -m tests.benchmarks.similar_cases [--series 100000] [--values 256] [--rounds 7]

Makes a data folder of its own with that many series of random embeddings, asks the view through Django's test client
(authentication, access, JSON and all), and multiplies the same matrix with numpy in turns. The medians are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--values", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MEDPORTAL_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "medportal.config.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        print(json.dumps(measured(options.series, options.values, options.rounds), indent=1))


def measured(series: int, values: int, rounds: int) -> dict[str, Any]:
    """Fill the database and measure."""
    from django.test import Client

    from medportal.accounts.models import Membership, Team, User
    from medportal.analysis import nearest

    team = Team.objects.create(slug="t", name="t")
    user = User.objects.create_user("reader")
    Membership.objects.create(user=user, team=team, role="reader")
    fill(team, series, values)
    client = Client()
    client.force_login(user)
    numbers = iter(range(10_000))

    def ask() -> None:
        response = client.get(f"/api/v1/teams/t/series/2.{next(numbers)}/similar/", HTTP_HOST="localhost")
        assert (response.status_code, response.json()["compared"]) == (200, series), response.content

    cold = seconds(ask)
    matrix = nearest.matrices().get((team.pk, "m", 1)).vectors
    times: dict[str, list[float]] = {"request": [], "product": []}
    for _ in range(rounds):
        times["request"].append(seconds(ask))
        times["product"].append(seconds(lambda: matrix @ matrix[0]))
    medians = {f"{name}_ms": round(1000 * statistics.median(taken), 1) for name, taken in times.items()}
    return {"series": series, "values": values, "first_request_ms": round(1000 * cold, 1), **medians}


def fill(team: Any, count: int, values: int) -> None:
    """Write series of as many patients, a version in production, and random embeddings."""
    from django.db import transaction

    from medportal.analysis.models import Embedding
    from medportal.archive.models import Patient, Series, Study
    from medportal.zoo.models import Model, ModelVersion
    from tests.packages import manifest_of

    model = Model.objects.create(team=team, name="m", task="autoencoder")
    manifest = manifest_of(b"", task="autoencoder")
    ModelVersion.objects.create(model=model, number=1, stage="production", origin="trained", manifest=manifest)
    rng, step = np.random.default_rng(0), 2000
    with transaction.atomic():
        for start in range(0, count, step):
            here = range(start, min(start + step, count))
            patients = Patient.objects.bulk_create([Patient(team=team, patient_id=f"P{i}") for i in here])
            studies = Study.objects.bulk_create(
                [Study(team=team, patient=p, study_instance_uid=f"1.{i}") for i, p in zip(here, patients, strict=True)]
            )
            rows = [
                Series(team=team, study=s, series_instance_uid=f"2.{i}", modality="CT", number_of_frames=9, revision=1)
                for i, s in zip(here, studies, strict=True)
            ]
            vectors = rng.standard_normal((len(rows), values)).astype("<f4")
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            common = {"team": team, "model": "m", "version": 1, "sha256": "0" * 64, "revision": 1}
            made = Series.objects.bulk_create(rows)
            Embedding.objects.bulk_create(
                [Embedding(series=s, vector=v.tobytes(), **common) for s, v in zip(made, vectors, strict=True)]
            )


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
