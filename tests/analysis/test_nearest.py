"""Nearest neighbours are exact, and the matrix follows what is added and taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from medportal.analysis import nearest
from medportal.analysis.models import Embedding
from medportal.archive.models import Patient, Series, Study
from medportal.archive.models import Series as Rows


def unit(count: int, values: int = 8, seed: int = 0) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, values)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def study(team: Any) -> Study:
    return Study.objects.create(team=team, patient=Patient.objects.create(team=team), study_instance_uid="1.2")


def add(study: Study, vectors: Any, *, model: str = "m") -> list[int]:
    first = Rows.objects.count()
    made = [
        Series(team=study.team, study=study, series_instance_uid=f"1.2.{first + i}", revision=1)
        for i in range(len(vectors))
    ]
    Series.objects.bulk_create(made)
    for series, vector in zip(made, vectors, strict=True):
        Embedding.objects.create(
            team=study.team,
            series=series,
            model=model,
            version=1,
            sha256="0" * 64,
            revision=1,
            vector=vector.astype("<f4").tobytes(),
        )
    return [series.pk for series in made]


def rows(study: Study) -> Any:
    return Embedding.objects.filter(team=study.team, model="m", version=1)


def key(study: Study, model: str = "m") -> tuple[int, str, int]:
    return (study.team_id, model, 1)


def test_they_are_those_of_the_largest_cosine(study: Study) -> None:
    vectors = unit(50)
    keys = add(study, vectors)
    matrix = nearest.Matrices().get(key(study))
    found = matrix.nearest(vectors[7], limit=5, without={keys[3]})
    cosines = vectors @ vectors[7]
    order = [i for i in np.argsort(-cosines) if i != 3][:5]
    assert [key for key, _ in found] == [keys[i] for i in order]
    assert [value for _, value in found] == pytest.approx([float(cosines[i]) for i in order], abs=1e-6)
    assert len(matrix.nearest(vectors[0], limit=100, without=set(keys[:10]))) == 40
    assert matrix.nearest(np.ones(3, np.float32), limit=5) == []


def test_none_are_none(study: Study) -> None:
    matrix = nearest.Matrices().get(key(study))
    assert matrix.nearest(unit(1)[0], limit=5) == []
    keys = add(study, unit(1))
    assert nearest.Matrices().get(key(study)).nearest(unit(1)[0], limit=5, without=keys) == []


def test_rows_that_are_added_are_read_alone_and_rows_that_are_gone_are_gone(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    plain = nearest._matrix

    def reading(asked: Any, stamp: tuple[int, int]) -> nearest.Matrix:
        matrix = plain(asked, stamp)
        read.append(len(matrix.keys))
        return matrix

    monkeypatch.setattr(nearest, "_matrix", reading)
    cache, vectors = nearest.Matrices(), unit(30)
    keys = add(study, vectors[:20])
    assert len(cache.get(key(study)).keys) == 20
    cache.get(key(study))
    keys += add(study, vectors[20:])
    matrix = cache.get(key(study))
    assert matrix.keys.tolist() == keys
    np.testing.assert_array_equal(matrix.vectors, vectors)
    assert read == [20, 10]
    rows(study).filter(series__in=keys[:2]).delete()
    assert cache.get(key(study)).keys.tolist() == keys[2:]
    # One gone and one added: as many as before.
    rows(study).filter(series=keys[2]).delete()
    keys += add(study, unit(1, seed=9))
    assert cache.get(key(study)).keys.tolist() == keys[3:]


def test_series_that_could_not_be_read_have_no_place(study: Study) -> None:
    nothing = add(study, np.zeros((2, 0), np.float32))
    keys = add(study, unit(3))
    matrix = nearest.Matrices().get(key(study))
    assert matrix.keys.tolist() == keys
    assert not set(nothing) & {found for found, _ in matrix.nearest(unit(3)[0], limit=9)}


def test_what_has_another_length_has_no_place_and_does_no_harm(study: Study) -> None:
    keys = add(study, unit(4)) + add(study, unit(1, values=5))
    assert nearest.Matrices().get(key(study)).keys.tolist() == keys[:4]


def test_the_least_used_leave_when_the_budget_is_full(study: Study) -> None:
    add(study, unit(10))
    add(study, unit(10), model="other")
    cache = nearest.Matrices(budget_bytes=500)
    first = cache.get(key(study))
    assert cache.get(key(study)) is first
    cache.get(key(study, "other"))
    assert cache.get(key(study)) is not first
