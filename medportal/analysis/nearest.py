"""Exact nearest neighbours among a team's embeddings: one matrix in memory for each version, multiplied as a whole.

Or by pgvector (`by_pgvector`), where the site wants that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from threading import Lock

import numpy as np
from django.conf import settings
from django.db.models import Count, F, Max, QuerySet
from numpy.typing import NDArray

from medportal.analysis import by_pgvector
from medportal.analysis.models import Embedding

Vector = NDArray[np.float32]
# Of all matrices that a process keeps; 100,000 embeddings of 256 values are 100 MB.
BUDGET_BYTES = 512 * 1024 * 1024
# Neighbours that are asked for.
USUAL_LIMIT, MAX_LIMIT = 12, 100


@dataclass(frozen=True)
class Matrix:
    """Embeddings as rows, in the order of their keys."""

    # (number of rows, highest primary key) when it was read: rows are never changed, so this tells of every change.
    stamp: tuple[int, int]
    # Of the series.
    keys: NDArray[np.int64]
    # (rows, values), each row of length 1.
    vectors: Vector

    def nearest(self, vector: Vector, *, limit: int, without: Collection[int] = ()) -> list[tuple[int, float]]:
        """Return (series' row, cosine of the angle between) of the nearest, the nearest first."""
        if vector.shape != self.vectors.shape[1:]:
            return []
        scores = self.vectors @ vector
        scores[np.isin(self.keys, np.fromiter(without, np.int64))] = -np.inf
        count = min(limit, len(scores))
        best = np.argpartition(-scores, count - 1)[:count] if count else np.zeros(0, np.int64)
        order = best[np.lexsort((self.keys[best], -scores[best]))]
        return [(int(self.keys[i]), float(scores[i])) for i in order if np.isfinite(scores[i])]


class Matrices:
    """The matrices last asked for, each read again, or grown, when its rows have changed. Safe for several threads."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._matrices: OrderedDict[tuple[int, str, int], Matrix] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[int, str, int]) -> Matrix:
        """Return the matrix of the embeddings of (team, model, version): all of these, read through their index."""
        rows = _rows_of(key)
        stamp = _stamp_of(rows)
        with self._lock:
            known = self._matrices.pop(key, None)
            matrix = known if known is not None and known.stamp == stamp else _read(rows, stamp, known)
            self._matrices[key] = matrix
            while (
                len(self._matrices) > 1 and sum(m.vectors.nbytes for m in self._matrices.values()) > self._budget_bytes
            ):
                self._matrices.popitem(last=False)
            return matrix


def _rows_of(key: tuple[int, str, int]) -> QuerySet[Embedding]:
    rows = Embedding.objects.filter(team_id=key[0], model=key[1], version=key[2])
    # Where a series lay before it grew is no answer.
    return rows.filter(revision=F("series__revision"))


def _stamp_of(rows: QuerySet[Embedding]) -> tuple[int, int]:
    found = rows.aggregate(count=Count("pk"), last=Max("pk"))
    return found["count"], found["last"] or 0


def _read(rows: QuerySet[Embedding], stamp: tuple[int, int], known: Matrix | None) -> Matrix:
    """Return the rows as a matrix; where rows have only been added, the known ones are not read again."""
    if known is not None:
        added = rows.filter(pk__gt=known.stamp[1], pk__lte=stamp[1])
        if added.count() == stamp[0] - known.stamp[0]:
            new = _matrix(added, stamp)
            if not known.keys.size or not new.keys.size or new.vectors.shape[1] == known.vectors.shape[1]:
                parts = [one for one in (known, new) if one.keys.size] or [new]
                keys, vectors = ([getattr(one, name) for one in parts] for name in ("keys", "vectors"))
                return Matrix(stamp, np.concatenate(keys), np.concatenate(vectors))
    return _matrix(rows.filter(pk__lte=stamp[1]), stamp)


def _matrix(rows: QuerySet[Embedding], stamp: tuple[int, int]) -> Matrix:
    """Read rows; those without a vector, or of another length than the first, have no place in it."""
    keys: list[int] = []
    content: list[bytes] = []
    for key, vector in rows.order_by("pk").values_list("series_id", "vector").iterator(chunk_size=2000):
        if len(vector) and (not content or len(vector) == len(content[0])):
            keys.append(key)
            content.append(bytes(vector))
    values = np.frombuffer(b"".join(content), "<f4").astype(np.float32)
    return Matrix(stamp, np.asarray(keys, np.int64), values.reshape(len(keys), -1) if keys else values.reshape(0, 0))


@cache
def matrices() -> Matrices:
    """Return this process's matrices."""
    return Matrices()


def find(
    key: tuple[int, str, int], vector: Vector, *, limit: int, without: Collection[int] = ()
) -> tuple[int, list[tuple[int, float]]]:
    """Return among how many embeddings of (team, model, version) was looked, and what is nearest, as `Matrix.nearest`."""
    if settings.USE_PGVECTOR:
        return by_pgvector.find(_rows_of(key), vector, limit=limit, without=without)
    matrix = matrices().get(key)
    return len(matrix.keys), matrix.nearest(vector, limit=limit, without=without)
