"""What a segmentation costs, against the bare work: `python -m tests.benchmarks.segmentations`.

100 segments over 300 slices of 512 × 512 are kept, fetched as a page fetches them, and one slice of one of them is
changed. Peers in the same run: packing the same bytes with zlib, and a bare row written and committed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np

SEGMENTS, SLICES, SIDE = 100, 300, 512


def _timed(act: Callable[[], Any], times: int) -> float:
    """Return the median of some runs, in ms."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _blob(rng: np.random.Generator, index: int) -> np.ndarray:
    y, x = np.ogrid[:SIDE, :SIDE]
    cy, cx, r = rng.integers(60, SIDE - 60), rng.integers(60, SIDE - 60), 10 + index % 30
    return np.asarray((y - cy) ** 2 + (x - cx) ** 2 < r * r)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MEDPORTAL_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "medportal.config.settings"}
        import django
        from django.core.management import call_command
        from django.db import transaction

        django.setup()
        call_command("migrate", verbosity=0)

        from medportal.accounts.models import Team
        from medportal.annotations.segmentations import access, document
        from medportal.annotations.segmentations.access import State
        from medportal.annotations.segmentations.arrays import named
        from medportal.annotations.segmentations.services import change_segmentation, create_segmentation
        from medportal.archive.models import Instance, Series
        from tests.chests import store_chest
        from tests.factories import make_member

        team = Team.objects.create(slug="demo", name="Demo")
        user = make_member(team, "reader")
        series = Series.objects.get(pk=store_chest(team, 1, has_cancer=True, slices=2).pk)
        first = Instance.objects.filter(series=series).first()
        assert first is not None
        Instance.objects.filter(pk=first.pk).update(rows=SIDE, columns=SIDE, number_of_frames=SLICES)
        Instance.objects.filter(series=series).exclude(pk=first.pk).delete()
        rng, state = np.random.default_rng(0), State()
        blobs = [document.runs_of(_blob(rng, index)).tobytes() for index in range(60)]
        for number in range(1, SEGMENTS + 1):
            state.segments[number] = (named(f"segment {number}", number), 0)
            for index in range(SLICES):
                state.frames[number, (first.sop_instance_uid, index + 1)] = (blobs[(number + index) % 60], 0)
        made = create_segmentation(user, series, uuid4(), "many", state=state)
        packed = access.document_of(made)
        raw = zlib.decompress(packed)
        fetch = _timed(lambda: access.document_of(made), 5)
        bare = _timed(lambda: zlib.compress(raw, 1), 5)
        study = series.study.study_instance_uid

        def stroke() -> None:
            frames = [[first.sop_instance_uid, int(rng.integers(1, SLICES + 1))]]
            runs = document.runs_of(_blob(rng, 3))
            header = {"change": str(uuid4()), "act": "brush", "frames": frames, "slices": [[1, 0, 10**6, len(runs)]]}
            change_segmentation(user, "demo", study, made.uuid, document.write(header, [runs.tobytes()]))

        @transaction.atomic
        def row() -> None:
            Team.objects.filter(pk=team.pk).update(name=str(uuid4()))

        save, write = _timed(stroke, 40), _timed(row, 40)
        print(f"{SEGMENTS} segments × {SLICES} slices: {len(raw) / 2**20:.1f} MB, {len(packed) / 2**20:.2f} MB as sent")
        print(f"fetch {fetch:.0f} ms, {fetch / bare:.1f} × packing alone ({bare:.0f} ms)")
        print(f"a stroke saved {save:.1f} ms, {save / write:.1f} × a row committed ({write:.1f} ms)")


if __name__ == "__main__":
    main()
