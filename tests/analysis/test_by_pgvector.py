"""A PostgreSQL with pgvector finds the same neighbours as the matrix in memory, whatever is added and taken away."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from medportal.analysis import nearest
from medportal.archive.models import Patient, Study
from tests import factories
from tests.analysis.test_nearest import add, key, rows, unit
from tests.processes import ROOT, Site, postgresql
from tests.rails import this_process_on


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pgserver = pytest.importorskip("pgserver", reason="no PostgreSQL with pgvector for this machine")
    folder = tmp_path_factory.mktemp("pgvector")
    (folder / "postgresql").mkdir()
    packages = Path(pgserver.__file__).parents[1]
    with tempfile.TemporaryDirectory() as name:
        # It does not run as root, and who it runs as may look neither where packages are installed nor in `folder`.
        Path(name).chmod(0o755)
        for part in ("pgserver", "pgserver.libs"):
            shutil.copytree(packages / part, Path(name) / part, symlinks=True)
        with postgresql(folder / "postgresql", Path(name) / "pgserver" / "pginstall" / "bin") as url:
            made = Site(folder, database_url=url, MEDPORTAL_PGVECTOR="1")
            yield made
            made.end()


@pytest.fixture
def study(site: Site, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[Study]:
    with django_db_blocker.unblock(), this_process_on(site):
        monkeypatch.setattr(settings, "USE_PGVECTOR", True)
        team = factories.make_team()
        yield Study.objects.create(team=team, patient=Patient.objects.create(team=team), study_instance_uid="1.2")


def compare(study: Study, vector: Any, **options: Any) -> list[int]:
    """Return the keys that are found, once both ways have said the same."""
    compared, found = nearest.find(key(study), vector, **options)
    matrix = nearest.Matrices().get(key(study))
    expected = matrix.nearest(vector, **options)
    assert compared == len(matrix.keys)
    assert [one for one, _ in found] == [one for one, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-6)
    return [one for one, _ in found]


def test_it_says_the_same_as_the_matrix(study: Study) -> None:
    vectors = unit(2500, 24)
    keys = add(study, vectors)
    assert compare(study, vectors[7], limit=5)[0] == keys[7]
    assert keys[7] not in compare(study, vectors[7], limit=100, without={keys[7], keys[8]})
    # Two of one vector come in the order of their series, both ways.
    keys += add(study, vectors[7:8])
    assert compare(study, vectors[7], limit=2) == [keys[7], keys[-1]]
    rows(study).filter(series=keys[7]).delete()
    assert compare(study, vectors[7], limit=1) == [keys[-1]]


def test_what_has_no_vector_or_another_length_or_model_has_no_place(study: Study) -> None:
    vectors = unit(20)
    keys = add(study, np.zeros((2, 0), np.float32)) + add(study, vectors) + add(study, unit(3, 5))
    add(study, vectors, model="other")
    assert set(compare(study, vectors[0], limit=100)) == set(keys[2:22])
    grown = study.series.get(pk=keys[2])
    grown.revision += 1
    grown.save()
    assert keys[2] not in compare(study, vectors[0], limit=100)


def test_none_are_none(study: Study) -> None:
    assert nearest.find(key(study), unit(1)[0], limit=5) == (0, [])


def test_migrating_again_keeps_what_is_there(study: Study, site: Site) -> None:
    vectors = unit(3)
    add(study, vectors)
    compare(study, vectors[0], limit=3)
    site.command("migrate", "--verbosity", "0")
    compare(study, vectors[0], limit=3)


def test_it_is_refused_on_another_database(tmp_path: Path, site: Site) -> None:
    env = {**site.env, "DATABASE_URL": f"sqlite:///{tmp_path / 'other.sqlite3'}"}
    done = subprocess.run([sys.executable, "manage.py", "migrate"], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "MEDPORTAL_PGVECTOR=1 needs a PostgreSQL" in done.stderr
